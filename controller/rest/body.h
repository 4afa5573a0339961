#pragma once

// Request bodies: JSON text to domain values, or the problem to answer with. Not JSON is 400; JSON
// that is no object, repeats a key, nests too deeply or says something wrong is 422 with a list of
// fields. Pure functions, linear in the body.

#include <cstdint>
#include <string_view>
#include <variant>

#include "common/core/curve.h"
#include "common/core/test_spec.h"
#include "controller/rest/problem.h"

namespace broadside {

// The body of POST /tests, valid as `Validate` has it.
std::variant<TestSpec, Problem> ReadSpec(std::string_view body);

// The body of PATCH /tests/{id}: {"rate": 2000}.
std::variant<MicroRate, Problem> ReadRateChange(std::string_view body);

// Hash of a JSON body for Idempotency-Key: the same for the same content, whatever its white space,
// escapes and order of keys; the same on every machine and in every version, as it is stored. 0 for
// a body that is not JSON.
uint64_t BodyHash(std::string_view body);

}  // namespace broadside
