#pragma once

// The test spec of `broadside run` and `broadside test start`: from a file or from flags, not both.
// Reads files; otherwise pure.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/test_spec.h"

namespace broadside {

struct RunSpecFlags {
  std::string name;  // empty: "run"
  std::string url;
  std::string file;  // "-" is stdin; empty: flags alone
  std::string rate;
  std::string duration;
  std::string connections;
  std::vector<std::string> headers;
  std::string method;
  std::string body;
  std::string timeout;
  std::vector<std::string> thresholds;
};

// Errors are complete lines for the user: file, line and column, or the flag.
absl::StatusOr<TestSpec> MakeRunSpec(const RunSpecFlags& flags);

}  // namespace broadside
