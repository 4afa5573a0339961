#include "common/wire/spec_json.h"

#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"
#include "common/wire/decimal.h"
#include "common/wire/object_reader.h"
#include "common/wire/target_url.h"

namespace broadside {
namespace {

using Errors = std::vector<FieldError>;

// Fills a TestSpec from the tree. Shapes and types are checked here, ranges by Validate; `aliases_`
// leads from the pointers of Validate to the keys that the user wrote.
class SpecReader {
 public:
  explicit SpecReader(Errors errors) : errors_(std::move(errors)) {}

  void Read(const JsonNode& root) {
    ObjectReader reader(root, "",
                        {"name", "target", "load", "timeout", "timeout_ms", "max_lateness",
                         "max_lateness_ms", "connections", "thresholds", "agents"},
                        errors_);
    if (auto name = reader.String("name", Need::kRequired)) spec_.name = *std::move(name);
    if (const JsonNode* node = reader.Find("target", Need::kRequired)) ReadTarget(*node);
    if (const JsonNode* node = reader.Find("load", Need::kRequired)) ReadLoad(*node);
    ReadDuration(reader, "", "timeout", limits::kTimeoutMax, spec_.timeout);
    ReadDuration(reader, "", "max_lateness", limits::kMaxLatenessMax, spec_.max_lateness);
    if (const JsonNode* node = reader.Find("connections")) ReadConnections(*node);
    if (const JsonNode* node = reader.Find("thresholds")) ReadThresholds(*node);
    if (const JsonNode* node = reader.Find("agents")) ReadAgents(*node);
  }

  // The spec, or all errors: those of shape, and those of range in fields whose shape is right.
  std::variant<TestSpec, SpecProblem> Finish() {
    const Errors shape = errors_;
    for (FieldError& error : Validate(spec_)) {
      if (const auto alias = aliases_.find(error.pointer); alias != aliases_.end()) {
        error.pointer = alias->second;
      }
      bool covered = false;
      for (const FieldError& other : shape) covered |= IsAtOrUnder(error.pointer, other.pointer);
      if (!covered) AddFieldError(std::move(error.pointer), std::move(error.detail), errors_);
    }
    if (errors_.empty()) return std::move(spec_);
    return SpecProblem{std::move(errors_)};
  }

  // What could be read, right or wrong.
  TestSpec Take() { return std::move(spec_); }

 private:
  static bool IsAtOrUnder(std::string_view pointer, std::string_view ancestor) {
    if (pointer.substr(0, ancestor.size()) != ancestor) return false;
    return pointer.size() == ancestor.size() || pointer[ancestor.size()] == '/';
  }

  void ReadDuration(ObjectReader& reader, std::string_view parent, std::string_view key, Millis max,
                    Millis& out, Need need = Need::kOptional) {
    const std::string pointer = Concat(parent, "/", key);
    if (reader.Has(pointer.substr(pointer.rfind('/') + 1) + "_ms")) {
      aliases_[pointer] = pointer + "_ms";
    }
    if (const auto duration = reader.Duration(key, max, need)) out = *duration;
  }

  void ReadTarget(const JsonNode& node) {
    Target& target = spec_.target;
    ObjectReader reader(node, "/target",
                        {"url", "method", "headers", "body", "body_base64", "version_header"},
                        errors_);
    if (const auto url = reader.String("url", Need::kRequired)) {
      const absl::Status s = ParseTargetUrl(*url, target);
      if (!s.ok()) reader.Error("url", std::string(ToStd(s.message())));
    }
    if (auto method = reader.String("method")) target.method = *std::move(method);
    if (const JsonNode* headers = reader.Find("headers")) ReadHeaders(*headers);
    ReadBody(reader);
    if (auto name = reader.String("version_header")) target.version_header = *std::move(name);
  }

  void ReadHeaders(const JsonNode& node) {
    if (node.kind != JsonNode::Kind::kObject) {
      AddFieldError("/target/headers", WrongType("an object", node), errors_);
    }
    for (const auto& [name, value] : node.members) {
      if (value.kind == JsonNode::Kind::kString) {
        spec_.target.headers.emplace_back(name, value.text);
      } else {
        AddFieldError(ChildPointer("/target/headers", name), WrongType("a string", value), errors_);
      }
    }
  }

