#pragma once

// YAML to JSON text, with the place of every value. Pure.

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace broadside {

// From 1, as editors count.
struct TextPosition {
  int line = 0;
  int column = 0;
};

struct YamlJson {
  std::string json;
  std::map<std::string, TextPosition> positions;  // by JSON pointer; of a key's first appearance
};

// Errors are "LINE:COLUMN: what".
absl::StatusOr<YamlJson> YamlToJson(std::string_view yaml);

// The JSON number with the same value as a plain YAML scalar, or nothing if it is no finite number
// ("0x10" is 16, ".5" is 0.5, "1_000" is no number).
std::string JsonNumberOf(std::string_view scalar);

}  // namespace broadside
