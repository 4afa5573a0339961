#pragma once

// Exact reading of numbers from their text (JSON's grammar), in integers. Pure, no thread, linear.

#include <cstdint>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "common/core/curve.h"

namespace broadside {

enum class DecimalError : uint8_t {
  kNotANumber,
  kTooPrecise,  // digits beyond the decimals asked for
  kTooSmall,    // below what 64 bits hold
  kTooLarge,
};

// text * 10^decimals, exactly: "0.1" with 6 decimals is 100000, "5e3" with 0 is 5000, "-1.50" with
// 1 is -15. REQUIRES: 0 <= decimals <= 18.
std::variant<int64_t, DecimalError> ParseDecimal(std::string_view text, int decimals);

// A rate in slots per second, at most 6 decimals and within 0 to limits::kRateMax; errors name
// value and limit ("0.1234567 has more than 6 decimals"). A text of 16 or more digits is what
// programs print that compute in doubles (0.1 as 0.10000000000000001): it is taken for the rate of
// at most 6 decimals that is the same double, if there is one.
absl::StatusOr<MicroRate> ParseMicroRate(std::string_view text);

}  // namespace broadside