  void ReadBody(ObjectReader& reader) {
    if (auto body = reader.String("body")) spec_.target.body = *std::move(body);
    const auto base64 = reader.String("body_base64");
    if (!base64) return;
    aliases_["/target/body"] = "/target/body_base64";
    if (reader.Has("body")) {
      reader.Error("body_base64", "is given together with body");
    } else if (!absl::Base64Unescape(ToAbsl(*base64), &spec_.target.body)) {
      reader.Error("body_base64", "is not base64");
    }
  }

  void ReadLoad(const JsonNode& node) {
    Load& load = spec_.load;
    ObjectReader reader(
        node, "/load",
        {"model", "arrivals", "stages", "seed", "connections", "duration", "duration_ms"}, errors_);
    ReadWord(reader, "model", {{"open", LoadModel::kOpen}, {"closed", LoadModel::kClosed}},
             load.model);
    ReadWord(reader, "arrivals", {{"even", Arrivals::kEven}, {"poisson", Arrivals::kPoisson}},
             load.arrivals);
    const bool open = load.model == LoadModel::kOpen;
    const Need open_need = open && reader.ok() ? Need::kRequired : Need::kOptional;
    const Need closed_need = open ? Need::kOptional : Need::kRequired;
    if (const JsonNode* stages = reader.Find("stages", open_need)) ReadStages(*stages);
    ReadSeed(reader);
    if (const auto n =
            reader.Integer("connections", limits::kConnectionsPerAgentMax, closed_need)) {
      load.connections = *n;
    }
    Millis duration{0};
    ReadDuration(reader, "/load", "duration", limits::kTestDurationMax, duration, closed_need);
    load.duration_ms = duration.count();
    for (const char* key : {"connections", "duration", "duration_ms"}) {
      if (open && reader.Has(key)) reader.Error(key, "belongs to the model \"closed\"");
    }
    if (!open && reader.Has("stages")) reader.Error("stages", "belongs to the model \"open\"");
  }

  void ReadSeed(ObjectReader& reader) {
    const JsonNode* node = reader.Find("seed");
    if (node == nullptr) return;
    const std::string& text = node->text;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), spec_.load.seed);
    const bool whole = result.ec == std::errc() && result.ptr == text.data() + text.size();
    if (node->kind != JsonNode::Kind::kNumber || !whole) {
      reader.Error("seed", WrongType("a whole number from 0 to 18446744073709551615", *node));
    } else if (spec_.load.arrivals != Arrivals::kPoisson) {
      reader.Error("seed", "belongs to the arrivals \"poisson\"");
    }
  }

  void ReadStages(const JsonNode& node) {
    if (node.kind != JsonNode::Kind::kArray) {
      AddFieldError("/load/stages", WrongType("an array", node), errors_);
      return;
    }
    for (size_t i = 0; i < node.items.size() && i <= limits::kStagesMax; ++i) {
      ReadStage(node.items[i], ChildPointer("/load/stages", i));
    }
    // Those beyond the limit are not read; Validate counts them.
    if (node.items.size() > limits::kStagesMax) spec_.load.stages.resize(node.items.size());
  }

  void ReadStage(const JsonNode& node, const std::string& pointer) {
    Stage stage;
    ObjectReader reader(node, pointer, {"duration", "duration_ms", "rate", "from", "to"}, errors_);
    Millis duration{0};
    ReadDuration(reader, pointer, "duration", limits::kTestDurationMax, duration, Need::kRequired);
    stage.duration_ms = duration.count();
    if (reader.Has("from") || reader.Has("to")) {
      for (const char* key : {"from", "to"}) {
        if (reader.Has("rate")) {
          if (reader.Has(key)) reader.Error(key, "is given together with rate");
          continue;
        }
        MicroRate& rate = key[0] == 'f' ? stage.rate_from : stage.rate_to;
        if (const auto given = Rate(reader, key, "is missing")) rate = *given;
      }
      // A ramp from a rate to itself is a constant rate to Validate.
      aliases_[pointer + "/rate"] = pointer + "/from";
    } else if (const auto rate = Rate(reader, "rate", "is missing (or from and to)")) {
      stage.rate_from = stage.rate_to = *rate;
    }
    spec_.load.stages.push_back(stage);
  }

