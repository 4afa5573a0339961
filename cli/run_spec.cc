#include "cli/run_spec.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "cli/exit_code.h"
#include "cli/spec/spec_file.h"
#include "common/core/status.h"
#include "common/core/utf8.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

std::string JsonText(const std::string& text) {
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

// The spec of the flags as JSON, and which flag each part of it came from: a JSON pointer, and the
// flag for people.
struct FlagSpec {
  std::string json;
  std::vector<std::pair<std::string, std::string>> flags;
};

// The flag that the innermost known part at or above `pointer` came from.
std::string FlagOf(const FlagSpec& spec, std::string_view pointer) {
  std::string_view part = pointer;
  while (!part.empty()) {
    // The last one, as a repeated header is wrong where it stands again.
    for (auto it = spec.flags.rbegin(); it != spec.flags.rend(); ++it) {
      if (it->first == part) return it->second;
    }
    part = part.substr(0, part.rfind('/'));
  }
  return std::string(pointer);
}

absl::Status AddHeaders(const std::vector<std::string>& headers, FlagSpec& spec) {
  std::string json;
  for (const std::string& header : headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0) {
      return InvalidArgument("--header ", Escaped(header), ": must be 'Name: value'");
    }
    const std::string name = header.substr(0, colon);
    const size_t value = header.find_first_not_of(" \t", colon + 1);
    if (!IsValidUtf8(header))
      return InvalidArgument("--header ", Quoted(name), ": is not valid UTF-8");
    if (!json.empty()) json += ",";
    json += JsonText(name) + ":" + JsonText(value == std::string::npos ? "" : header.substr(value));
    spec.flags.emplace_back("/target/headers/" + EscapePointerToken(name), "--header " + name);
  }
  spec.flags.emplace_back("/target/headers", "--header");
  spec.json += ",\"headers\":{" + json + "}";
  return absl::OkStatus();
}

absl::Status AddBody(const std::string& flag, FlagSpec& spec) {
  std::string body = flag;
  if (body.starts_with("@")) {
    absl::StatusOr<std::string> text = ReadAll(body.substr(1));
    if (!text.ok()) return InvalidArgument("--body: ", ToStd(text.status().message()));
    body = *std::move(text);
  }
  const bool is_text = IsValidUtf8(body);
  spec.json += is_text ? ",\"body\":" + JsonText(body)
                       : ",\"body_base64\":\"" + absl::Base64Escape(body) + "\"";
  spec.flags.emplace_back(is_text ? "/target/body" : "/target/body_base64", "--body");
  return absl::OkStatus();
}

absl::Status AddTarget(const RunSpecFlags& flags, FlagSpec& spec) {
  spec.json += "\"target\":{\"url\":" + JsonText(flags.url);
  spec.flags.emplace_back("/target/url", "URL");
  if (!flags.method.empty()) {
    spec.json += ",\"method\":" + JsonText(flags.method);
    spec.flags.emplace_back("/target/method", "--method");
  }
  absl::Status status;
  if (!flags.headers.empty()) status = AddHeaders(flags.headers, spec);
  if (status.ok() && !flags.body.empty()) status = AddBody(flags.body, spec);
  spec.json += "}";
  return status;
}

// The numbers go over as they were written, so that they stay exact.
absl::Status AddLoad(const RunSpecFlags& flags, FlagSpec& spec) {
  const std::string duration = "\"duration\":" + JsonText(flags.duration);
  if (flags.connections.empty()) {
    if (!nlohmann::json::parse(flags.rate, nullptr, false).is_number()) {
      return InvalidArgument("--rate ", Escaped(flags.rate),
                             ": must be a number of requests per second");
    }
    spec.json += ",\"load\":{\"model\":\"open\",\"stages\":[{" + duration +
                 ",\"rate\":" + flags.rate + "}]}";
    spec.flags.emplace_back("/load", "--rate");
    spec.flags.emplace_back("/load/stages/0/duration", "--duration");
    return absl::OkStatus();
  }
  if (!nlohmann::json::parse(flags.connections, nullptr, false).is_number_unsigned()) {
    return InvalidArgument("--connections ", Escaped(flags.connections),
                           ": must be a whole number");
  }
  spec.json +=
      ",\"load\":{\"model\":\"closed\",\"connections\":" + flags.connections + "," + duration + "}";
  spec.flags.emplace_back("/load", "--connections");
  spec.flags.emplace_back("/load/duration", "--duration");
  return absl::OkStatus();
}

