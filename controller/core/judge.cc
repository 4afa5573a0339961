#include "controller/core/judge.h"

#include <array>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/core/limits.h"

namespace broadside {
namespace {

double ToMs(Nanos nanos) { return static_cast<double>(nanos.count()) / 1e6; }

std::optional<double> TimeValue(const Threshold& threshold, const Histogram& histogram) {
  if (histogram.count() == 0) return std::nullopt;
  switch (threshold.aggregation) {
    case Aggregation::kAvg:
      return ToMs(*histogram.Mean());
    case Aggregation::kMin:
      return ToMs(histogram.min());
    case Aggregation::kMax:
      return ToMs(histogram.max());
    case Aggregation::kMed:
      return ToMs(*histogram.Quantile(0.5));
    case Aggregation::kPercentile:
      return ToMs(*histogram.Quantile(threshold.percentile / 100));
    case Aggregation::kRate:
    case Aggregation::kCount:
      break;  // refused by ParseThreshold
  }
  return std::nullopt;
}

std::optional<double> FailedRate(const Totals& totals) {
  const OutcomeCounts& outcomes = totals.due.outcomes;
  const int64_t cancelled = static_cast<int64_t>(outcomes[Outcome::kCancelled]);
  const int64_t base = totals.planned - cancelled;
  if (base <= 0) return std::nullopt;
  const int64_t failed =
      static_cast<int64_t>(outcomes.Total() - outcomes[Outcome::kOk]) - cancelled;
  return static_cast<double>(failed) / static_cast<double>(base);
}

std::optional<double> RequestsValue(const Threshold& threshold, const RequestFigures& requests) {
  const bool count = threshold.aggregation == Aggregation::kCount;
  const uint64_t made = count ? requests.made : requests.known;
  if (made == 0 && !requests.over) return std::nullopt;
  if (count) return static_cast<double>(made);
  if (requests.known_s <= 0) return std::nullopt;
  return static_cast<double>(made) / requests.known_s;
}

std::string Counted(uint64_t count, const char* one, const char* more) {
  return absl::StrFormat("%d %s", count, count == 1 ? one : more);
}

// Collects reasons; the worst level wins.
class Reasons {
 public:
  void Add(VerdictLevel level, std::string reason) {
    if (level > verdict_.generator) verdict_.generator = level;
    verdict_.reasons.push_back(std::move(reason));
  }
  Verdict Take() { return std::move(verdict_); }

