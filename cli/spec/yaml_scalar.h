#pragma once

// Plain YAML scalars as JSON values, by the core schema of YAML 1.2. Pure, no thread.

#include <string_view>

#include "absl/status/statusor.h"
#include "common/wire/json_tree.h"

namespace broadside {

// Numbers keep their decimal text as JSON writes it (".5" is 0.5, "+1" is 1, "007" is 7, 0x and 0o
// become decimal). Words such as "yes" and "on" are strings, as they are in YAML 1.2.
// INVALID_ARGUMENT for infinities and "not a number", which JSON cannot say.
absl::StatusOr<JsonNode> PlainScalar(std::string_view text);

}  // namespace broadside
