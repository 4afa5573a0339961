#include "common/core/test_spec.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

using Errors = std::vector<FieldError>;

// RFC 9110, 5.6.2.
bool IsTokenChar(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::string Hex(char32_t c) {
  std::string digits;
  for (int shift = c > 0xffff ? 20 : 12; shift >= 0; shift -= 4) {
    digits += "0123456789ABCDEF"[(c >> shift) & 0xf];
  }
  return digits;
}

void CheckRange(std::string_view pointer, int64_t value, int64_t min, int64_t max,
                std::string_view unit, Errors& errors) {
  if (value < min) {
    errors.push_back({std::string(pointer), Concat(value, unit, " is below ", min, unit)});
  } else if (value > max) {
    errors.push_back({std::string(pointer), Concat(value, unit, " exceeds ", max, unit)});
  }
}

void CheckMillis(std::string_view pointer, Millis value, Millis min, Millis max, Errors& errors) {
  CheckRange(pointer, value.count(), min.count(), max.count(), " ms", errors);
}

void CheckBytes(std::string_view pointer, size_t size, size_t max, Errors& errors) {
  if (size > max) errors.push_back({std::string(pointer), Concat(size, " bytes exceed ", max)});
}

void CheckName(std::string_view name, Errors& errors) {
  if (name.empty()) errors.push_back({"/name", "is empty; 1 to 200 characters are needed"});
  size_t characters = 0;
  std::string_view rest = name;
  while (!rest.empty()) {
    const std::optional<char32_t> c = NextCodePoint(rest);
    if (!c) {
      errors.push_back({"/name", "is not valid UTF-8"});
      return;
    }
    ++characters;
    if (!IsPrintable(*c)) {
      errors.push_back({"/name", Concat("character ", characters, " is U+", Hex(*c),
                                        ", which is not printable")});
      return;
    }
  }
  if (characters > limits::kNameCharsMax) {
    errors.push_back({"/name", Concat(characters, " characters exceed ", limits::kNameCharsMax)});
  }
}

bool HasOnlyVisibleAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

void CheckUrl(const Target& target, Errors& errors) {
  constexpr std::string_view kHttps = "https://";
  const auto error = [&errors](std::string_view detail) {
    errors.push_back({"/target/url", std::string(detail)});
  };
  if (target.url.size() > limits::kUrlBytesMax) {
    CheckBytes("/target/url", target.url.size(), limits::kUrlBytesMax, errors);
  } else if (target.url.empty()) {
    error("is empty");
  } else if (Lower(std::string_view(target.url).substr(0, kHttps.size())) == kHttps) {
    error("https is not supported yet; use http");
  } else if (target.host.empty()) {
    error("has no host");
  } else if (target.port == 0) {
    error("port 0 is not within 1 to 65535");
  } else if (target.path.empty() || target.path[0] != '/') {
    error("has a path that does not begin with \"/\"");
  } else if (!HasOnlyVisibleAscii(target.url) || !HasOnlyVisibleAscii(target.host) ||
             !HasOnlyVisibleAscii(target.path)) {
    error("has a character that is not allowed in a URL; percent-encode it");
  }
}

void CheckMethod(std::string_view method, Errors& errors) {
  constexpr std::array<std::string_view, 7> kKnown = {"GET",    "HEAD",    "POST", "PUT",
                                                      "DELETE", "OPTIONS", "PATCH"};
  const auto error = [&errors](std::string_view detail) {
    errors.push_back({"/target/method", std::string(detail)});
  };
  const std::string upper = Upper(method);
  if (method.size() > limits::kMethodBytesMax) {
    CheckBytes("/target/method", method.size(), limits::kMethodBytesMax, errors);
  } else if (!IsToken(method)) {
    error(Concat(Quoted(method), " is no HTTP method"));
  } else if (upper == "CONNECT" || upper == "TRACE") {
    error(Concat(upper, " is not supported"));
  } else if (upper != method && std::find(kKnown.begin(), kKnown.end(), upper) != kKnown.end()) {
    error(Concat(Quoted(method), " is no known method (methods are case-sensitive; use ",
                 Quoted(upper), ")"));
  }
}

// Nothing when the header may be sent.
std::string HeaderProblem(std::string_view name, std::string_view value) {
  if (!IsToken(name)) return Concat(Quoted(name), " is no header name");
  const std::string lower = Lower(name);
  if (lower == "content-length" || lower == "transfer-encoding" || lower == "connection") {
    return Concat(name, " is set by the generator and cannot be given");
  }
  for (char c : value) {
    if (c == '\r' || c == '\n' || c == '\0') return "the value contains CR, LF or NUL";
    if ((c > 0 && c < ' ' && c != '\t') || c == 0x7f)
      return "the value contains a control character";
  }
  if (!IsValidUtf8(value)) return "the value is not valid UTF-8";
  if (lower == "host" && value.empty()) return "Host is empty";
  return "";
}

void CheckHeaders(const Target& target, Errors& errors) {
  if (target.headers.size() > limits::kHeadersMax) {
    errors.push_back({"/target/headers",
                      Concat(target.headers.size(), " headers exceed ", limits::kHeadersMax)});
    return;
  }
  size_t bytes = 0;
  std::map<std::string, std::string> seen;  // lower case, as given
  for (const auto& [name, value] : target.headers) {
    const std::string pointer = Concat("/target/headers/", EscapePointerToken(name));
    const auto [earlier, is_new] = seen.emplace(Lower(name), name);
    std::string problem = HeaderProblem(name, value);
    if (problem.empty() && !is_new) {
      problem = Concat("repeats ", Quoted(earlier->second), " (header names ignore case)");
    }
    if (!problem.empty()) errors.push_back({pointer, std::move(problem)});
    bytes += name.size() + value.size() + 4;  // ": " and CR LF
  }
  CheckBytes("/target/headers", bytes, limits::kHeaderBytesMax, errors);
}

void CheckTarget(const Target& target, Errors& errors) {
  CheckUrl(target, errors);
  CheckMethod(target.method, errors);
  CheckHeaders(target, errors);
  CheckBytes("/target/body", target.body.size(), limits::kRequestBodyBytesMax, errors);
  if (!target.version_header.empty() && !IsToken(target.version_header)) {
    errors.push_back(
        {"/target/version_header", Concat(Quoted(target.version_header), " is no header name")});
  }
  CheckBytes("/target/version_header", target.version_header.size(), limits::kHeaderNameBytesMax,
             errors);
}

void CheckRate(std::string pointer, MicroRate rate, Errors& errors) {
  if (rate < 0) {
    errors.push_back({std::move(pointer), Concat(FormatMicroRate(rate), " is below 0")});
  } else if (rate > limits::kMicroRateMax) {
    errors.push_back(
        {std::move(pointer), Concat(FormatMicroRate(rate), " exceeds ", limits::kRateMax)});
  }
}

// Returns the length of the stages in ms, as far as each is within its limits.
int64_t CheckStages(const std::vector<Stage>& stages, Errors& errors) {
  int64_t total_ms = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    const std::string pointer = Concat("/load/stages/", i);
    const size_t before = errors.size();
    CheckMillis(pointer + "/duration", Millis(stage.duration_ms), limits::kStageDurationMin,
                limits::kTestDurationMax, errors);
    if (errors.size() == before) total_ms += stage.duration_ms;
    if (stage.rate_from == stage.rate_to) {
      CheckRate(pointer + "/rate", stage.rate_from, errors);
    } else {
      CheckRate(pointer + "/from", stage.rate_from, errors);
      CheckRate(pointer + "/to", stage.rate_to, errors);
    }
  }
  return total_ms;
}

