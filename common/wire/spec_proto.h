#pragma once

// TestSpec <-> broadside.v1.TestSpec, for the way to the agents. Pure functions, any thread; linear
// in the size of the spec (the body is copied).

#include "absl/status/statusor.h"
#include "broadside/v1/spec.pb.h"
#include "common/core/test_spec.h"

namespace broadside {

// Thresholds do not travel.
v1::TestSpec ToProto(const TestSpec& spec);

// The spec, valid as `Validate` has it; or INVALID_ARGUMENT with the JSON pointer of the first
// wrong field.
absl::StatusOr<TestSpec> FromProto(const v1::TestSpec& proto);

}  // namespace broadside