  std::optional<MicroRate> Rate(ObjectReader& reader, std::string_view key, const char* missing) {
    if (!reader.Has(key)) {
      if (reader.ok()) reader.Error(key, missing);
      return std::nullopt;
    }
    const JsonNode& node = *reader.Find(key);
    if (node.kind != JsonNode::Kind::kNumber) {
      reader.Error(key, WrongType("a number", node));
      return std::nullopt;
    }
    const absl::StatusOr<MicroRate> rate = ParseMicroRate(node.text);
    if (rate.ok()) return *rate;
    reader.Error(key, std::string(ToStd(rate.status().message())));
    return std::nullopt;
  }

  void ReadConnections(const JsonNode& node) {
    ConnectionPolicy& connections = spec_.connections;
    ObjectReader reader(
        node, "/connections",
        {"max_per_agent", "keepalive", "max_age", "max_age_ms", "resend_idle_closed"}, errors_);
    if (const auto n = reader.Integer("max_per_agent", limits::kConnectionsPerAgentMax)) {
      connections.max_per_agent = *n;
    }
    connections.keepalive = reader.Bool("keepalive").value_or(connections.keepalive);
    ReadDuration(reader, "/connections", "max_age", limits::kMaxAgeMax, connections.max_age);
    connections.resend_idle_closed =
        reader.Bool("resend_idle_closed").value_or(connections.resend_idle_closed);
  }

  void ReadThresholds(const JsonNode& node) {
    if (node.kind != JsonNode::Kind::kObject) {
      AddFieldError("/thresholds", WrongType("an object", node), errors_);
      return;
    }
    for (const auto& [name, list] : node.members) {
      const std::string pointer = ChildPointer("/thresholds", name);
      const absl::StatusOr<ThresholdMetric> metric = ParseThresholdMetric(name);
      if (!metric.ok()) {
        AddFieldError(pointer, std::string(ToStd(metric.status().message())), errors_);
      } else if (list.kind != JsonNode::Kind::kArray) {
        AddFieldError(pointer, WrongType("an array", list), errors_);
      } else {
        // One more than the limit, for Validate to see.
        for (size_t i = 0; i < list.items.size() && i <= limits::kThresholdsPerMetricMax; ++i) {
          ReadThreshold(*metric, list.items[i], ChildPointer(pointer, i));
        }
      }
    }
  }

  void ReadThreshold(ThresholdMetric metric, const JsonNode& node, const std::string& pointer) {
    if (node.kind == JsonNode::Kind::kString) {
      AddThreshold(metric, node.text, pointer);
      return;
    }
    if (node.kind != JsonNode::Kind::kObject) {
      AddFieldError(pointer, WrongType("a string or an object", node), errors_);
      return;
    }
    ObjectReader reader(node, pointer, {"threshold", "abortOnFail", "delayAbortEval"}, errors_);
    const auto expression = reader.String("threshold", Need::kRequired);
    const bool abort = reader.Bool("abortOnFail").value_or(false);
    const Millis delay = ReadDelay(reader);
    if (expression && AddThreshold(metric, *expression, reader.PointerTo("threshold"))) {
      spec_.thresholds.back().abort_on_fail = abort;
      spec_.thresholds.back().delay_abort_eval = delay;
    }
  }

  // As in k6 a duration string, or a number of milliseconds.
  Millis ReadDelay(ObjectReader& reader) {
    constexpr std::string_view kKey = "delayAbortEval";
    const JsonNode* node = reader.Find(kKey);
    if (node == nullptr) return Millis(0);
    if (node->kind == JsonNode::Kind::kNumber) {
      return Millis(reader.Integer(kKey, limits::kTestDurationMax.count()).value_or(0));
    }
    return reader.Duration(kKey, limits::kTestDurationMax).value_or(Millis(0));
  }