 private:
  Verdict verdict_;
};

void JudgeOutcomes(const Totals& totals, const GeneratorHealth& health, Reasons& reasons) {
  const OutcomeCounts& outcomes = totals.due.outcomes;
  const uint64_t skipped = outcomes[Outcome::kSkipped];
  const uint64_t local = outcomes[Outcome::kLocalError];
  const uint64_t unknown = outcomes[Outcome::kUnknown];
  const uint64_t unassigned = outcomes[Outcome::kUnassigned];
  const double lost = static_cast<double>(skipped + local + unknown + unassigned);
  const double share = totals.planned > 0 ? lost / static_cast<double>(totals.planned) : 0;
  if (share > limits::kLostShareMax) {
    reasons.Add(VerdictLevel::kInvalid,
                absl::StrFormat(
                    "%.2f %% of the planned requests were not made or not reported (limit "
                    "%.0f %%): %d skipped, %d local_error, %d unknown, %d unassigned",
                    share * 100, limits::kLostShareMax * 100, skipped, local, unknown, unassigned));
  } else {
    if (skipped > 0) {
      reasons.Add(VerdictLevel::kSuspect, Counted(skipped, "request was", "requests were") +
                                              " skipped (limit 0): not sent within max_lateness");
    }
    if (local > 0) {
      reasons.Add(VerdictLevel::kSuspect,
                  Counted(local, "request", "requests") +
                      " failed in the generator itself (limit 0): local_error");
    }
  }
  if (health.ports_exhausted > 0) {
    reasons.Add(VerdictLevel::kSuspect, "an agent ran out of local ports " +
                                            Counted(health.ports_exhausted, "time", "times") +
                                            " (limit 0)");
  }
  if (health.descriptors_exhausted > 0) {
    reasons.Add(VerdictLevel::kSuspect, "an agent ran out of file descriptors " +
                                            Counted(health.descriptors_exhausted, "time", "times") +
                                            " (limit 0)");
  }
}

void JudgeLag(const Histogram& lag, Reasons& reasons) {
  const std::optional<Nanos> p99 = lag.Quantile(0.99);
  if (!p99.has_value()) return;
  if (*p99 > limits::kSendLagInvalid) {
    reasons.Add(VerdictLevel::kInvalid, absl::StrFormat("send lag p99 is %.1f ms (limit %.0f ms)",
                                                        ToMs(*p99), ToMs(limits::kSendLagInvalid)));
  } else if (*p99 > limits::kSendLagSuspect) {
    reasons.Add(VerdictLevel::kSuspect, absl::StrFormat("send lag p99 is %.1f ms (limit %.0f ms)",
                                                        ToMs(*p99), ToMs(limits::kSendLagSuspect)));
  }
}

void JudgeClock(Nanos error, Reasons& reasons) {
  if (error > limits::kClockErrorMax) {
    reasons.Add(VerdictLevel::kInvalid,
                absl::StrFormat("clock error of an agent reached %.1f ms (limit %.0f ms)",
                                ToMs(error), ToMs(limits::kClockErrorMax)));
  } else if (error > limits::kClockErrorSuspect) {
    reasons.Add(VerdictLevel::kSuspect,
                absl::StrFormat("clock error of an agent reached %.1f ms (limit %.0f ms)",
                                ToMs(error), ToMs(limits::kClockErrorSuspect)));
  }
}

void JudgeLosses(const GeneratorHealth& health, Reasons& reasons) {
  if (health.agents_lost == 0) return;
  const auto lost = static_cast<uint64_t>(health.agents_lost);
  std::string reason = Counted(lost, "agent was", "agents were") + " lost (limit 0)";
  const char* separator = ": ";
  for (const std::string& name : health.lost_first) {
    reason += std::exchange(separator, ", ") + name;
  }
  if (!health.lost_first.empty() && lost > health.lost_first.size())
    reason += absl::StrFormat(" and %d more", lost - health.lost_first.size());
  reasons.Add(VerdictLevel::kSuspect, std::move(reason));
}

void JudgeMachines(const GeneratorHealth& health, Reasons& reasons) {
  const std::array<std::pair<const char*, double>, 2> saturated = {
      {{"a sending thread", health.cpu_saturated_s},
       {"the controller", health.controller_cpu_saturated_s}}};
  for (const auto& [who, seconds] : saturated) {
    if (seconds < limits::kCpuSaturatedSeconds) continue;
    reasons.Add(
        VerdictLevel::kSuspect,
        absl::StrFormat("%s was above %.0f %% CPU for %.0f s (limit %.0f s)", who,
                        limits::kCpuSaturated * 100, seconds, limits::kCpuSaturatedSeconds));
  }
  const std::array<std::pair<const char*, Nanos>, 2> loops = {
      {{"an agent's", health.loop_delay_max},
       {"the controller's", health.controller_loop_delay_max}}};
  for (const auto& [who, delay] : loops) {
    if (delay <= limits::kLoopDelaySuspect) continue;
    reasons.Add(VerdictLevel::kSuspect,
                absl::StrFormat("%s event loop was %.0f ms late (limit %.0f ms)", who, ToMs(delay),
                                ToMs(limits::kLoopDelaySuspect)));
  }
  const std::array<std::pair<const char*, double>, 2> throttled = {
      {{"an agent", health.throttled_max}, {"the controller", health.controller_throttled_max}}};
  for (const auto& [who, share] : throttled) {
    if (share <= limits::kThrottledSuspect) continue;
    reasons.Add(VerdictLevel::kSuspect,
                absl::StrFormat("%s was throttled in %.0f %% of its CPU periods (limit %.0f %%)",
                                who, share * 100, limits::kThrottledSuspect * 100));
  }
}

}  // namespace

uint64_t RequestsMade(const OutcomeCounts& outcomes) {
  return outcomes[Outcome::kOk] + outcomes[Outcome::kFailed] + outcomes[Outcome::kConnectError] +
         outcomes[Outcome::kTlsError] + outcomes[Outcome::kReset] +
         outcomes[Outcome::kProtocolError] + outcomes[Outcome::kTimeout] +
         outcomes[Outcome::kAbandoned];
}

std::optional<double> ThresholdValue(const Threshold& threshold, const Totals& totals,
                                     const RequestFigures& requests) {
  switch (threshold.metric) {
    case ThresholdMetric::kResponseTime:
      return TimeValue(threshold, totals.response_time);
    case ThresholdMetric::kServiceTime:
      return TimeValue(threshold, totals.service_time);
    case ThresholdMetric::kSendLag:
      return TimeValue(threshold, totals.send_lag);
    case ThresholdMetric::kFailed:
      return FailedRate(totals);
    case ThresholdMetric::kRequests:
      return RequestsValue(threshold, requests);
  }
  return std::nullopt;
}

std::vector<ThresholdView> JudgeThresholds(const std::vector<Threshold>& thresholds,
                                           const Totals& totals, const RequestFigures& requests) {
  std::vector<ThresholdView> views;
  views.reserve(thresholds.size());
  for (const Threshold& threshold : thresholds) {
    ThresholdView& view = views.emplace_back();
    view.threshold = threshold;
    view.value = ThresholdValue(threshold, totals, requests);
    view.ok = !view.value.has_value() || Holds(threshold, *view.value);
  }
  return views;
}

Verdict JudgeGenerator(const Totals& totals, const GeneratorHealth& health) {
  Reasons reasons;
  JudgeOutcomes(totals, health, reasons);
  JudgeLag(totals.send_lag, reasons);
  JudgeClock(health.clock_error_max, reasons);
  JudgeLosses(health, reasons);
  JudgeMachines(health, reasons);
  return reasons.Take();
}

}  // namespace broadside
