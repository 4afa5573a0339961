#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "common/core/status.h"
#include "common/core/utf8.h"
#include "common/wire/duration.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

using Json = nlohmann::ordered_json;

// A fraction becomes the nearest double, whose text ParseMicroRate takes back to the same rate.
Json RateToJson(MicroRate rate) {
  if (rate % kMicro == 0) return rate / kMicro;
  return static_cast<double>(rate) / kMicro;
}

Json TargetToJson(const Target& target) {
  Json json;
  json["url"] = target.url;
  json["method"] = target.method;
  json["headers"] = Json::object();
  for (const auto& [name, value] : target.headers) json["headers"][name] = value;
  if (IsValidUtf8(target.body)) {
    json["body"] = target.body;
  } else {
    json["body_base64"] = std::string(ToStd(absl::Base64Escape(ToAbsl(target.body))));
  }
  if (!target.version_header.empty()) json["version_header"] = target.version_header;
  return json;
}

Json StageToJson(const Stage& stage) {
  Json json;
  json["duration"] = FormatDuration(Millis(stage.duration_ms));
  if (stage.rate_from == stage.rate_to) {
    json["rate"] = RateToJson(stage.rate_from);
  } else {
    json["from"] = RateToJson(stage.rate_from);
    json["to"] = RateToJson(stage.rate_to);
  }
  return json;
}

Json LoadToJson(const Load& load) {
  Json json;
  if (load.model == LoadModel::kClosed) {
    json["model"] = "closed";
    json["connections"] = load.connections;
    json["duration"] = FormatDuration(Millis(load.duration_ms));
    return json;
  }
  json["model"] = "open";
  json["arrivals"] = load.arrivals == Arrivals::kEven ? "even" : "poisson";
  if (load.arrivals == Arrivals::kPoisson) json["seed"] = load.seed;
  json["stages"] = Json::array();
  for (const Stage& stage : load.stages) json["stages"].push_back(StageToJson(stage));
  return json;
}

Json ThresholdsToJson(const std::vector<Threshold>& thresholds) {
  Json json = Json::object();
  for (const Threshold& threshold : thresholds) {
    Json& list = json[std::string(ThresholdMetricName(threshold.metric))];
    if (!threshold.abort_on_fail && threshold.delay_abort_eval == Millis(0)) {
      list.push_back(threshold.expression);
      continue;
    }
    Json object;
    object["threshold"] = threshold.expression;
    object["abortOnFail"] = threshold.abort_on_fail;
    object["delayAbortEval"] = FormatDuration(threshold.delay_abort_eval);
    list.push_back(std::move(object));
  }
  return json;
}

}  // namespace

Json TestSpecToJson(const TestSpec& spec) {
  Json json;
  json["name"] = spec.name;
  json["target"] = TargetToJson(spec.target);
  json["load"] = LoadToJson(spec.load);
  json["timeout"] = FormatDuration(spec.timeout);
  json["max_lateness"] = FormatDuration(spec.max_lateness);
  Json& connections = json["connections"];
  connections["max_per_agent"] = spec.connections.max_per_agent;
  connections["keepalive"] = spec.connections.keepalive;
  connections["max_age"] = FormatDuration(spec.connections.max_age);
  connections["resend_idle_closed"] = spec.connections.resend_idle_closed;
  json["thresholds"] = ThresholdsToJson(spec.thresholds);
  Json& agents = json["agents"];
  agents["min"] = spec.agents.min;
  agents["use"] = spec.agents.use == AgentsUse::kAuto ? "auto" : "all";
  return json;
}

}  // namespace broadside
