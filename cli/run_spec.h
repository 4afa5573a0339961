#pragma once

// The test spec of `broadside run` and `broadside test start`: from a file or from flags, not both.
// Reads files; otherwise pure.

#include <functional>
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

struct RunSpec {
  TestSpec spec;
  // A line for the user about a field that a controller refused: file, line and column, or the
  // flag.
  std::function<std::string(const FieldError&)> describe;
};

// Errors are complete lines for the user, as those of `describe`.
absl::StatusOr<RunSpec> MakeRunSpec(const RunSpecFlags& flags);

// The lines for several fields, fit for FailOfSpec.
absl::Status Refused(const RunSpec& spec, const std::vector<FieldError>& fields);

// Prints such an error and returns the exit code. A line that begins with a file's name stays as
// it is, for editors to find the place; the others begin with `command`.
int FailOfSpec(const std::string& command, const RunSpecFlags& flags, const absl::Status& error);

}  // namespace broadside
