#include "cli/run_spec.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "cli/spec/spec_file.h"
#include "common/core/status.h"
#include "common/wire/decimal.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<std::string> ReadAll(const std::string& file) {
  std::stringstream text;
  if (file == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    return NotFound("cannot read ", file, ": it is a directory");
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return NotFound("cannot read ", file, ": does it exist?");
  text << in.rdbuf();
  return text.str();
}

// Where a pointer into the spec came from on the command line.
std::string FlagOf(std::string_view pointer) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kFlags = {{
      {"/target/url", "URL"},
      {"/target/method", "--method"},
      {"/target/headers", "--header"},
      {"/target/body", "--body"},
      {"/load/stages/0/rate", "--rate"},
      {"/load/stages/0/duration", "--duration"},
      {"/load/model", "--connections"},  // that of a closed loop
      {"/timeout", "--timeout"},
      {"/thresholds", "--threshold"},
      {"/load", "--rate"},
  }};
  for (const auto& [prefix, flag] : kFlags) {
    if (pointer.starts_with(prefix)) return std::string(flag);
  }
  return std::string(pointer);
}

absl::StatusOr<std::string> HeadersJson(const std::vector<std::string>& headers) {
  std::string json;
  for (const std::string& header : headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0) {
      return InvalidArgument("--header ", header, ": must be 'Name: value'");
    }
    const size_t value = header.find_first_not_of(" \t", colon + 1);
    if (!json.empty()) json += ",";
    json += Quoted(header.substr(0, colon)) + ":" +
            Quoted(value == std::string::npos ? "" : header.substr(value));
  }
  return "{" + json + "}";
}

absl::StatusOr<std::string> ThresholdsJson(const std::vector<std::string>& thresholds) {
  std::vector<std::pair<std::string, std::string>> metrics;  // in the order given
  for (const std::string& threshold : thresholds) {
    const size_t colon = threshold.find(':');
    if (colon == std::string::npos) {
      return InvalidArgument("--threshold ", threshold,
                             ": must be 'METRIC:EXPRESSION', as 'http_req_duration:p(99)<200'");
    }
    const std::string metric = threshold.substr(0, colon);
    const std::string expression = Quoted(threshold.substr(colon + 1));
    bool joined = false;
    for (auto& [name, list] : metrics) {
      if (name != metric) continue;
      list += "," + expression;
      joined = true;
    }
    if (!joined) metrics.emplace_back(metric, expression);
  }
  std::string json;
  for (const auto& [name, list] : metrics) {
    if (!json.empty()) json += ",";
    json += Quoted(name) + ":[" + list + "]";
  }
  return "{" + json + "}";
}

absl::StatusOr<std::string> JsonOfFlags(const RunSpecFlags& flags) {
  if (!flags.connections.empty() && !flags.rate.empty()) {
    return InvalidArgument("-c and -r exclude each other: a closed loop has no rate");
  }
  if (flags.url.empty()) return InvalidArgument("give a URL or -f FILE");
  if (flags.rate.empty() && flags.connections.empty())
    return InvalidArgument("--rate is missing: requests per second");
  if (flags.duration.empty()) return InvalidArgument("--duration is missing: 30s, 5m");
  std::string target = "\"url\":" + Quoted(flags.url);
  if (!flags.method.empty()) target += ",\"method\":" + Quoted(flags.method);
  if (!flags.headers.empty()) {
    const absl::StatusOr<std::string> headers = HeadersJson(flags.headers);
    if (!headers.ok()) return headers.status();
    target += ",\"headers\":" + *headers;
  }
  if (flags.body.starts_with("@")) {
    const absl::StatusOr<std::string> body = ReadAll(flags.body.substr(1));
    if (!body.ok()) return body.status();
    target += ",\"body\":" + Quoted(*body);
  } else if (!flags.body.empty()) {
    target += ",\"body\":" + Quoted(flags.body);
  }
  std::string load;
  if (flags.connections.empty()) {
    // The number goes over as it was written, so that it stays exact.
    if (nlohmann::json::parse(flags.rate, nullptr, false).is_number() == false) {
      return InvalidArgument("--rate ", flags.rate, ": must be a number of requests per second");
    }
    load = "\"model\":\"open\",\"stages\":[{\"duration\":" + Quoted(flags.duration) +
           ",\"rate\":" + flags.rate + "}]";
  } else {
    if (nlohmann::json::parse(flags.connections, nullptr, false).is_number_unsigned() == false) {
      return InvalidArgument("--connections ", flags.connections, ": must be a whole number");
    }
    load = "\"model\":\"closed\",\"connections\":" + flags.connections +
           ",\"duration\":" + Quoted(flags.duration);
  }
  std::string json = "{\"name\":\"run\",\"target\":{" + target + "},\"load\":{" + load + "}";
  if (!flags.timeout.empty()) json += ",\"timeout\":" + Quoted(flags.timeout);
  if (!flags.thresholds.empty()) {
    const absl::StatusOr<std::string> thresholds = ThresholdsJson(flags.thresholds);
    if (!thresholds.ok()) return thresholds.status();
    json += ",\"thresholds\":" + *thresholds;
  }
  return json + "}";
}

absl::StatusOr<TestSpec> SpecOfFlags(const RunSpecFlags& flags) {
  const absl::StatusOr<std::string> json = JsonOfFlags(flags);
  if (!json.ok()) return json.status();
  std::variant<TestSpec, SpecProblem> parsed = ParseTestSpec(*json);
  if (auto* spec = std::get_if<TestSpec>(&parsed)) return std::move(*spec);
  const SpecProblem& problem = std::get<SpecProblem>(parsed);
  if (problem.IsSyntax()) return InvalidArgument(problem.ToString());
  std::string text;
  for (const FieldError& field : problem.fields()) {
    if (!text.empty()) text += "\n";
    text += Concat(FlagOf(field.pointer), ": ", field.detail);
  }
  return InvalidArgument(text);
}

bool AnyFlag(const RunSpecFlags& flags) {
  return !flags.url.empty() || !flags.rate.empty() || !flags.duration.empty() ||
         !flags.connections.empty() || !flags.headers.empty() || !flags.method.empty() ||
         !flags.body.empty() || !flags.timeout.empty() || !flags.thresholds.empty();
}

}  // namespace

absl::StatusOr<TestSpec> MakeRunSpec(const RunSpecFlags& flags) {
  if (flags.file.empty()) return SpecOfFlags(flags);
  if (AnyFlag(flags))
    return InvalidArgument("-f and the flags of a test exclude each other: change the file");
  const absl::StatusOr<std::string> text = ReadAll(flags.file);
  if (!text.ok()) return text.status();
  return ReadSpecFile(*text, flags.file == "-" ? "stdin" : flags.file);
}

}  // namespace broadside