  bool AddThreshold(ThresholdMetric metric, std::string_view expression,
                    const std::string& pointer) {
    absl::StatusOr<Threshold> threshold = ParseThreshold(metric, expression);
    if (!threshold.ok()) {
      AddFieldError(pointer, std::string(ToStd(threshold.status().message())), errors_);
      return false;
    }
    spec_.thresholds.push_back(*std::move(threshold));
    return true;
  }

  void ReadAgents(const JsonNode& node) {
    ObjectReader reader(node, "/agents", {"min", "use"}, errors_);
    if (const auto min = reader.Integer("min", limits::kAgentsMinMax)) spec_.agents.min = *min;
    ReadWord(reader, "use", {{"auto", AgentsUse::kAuto}, {"all", AgentsUse::kAll}},
             spec_.agents.use);
  }

  // One of a closed set of words.
  template <typename Word>
  void ReadWord(ObjectReader& reader, std::string_view key,
                std::initializer_list<std::pair<std::string_view, Word>> words, Word& out) {
    const auto text = reader.String(key);
    if (!text) return;
    std::string known;
    for (const auto& [name, word] : words) {
      if (name == *text) {
        out = word;
        return;
      }
      known += Concat(known.empty() ? "" : ", ", name);
    }
    reader.Error(key, Concat(Quoted(*text), " is not known (known: ", known, ")"));
  }

  TestSpec spec_;
  Errors errors_;
  std::map<std::string, std::string> aliases_;
};

}  // namespace

std::string SpecProblem::ToString() const {
  if (IsSyntax()) {
    return Concat("line ", syntax().line, ", column ", syntax().column, ": ", syntax().detail);
  }
  if (fields().empty()) return "";
  // The pointer of the whole document is empty.
  const std::string& pointer = fields()[0].pointer;
  return Concat(pointer.empty() ? "the document" : Escaped(pointer), ": ", fields()[0].detail);
}

std::variant<TestSpec, SpecProblem> ParseTestSpec(std::string_view json) {
  auto parsed = ParseJson(json);
  if (auto* error = std::get_if<JsonSyntaxError>(&parsed)) return SpecProblem{std::move(*error)};
  JsonDocument& document = std::get<JsonDocument>(parsed);
  if (document.incomplete) return SpecProblem{std::move(document.errors)};
  SpecReader reader(std::move(document.errors));
  reader.Read(document.root);
  return reader.Finish();
}

std::variant<TestSpec, SpecProblem> ReadStoredTestSpec(std::string_view json) {
  auto parsed = ParseJson(json);
  if (auto* error = std::get_if<JsonSyntaxError>(&parsed)) return SpecProblem{std::move(*error)};
  JsonDocument& document = std::get<JsonDocument>(parsed);
  if (document.incomplete) return SpecProblem{std::move(document.errors)};
  SpecReader reader({});
  reader.Read(document.root);
  return reader.Take();
}

std::variant<MicroRate, SpecProblem> ParseRateChange(std::string_view json) {
  auto parsed = ParseJson(json);
  if (auto* error = std::get_if<JsonSyntaxError>(&parsed)) return SpecProblem{std::move(*error)};
  JsonDocument& document = std::get<JsonDocument>(parsed);
  Errors errors = std::move(document.errors);
  if (document.incomplete) return SpecProblem{std::move(errors)};
  ObjectReader reader(document.root, "", {"rate"}, errors);
  MicroRate change = 0;
  if (const JsonNode* node = reader.Find("rate", Need::kRequired)) {
    if (node->kind != JsonNode::Kind::kNumber) {
      reader.Error("rate", WrongType("a number", *node));
    } else if (const absl::StatusOr<MicroRate> rate = ParseMicroRate(node->text); rate.ok()) {
      change = *rate;
    } else {
      reader.Error("rate", std::string(ToStd(rate.status().message())));
    }
  }
  if (!errors.empty()) return SpecProblem{std::move(errors)};
  return change;
}

}  // namespace broadside
