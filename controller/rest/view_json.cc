#include "controller/rest/view_json.h"

#include <cmath>

#include "common/wire/rfc3339.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

double ToMs(Nanos value) { return static_cast<double>(value.count()) / 1e6; }

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

Json MsOrNull(std::optional<Nanos> value) {
  return value.has_value() ? Json(ToMs(*value)) : Json(nullptr);
}

Json TimeOrNull(const std::optional<WallTime>& time) {
  return time.has_value() ? Json(FormatRfc3339(*time)) : Json(nullptr);
}

Json OutcomesJson(const OutcomeCounts& outcomes) {
  Json json = Json::object();
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    json[std::string(kOutcomeNames[i])] = outcomes.count[i];
  }
  return json;
}

Json CodesJson(const std::map<uint16_t, uint64_t>& codes) {
  Json json = Json::object();
  for (const auto& [code, count] : codes) json[std::to_string(code)] = count;
  return json;
}

Json VersionsJson(const VersionCounts& versions) {
  Json json = Json::object();
  for (const auto& [version, count] : versions) json[version] = count;
  return json;
}

Json DistributionJson(const Histogram& histogram) {
  Json json;
  json["count"] = histogram.count();
  json["mean_ms"] = MsOrNull(histogram.Mean());
  json["p50_ms"] = MsOrNull(histogram.SupportedQuantile(0.5));
  json["p90_ms"] = MsOrNull(histogram.SupportedQuantile(0.9));
  json["p99_ms"] = MsOrNull(histogram.SupportedQuantile(0.99));
  json["p99_9_ms"] = MsOrNull(histogram.SupportedQuantile(0.999));
  json["max_ms"] = histogram.count() == 0 ? Json(nullptr) : Json(ToMs(histogram.max()));
  return json;
}

// One bucket for each doubling that has samples: an outline of the distribution. A bucket has the
// samples above the half of its bound.
Json DoublingsJson(const Histogram& histogram) {
  Json buckets = Json::array();
  const auto add = [&buckets](int exponent, uint64_t count) {
    buckets.push_back(Json{{"le_ms", std::ldexp(1000.0, exponent)}, {"count", count}});
  };
  if (histogram.zero_count() > 0) add(kHistogramMinExponent, histogram.zero_count());
  for (const auto& [index, count] : histogram.AtSchema(0)) add(index, count);
  return buckets;
}

Json DistributionJson(const SparseHistogram& sparse) {
  Histogram histogram;
  histogram.Merge(sparse);
  return DistributionJson(histogram);
}

Json TimeoutsJson(const std::array<uint64_t, kTimeoutPhaseCount>& by_phase) {
  Json json;
  for (size_t i = 0; i < kTimeoutPhaseCount; ++i) {
    json[std::string(kTimeoutPhaseNames[i])] = by_phase[i];
  }
  return json;
}

Json PlannedJson(int64_t planned, LoadModel model) {
  return model == LoadModel::kClosed ? Json(nullptr) : Json(planned);
}

Json TotalsJson(const Totals& totals, LoadModel model) {
  Json json;
  json["planned"] = PlannedJson(totals.planned, model);
  // A closed loop has no plan: it counts what it began.
  if (model == LoadModel::kClosed) {
    json["started"] = static_cast<int64_t>(totals.due.outcomes.Total()) + totals.outstanding;
  }
  json["outcomes"] = OutcomesJson(totals.due.outcomes);
  json["timeouts_by_phase"] = TimeoutsJson(totals.due.timeouts_by_phase);
  json["outstanding"] = totals.outstanding;
  json["resends"] = totals.done.resends;
  json["codes"] = CodesJson(totals.done.codes);
  json["versions"] = VersionsJson(totals.done.versions);
  json["bytes_sent"] = totals.done.bytes_sent;
  json["bytes_received"] = totals.done.bytes_received;
  return json;
}

Json ThresholdJson(const ThresholdView& view) {
  Json json;
  json["metric"] = std::string(ThresholdMetricName(view.threshold.metric));
  json["expression"] = view.threshold.expression;
  json["ok"] = view.ok;
  json["value"] = OrNull(view.value);
  return json;
}

}  // namespace

