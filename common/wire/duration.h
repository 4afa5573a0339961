#pragma once

// Durations as users write them: Go's form ("1m30s", "250ms", "1.5s"; units ns, us, µs, ms, s, m,
// h), whole milliseconds, never negative. Pure, no thread.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/core/time.h"

namespace broadside {

// Exact, in integers. "0" needs no unit. Errors say what is wrong and what is allowed.
absl::StatusOr<Millis> ParseDuration(std::string_view text);

// The shortest form with whole units, and a fraction of seconds: "1m30s", "1.5s", "250ms", "2h",
// "0s". ParseDuration gives the same duration back. REQUIRES: not negative.
std::string FormatDuration(Millis duration);

}  // namespace broadside
