#include "cli/spec/spec_file.h"

#include <map>
#include <utility>
#include <variant>

#include "cli/spec/yaml_json.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

// The place of a pointer, or of the nearest enclosing value that the file has: a missing key has
// none of its own.
TextPosition PlaceOf(const std::map<std::string, TextPosition>& positions, std::string pointer) {
  while (true) {
    const auto it = positions.find(pointer);
    if (it != positions.end()) return it->second;
    const size_t slash = pointer.rfind('/');
    if (slash == std::string::npos) return {1, 1};
    pointer.resize(slash);
  }
}

bool LooksLikeJson(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

absl::Status Describe(const SpecProblem& problem,
                      const std::map<std::string, TextPosition>& positions, std::string_view name) {
  if (problem.IsSyntax()) return InvalidArgument(name, ": ", problem.ToString());
  std::string text;
  for (const FieldError& field : problem.fields()) {
    const TextPosition at = PlaceOf(positions, field.pointer);
    if (!text.empty()) text += "\n";
    text += Concat(name, ":", at.line, ":", at.column, ": ", field.pointer, ": ", field.detail);
  }
  return InvalidArgument(text);
}

}  // namespace

absl::StatusOr<TestSpec> ReadSpecFile(std::string_view text, std::string_view name) {
  if (text.size() > limits::kRequestBytesMax) {
    return InvalidArgument(name, ": ", text.size(), " bytes exceed ", limits::kRequestBytesMax);
  }
  const bool json = LooksLikeJson(text);
  absl::StatusOr<YamlJson> yaml = YamlToJson(text);
  if (!yaml.ok() && !json) return InvalidArgument(name, ":", ToStd(yaml.status().message()));
  // JSON is read by the JSON reader, whose words are better; the YAML reader only gives the places.
  const std::string_view source = json ? text : std::string_view(yaml->json);
  std::variant<TestSpec, SpecProblem> parsed = ParseTestSpec(source);
  if (auto* spec = std::get_if<TestSpec>(&parsed)) return std::move(*spec);
  static const std::map<std::string, TextPosition> kNowhere;
  return Describe(std::get<SpecProblem>(parsed), yaml.ok() ? yaml->positions : kNowhere, name);
}

}  // namespace broadside
