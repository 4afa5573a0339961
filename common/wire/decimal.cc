#include "common/wire/decimal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/test_spec.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

constexpr int kRateDecimals = 6;

// (-1)^negative * digits * 10^exponent; `digits` without zeros in front and at the end, empty for
// 0.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;
};

std::string_view TakeDigits(std::string_view& text) {
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

bool Take(char c, std::string_view& text) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// The exponent after "e"; nothing if there are no digits. What is larger than any use is held at a
// million.
std::optional<int64_t> TakeExponent(std::string_view& text) {
  constexpr int64_t kExponentMax = 1'000'000;
  const bool negative = Take('-', text);
  if (!negative) Take('+', text);
  const std::string_view digits = TakeDigits(text);
  if (digits.empty()) return std::nullopt;
  int64_t exponent = 0;
  for (char c : digits) exponent = std::min(exponent * 10 + (c - '0'), kExponentMax);
  return negative ? -exponent : exponent;
}

std::optional<Decimal> Read(std::string_view text) {
  Decimal decimal;
  decimal.negative = Take('-', text);
  const std::string_view whole = TakeDigits(text);
  if (whole.empty()) return std::nullopt;
  decimal.digits = std::string(whole);
  if (Take('.', text)) {
    const std::string_view fraction = TakeDigits(text);
    if (fraction.empty()) return std::nullopt;
    decimal.digits += fraction;
    decimal.exponent = -static_cast<int64_t>(fraction.size());
  }
  if (Take('e', text) || Take('E', text)) {
    const std::optional<int64_t> exponent = TakeExponent(text);
    if (!exponent) return std::nullopt;
    decimal.exponent += *exponent;
  }
  if (!text.empty()) return std::nullopt;
  const size_t last = decimal.digits.find_last_not_of('0');
  const size_t end = last == std::string::npos ? 0 : last + 1;
  decimal.exponent += static_cast<int64_t>(decimal.digits.size() - end);
  decimal.digits.resize(end);
  decimal.digits.erase(0, std::min(decimal.digits.find_first_not_of('0'), end));
  return decimal;
}

// See the header: the rate of at most 6 decimals that is the same double.
std::optional<MicroRate> SameDouble(std::string_view text) {
  constexpr size_t kDoubleDigits = 16;
  const std::optional<Decimal> decimal = Read(text);
  if (!decimal || decimal->digits.size() < kDoubleDigits) return std::nullopt;
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || value < 0 || value > limits::kRateMax) return std::nullopt;
  const MicroRate rate = std::llround(value * kMicro);
  if (static_cast<double>(rate) / kMicro != value) return std::nullopt;
  return rate;
}

}  // namespace

std::variant<int64_t, DecimalError> ParseDecimal(std::string_view text, int decimals) {
  constexpr int64_t kDigitsMax = 18;  // 10^18 < 2^63
  const std::optional<Decimal> decimal = Read(text);
  if (!decimal) return DecimalError::kNotANumber;
  if (decimal->digits.empty()) return int64_t{0};
  const int64_t exponent = decimal->exponent + decimals;
  const auto digits = static_cast<int64_t>(decimal->digits.size());
  if (digits + exponent > kDigitsMax) {
    return decimal->negative ? DecimalError::kTooSmall : DecimalError::kTooLarge;
  }
  if (exponent < 0) return DecimalError::kTooPrecise;
  int64_t value = 0;
  for (char c : decimal->digits) value = value * 10 + (c - '0');
  for (int64_t i = 0; i < exponent; ++i) value *= 10;
  return decimal->negative ? -value : value;
}

absl::StatusOr<MicroRate> ParseMicroRate(std::string_view text) {
  const std::variant<int64_t, DecimalError> parsed = ParseDecimal(text, kRateDecimals);
  const std::string shown(text.substr(0, 60));
  if (const auto* error = std::get_if<DecimalError>(&parsed)) {
    if (*error == DecimalError::kTooLarge) {
      return InvalidArgument(shown, " exceeds ", limits::kRateMax);
    }
    if (*error == DecimalError::kTooSmall) return InvalidArgument(shown, " is below 0");
    if (*error == DecimalError::kNotANumber) return InvalidArgument(Quoted(text), " is no number");
    if (const std::optional<MicroRate> rate = SameDouble(text)) return *rate;
    return InvalidArgument(shown, " has more than ", kRateDecimals, " decimals");
  }
  const auto rate = std::get<int64_t>(parsed);
  if (rate < 0) return InvalidArgument(FormatMicroRate(rate), " is below 0");
  if (rate > limits::kMicroRateMax) {
    return InvalidArgument(FormatMicroRate(rate), " exceeds ", limits::kRateMax);
  }
  return rate;
}

}  // namespace broadside