void CheckLoad(const Load& load, Errors& errors) {
  if (load.model != LoadModel::kOpen) {
    errors.push_back(
        {"/load/model", "the closed loop is not supported yet; use the open loop, with a rate"});
    return;
  }
  if (load.arrivals != Arrivals::kEven) {
    errors.push_back({"/load/arrivals", "\"poisson\" is not supported yet (supported: even)"});
  }
  if (load.stages.empty()) {
    errors.push_back({"/load/stages", "is empty; at least one stage is needed"});
  } else if (load.stages.size() > limits::kStagesMax) {
    errors.push_back(
        {"/load/stages", Concat(load.stages.size(), " stages exceed ", limits::kStagesMax)});
  } else {
    const int64_t total_ms = CheckStages(load.stages, errors);
    if (total_ms > limits::kTestDurationMax.count()) {
      errors.push_back({"/load/stages", Concat("take ", total_ms, " ms, which exceeds ",
                                               limits::kTestDurationMax.count(), " ms (7 days)")});
    }
  }
}

void CheckThresholds(const std::vector<Threshold>& thresholds, Errors& errors) {
  std::map<ThresholdMetric, size_t> count;
  for (const Threshold& threshold : thresholds) {
    const std::string metric = Concat("/thresholds/", ThresholdMetricName(threshold.metric));
    const size_t index = count[threshold.metric]++;
    CheckMillis(Concat(metric, "/", index, "/delayAbortEval"), threshold.delay_abort_eval,
                Millis(0), limits::kTestDurationMax, errors);
    if (count[threshold.metric] == limits::kThresholdsPerMetricMax + 1) {
      errors.push_back(
          {metric, Concat("more than ", limits::kThresholdsPerMetricMax, " thresholds")});
    }
  }
}

}  // namespace

std::string EscapePointerToken(std::string_view token) {
  std::string escaped;
  for (char c : token) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string FormatMicroRate(MicroRate rate) {
  // In unsigned arithmetic: -INT64_MIN has no int64_t.
  const uint64_t size = rate < 0 ? 0 - static_cast<uint64_t>(rate) : static_cast<uint64_t>(rate);
  std::string text = Concat(rate < 0 ? "-" : "", size / kMicro);
  if (const uint64_t fraction = size % kMicro; fraction != 0) {
    std::string digits = Concat(kMicro + fraction).substr(1);  // with leading zeros
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text;
}

int64_t TestSpec::SecondsToEnd() const {
  return std::chrono::ceil<Seconds>(max_lateness + timeout).count() + 1;
}

int64_t TestSpec::DurationMs() const {
  if (load.model == LoadModel::kClosed) return load.duration_ms;
  int64_t total_ms = 0;
  for (const Stage& stage : load.stages) total_ms += stage.duration_ms;
  return total_ms;
}

std::vector<FieldError> Validate(const TestSpec& spec) {
  Errors errors;
  CheckName(spec.name, errors);
  CheckTarget(spec.target, errors);
  CheckLoad(spec.load, errors);
  CheckMillis("/timeout", spec.timeout, limits::kTimeoutMin, limits::kTimeoutMax, errors);
  CheckMillis("/max_lateness", spec.max_lateness, limits::kMaxLatenessMin, limits::kMaxLatenessMax,
              errors);
  CheckRange("/connections/max_per_agent", spec.connections.max_per_agent, 1,
             limits::kConnectionsPerAgentMax, "", errors);
  CheckMillis("/connections/max_age", spec.connections.max_age, limits::kMaxAgeMin,
              limits::kMaxAgeMax, errors);
  CheckThresholds(spec.thresholds, errors);
  CheckRange("/agents/min", spec.agents.min, 1, limits::kAgentsMinMax, "", errors);
  return errors;
}

}  // namespace broadside
