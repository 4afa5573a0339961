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

// Prints such an error and returns the exit code. A line that begins with a file's name stays as
// it is, for editors to find the place; the others begin with `command`.
int FailOfSpec(const std::string& command, const RunSpecFlags& flags, const absl::Status& error);

}  // namespace broadside
