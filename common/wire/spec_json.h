#pragma once

// The test spec in JSON, as in docs/cli.md and the OpenAPI document. Pure functions, any thread;
// linear in the size of the text, which the caller bounds.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/core/curve.h"
#include "common/core/test_spec.h"
#include "common/wire/json_tree.h"

namespace broadside {

// Why a document is refused: it is not JSON (REST answers 400), or its fields are wrong (422; at
// most limits::kFieldErrorsMax, all of them at once, each with the pointer to the key as the user
// wrote it: /timeout_ms, /load/stages/0/from).
struct SpecProblem {
  std::variant<JsonSyntaxError, std::vector<FieldError>> what;

  bool IsSyntax() const { return std::holds_alternative<JsonSyntaxError>(what); }
  // REQUIRES: IsSyntax().
  const JsonSyntaxError& syntax() const { return std::get<JsonSyntaxError>(what); }
  // REQUIRES: !IsSyntax().
  const std::vector<FieldError>& fields() const { return std::get<std::vector<FieldError>>(what); }
  // One line for logs: "line 1, column 5: ..." or the first field error.
  std::string ToString() const;
};

// A spec that is valid as `Validate` has it, or all that is wrong with it.
std::variant<TestSpec, SpecProblem> ParseTestSpec(std::string_view json);

// The spec of a test that has ended, out of the store. It was valid once; what later rules refuse
// is shown all the same, a field that cannot be read with its default. A problem only when the text
// is not a whole JSON document.
std::variant<TestSpec, SpecProblem> ReadStoredTestSpec(std::string_view json);

// The body of a live rate change, {"rate": 2000}.
std::variant<MicroRate, SpecProblem> ParseRateChange(std::string_view json);

// The canonical form, defaults shown; ParseTestSpec gives an equal spec back. A body that is not
// UTF-8 is `body_base64`. REQUIRES: it was read by one of the above, or Validate(spec) is empty.
nlohmann::ordered_json TestSpecToJson(const TestSpec& spec);

}  // namespace broadside
