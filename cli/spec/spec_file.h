#pragma once

// Reads a test spec from a YAML or JSON file. YAML becomes the same JSON that REST takes, and every
// error points into the file:
//
//   spec.yaml:12:13: /load/stages/0/rate: 20000000 exceeds 10000000
//
// Plain scalars are typed by the core schema of YAML 1.2 (null, true, false, numbers; numbers keep
// their digits, so rates stay exact); everything else is a string. Pure; bounded by
// limits::kRequestBytesMax, limits::kJsonDepthMax and kNodesMax, so that aliases cannot blow it up.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/core/test_spec.h"

namespace broadside {

inline constexpr int kSpecFileNodesMax = 100'000;

// `name` stands in the messages. An error has one line for each thing that is wrong.
absl::StatusOr<TestSpec> ReadSpecFile(std::string_view text, std::string_view name);

}  // namespace broadside