absl::Status AddThresholds(const std::vector<std::string>& thresholds, FlagSpec& spec) {
  struct Metric {
    std::string name;
    std::string list;
    int count = 0;
  };
  std::vector<Metric> metrics;  // in the order given
  for (const std::string& threshold : thresholds) {
    const size_t colon = threshold.find(':');
    if (colon == std::string::npos) {
      return InvalidArgument("--threshold ", Escaped(threshold),
                             ": must be 'METRIC:EXPRESSION', as 'http_req_duration:p(99)<200'");
    }
    const std::string name = threshold.substr(0, colon);
    auto metric = std::find_if(metrics.begin(), metrics.end(),
                               [&name](const Metric& known) { return known.name == name; });
    if (metric == metrics.end()) metric = metrics.insert(metric, Metric{name, "", 0});
    const std::string pointer = "/thresholds/" + EscapePointerToken(name);
    spec.flags.emplace_back(pointer, "--threshold " + name);
    spec.flags.emplace_back(Concat(pointer, "/", metric->count++), "--threshold " + threshold);
    metric->list += (metric->list.empty() ? "" : ",") + JsonText(threshold.substr(colon + 1));
  }
  std::string json;
  for (const Metric& metric : metrics) {
    json += (json.empty() ? "" : ",") + JsonText(metric.name) + ":[" + metric.list + "]";
  }
  spec.json += ",\"thresholds\":{" + json + "}";
  return absl::OkStatus();
}

absl::StatusOr<FlagSpec> JsonOfFlags(const RunSpecFlags& flags) {
  if (!flags.connections.empty() && !flags.rate.empty()) {
    return InvalidArgument("-c and -r exclude each other: a closed loop has no rate");
  }
  if (flags.url.empty()) return InvalidArgument("give a URL or -f FILE");
  std::error_code ignored;
  if (std::filesystem::is_regular_file(flags.url, ignored)) {
    return InvalidArgument("URL ", flags.url, " is a file: give it with -f");
  }
  if (flags.rate.empty() && flags.connections.empty())
    return InvalidArgument("--rate is missing: requests per second");
  if (flags.duration.empty()) return InvalidArgument("--duration is missing: 30s, 5m");
  FlagSpec spec;
  spec.json = "{\"name\":" + JsonText(flags.name.empty() ? "run" : flags.name) + ",";
  spec.flags.emplace_back("/name", "--name");
  absl::Status status = AddTarget(flags, spec);
  if (status.ok()) status = AddLoad(flags, spec);
  if (status.ok() && !flags.timeout.empty()) {
    spec.json += ",\"timeout\":" + JsonText(flags.timeout);
    spec.flags.emplace_back("/timeout", "--timeout");
  }
  if (status.ok() && !flags.thresholds.empty()) status = AddThresholds(flags.thresholds, spec);
  if (!status.ok()) return status;
  spec.json += "}";
  return spec;
}

absl::StatusOr<RunSpec> SpecOfFlags(const RunSpecFlags& flags) {
  absl::StatusOr<FlagSpec> made = JsonOfFlags(flags);
  if (!made.ok()) return made.status();
  std::variant<TestSpec, SpecProblem> parsed = ParseTestSpec(made->json);
  RunSpec run;
  run.describe = [made = *std::move(made)](const FieldError& field) {
    return Concat(Escaped(FlagOf(made, field.pointer)), ": ", field.detail);
  };
  if (auto* spec = std::get_if<TestSpec>(&parsed)) {
    run.spec = std::move(*spec);
    return run;
  }
  const SpecProblem& problem = std::get<SpecProblem>(parsed);
  if (problem.IsSyntax()) return InvalidArgument(problem.ToString());
  return Refused(run, problem.fields());
}

absl::StatusOr<RunSpec> SpecOfFile(const std::string& text, const std::string& name) {
  absl::StatusOr<SpecFile> file = LoadSpecFile(text, name);
  if (!file.ok()) return file.status();
  absl::StatusOr<TestSpec> spec = ParseSpecFile(*file);
  if (!spec.ok()) return spec.status();
  return RunSpec{*std::move(spec), [file = *std::move(file)](const FieldError& field) {
                   return file.Describe(field);
                 }};
}

bool AnyFlag(const RunSpecFlags& flags) {
  return !flags.name.empty() || !flags.url.empty() || !flags.rate.empty() ||
         !flags.duration.empty() || !flags.connections.empty() || !flags.headers.empty() ||
         !flags.method.empty() || !flags.body.empty() || !flags.timeout.empty() ||
         !flags.thresholds.empty();
}

}  // namespace

int FailOfSpec(const std::string& command, const RunSpecFlags& flags, const absl::Status& error) {
  const std::string place = (flags.file == "-" ? "stdin" : flags.file) + ":";
  std::istringstream lines{std::string(error.message())};
  for (std::string line; std::getline(lines, line);) {
    const bool placed = !flags.file.empty() && line.starts_with(place);
    std::fprintf(stderr, "%s%s\n", placed ? "" : (command + ": ").c_str(), line.c_str());
  }
  return kExitBadInput;
}

absl::Status Refused(const RunSpec& spec, const std::vector<FieldError>& fields) {
  std::string text;
  for (const FieldError& field : fields) {
    if (!text.empty()) text += "\n";
    text += spec.describe(field);
  }
  return InvalidArgument(text);
}

absl::StatusOr<RunSpec> MakeRunSpec(const RunSpecFlags& flags) {
  if (flags.file.empty()) return SpecOfFlags(flags);
  if (AnyFlag(flags))
    return InvalidArgument("-f and the flags of a test exclude each other: change the file");
  const absl::StatusOr<std::string> text = ReadAll(flags.file);
  if (!text.ok()) return text.status();
  return SpecOfFile(*text, flags.file == "-" ? "stdin" : flags.file);
}

}  // namespace broadside