Json TestJson(const TestView& test, TestParts parts) {
  const LoadModel model = test.spec->load.model;
  Json json;
  json["id"] = test.id;
  json["name"] = test.spec->name;
  json["state"] = std::string(TestStateName(test.state));
  json["reason"] = test.reason.empty() ? Json(nullptr) : Json(test.reason);
  if (parts.spec) json["spec"] = TestSpecToJson(*test.spec);
  json["created_at"] = FormatRfc3339(test.created_at);
  json["started_at"] = TimeOrNull(test.started_at);
  json["ended_at"] = TimeOrNull(test.ended_at);
  json["elapsed_s"] = test.elapsed_s;
  json["totals"] = TotalsJson(test.totals, model);
  json["rates"]["planned"] = model == LoadModel::kClosed ? Json(nullptr) : Json(test.planned_rate);
  json["rates"]["sent"] = test.sent_rate;
  json["rates"]["completed"] = test.completed_rate;
  json["last_second"]["planned"] = PlannedJson(test.planned_per_second, model);
  json["last_second"]["completed"] = test.requests_per_second;
  json["last_second"]["coverage"] = test.interval_coverage;
  json["response_time"] = DistributionJson(test.totals.response_time);
  json["response_time"]["doublings"] = DoublingsJson(test.totals.response_time);
  json["service_time"] = DistributionJson(test.totals.service_time);
  json["send_lag"] = DistributionJson(test.totals.send_lag);
  json["books"]["balanced"] = test.balanced;
  json["thresholds"] = Json::array();
  for (const ThresholdView& view : test.thresholds) {
    json["thresholds"].push_back(ThresholdJson(view));
  }
  json["verdict"]["generator"] = std::string(VerdictLevelName(test.verdict.generator));
  json["verdict"]["reasons"] = test.verdict.reasons;
  if (parts.agents) {
    json["agents"] = Json::array();
    for (const AgentView& agent : test.agents) json["agents"].push_back(AgentJson(agent));
  }
  return json;
}

Json AgentJson(const AgentView& agent) {
  Json json;
  json["name"] = agent.name;
  json["incarnation"] = ToString(agent.incarnation);
  json["state"] = std::string(AgentStateName(agent.state));
  json["share"] = agent.share;
  json["threads"] = agent.threads;
  json["capacity_rps"] = OrNull(agent.capacity_rps);
  json["send_lag_p99_ms"] = OrNull(agent.send_lag_p99_ms);
  json["clock_offset_ms"] = agent.clock_known ? Json(agent.clock_offset_ms) : Json(nullptr);
  json["clock_error_ms"] = agent.clock_known ? Json(agent.clock_error_ms) : Json(nullptr);
  return json;
}

Json IntervalJson(const IntervalView& interval, LoadModel model) {
  Json json;
  json["k"] = interval.k;
  json["planned"] = PlannedJson(interval.planned, model);
  json["outcomes"] = OutcomesJson(interval.due.outcomes);
  json["completed"] = interval.done.completed;
  json["codes"] = CodesJson(interval.done.codes);
  json["versions"] = VersionsJson(interval.done.versions);
  json["response_time"] = DistributionJson(interval.done.response_time);
  json["service_time"] = DistributionJson(interval.done.service_time);
  json["send_lag"] = DistributionJson(interval.done.send_lag);
  json["settled"] = interval.settled;
  // The rate that was published for this second, and from how many of its owners it was known.
  json["closed_completed"] = interval.closed ? Json(interval.closed_completed) : Json(nullptr);
  json["coverage"] = interval.closed ? Json(interval.coverage) : Json(nullptr);
  return json;
}

Json ChangeJson(const Change& change) {
  Json json;
  json["revision"] = change.revision;
  json["kind"] = std::string(ChangeKindName(change.kind));
  json["at"] = FormatRfc3339(change.at);
  json["detail"] = change.detail;
  return json;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace broadside
