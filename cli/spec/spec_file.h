#pragma once

// Spec files of the command line: YAML or JSON in, the JSON of the REST API out, and for each error
// the line and column in the user's file. Pure functions, no thread; linear in the size of the
// text.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/core/test_spec.h"
#include "common/wire/json_tree.h"

namespace broadside {

class SpecFile {
 public:
  SpecFile(std::string name, std::string text, JsonNode root);

  // The spec as JSON, fit for POST /api/v1/tests. Numbers have the text that the user wrote.
  const std::string& json() const { return json_; }

  // "file.yaml:12:5: /load/stages/0/rate: 20000000 exceeds 10000000"; a field that is not in the
  // file has the place of what should hold it.
  std::string Describe(const FieldError& error) const;

 private:
  std::string name_;
  std::string text_;
  JsonNode root_;
  std::string json_;
};

// JSON if the text is JSON or the name ends in ".json", else YAML. `file_name` is for messages. At
// most limits::kRequestBytesMax bytes. The error's message has one line for each problem, each with
// its place.
absl::StatusOr<SpecFile> LoadSpecFile(std::string_view text, std::string_view file_name);

// The spec in a file; the error's message as above, with all wrong fields.
absl::StatusOr<TestSpec> ParseSpecFile(const SpecFile& file);

}  // namespace broadside
