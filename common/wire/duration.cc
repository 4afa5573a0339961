#include "common/wire/duration.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/numeric/int128.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

struct Unit {
  std::string_view name;
  uint64_t nanos;
};

// Longer names first, so that "ms" is not read as "m".
constexpr std::array<Unit, 8> kUnits = {{
    {"ns", 1},
    {"us", 1'000},
    {"\u00b5s", 1'000},  // micro sign
    {"\u03bcs", 1'000},  // Greek letter mu
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};

// Sums are kept in units of 10^-9 ns: with at most 10 digits before and 9 after the point, a term
// is below 3.6e31 of them, and 128 bits are enough.
constexpr size_t kWholeDigitsMax = 10;
constexpr size_t kFractionDigitsMax = 9;
constexpr size_t kTextBytesMax = 100;
constexpr uint64_t kPartsPerNano = 1'000'000'000;
constexpr uint64_t kNanosPerMilli = 1'000'000;

std::string_view TakeDigits(std::string_view& text) {
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

std::optional<Unit> TakeUnit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (text.substr(0, unit.name.size()) == unit.name) {
      text.remove_prefix(unit.name.size());
      return unit;
    }
  }
  return std::nullopt;
}

std::string_view WithoutZerosInFront(std::string_view digits) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

// One "1.5s" off `rest`, added to `parts`. `text` is the whole, for errors.
absl::Status TakeTerm(std::string_view text, std::string_view& rest, absl::uint128& parts) {
  const std::string_view whole_digits = TakeDigits(rest);
  std::string_view fraction;
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    fraction = TakeDigits(rest);
  }
  if (whole_digits.empty() && fraction.empty()) {
    return InvalidArgument(Quoted(text), " is no duration (such as 30s, 1m30s or 250ms)");
  }
  const std::string_view whole = WithoutZerosInFront(whole_digits);
  if (whole.size() > kWholeDigitsMax) return InvalidArgument(Quoted(text), " is too long");
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  if (rest.empty()) {
    return InvalidArgument(Quoted(text), " has no unit (such as 30s, 1m30s or 250ms)");
  }
  const std::optional<Unit> unit = TakeUnit(rest);
  if (!unit) {
    return InvalidArgument(Quoted(text), " has an unknown unit (units: ns, us, ms, s, m, h)");
  }
  // A digit beyond the ninth makes no whole millisecond with any unit.
  if (fraction.size() > kFractionDigitsMax) {
    return InvalidArgument(Quoted(text), " is no whole number of milliseconds");
  }
  absl::uint128 value = 0;
  for (char c : whole) value = value * 10 + static_cast<unsigned>(c - '0');
  for (size_t i = 0; i < kFractionDigitsMax; ++i) {
    value = value * 10 + static_cast<unsigned>(i < fraction.size() ? fraction[i] - '0' : 0);
  }
  parts += value * unit->nanos;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Millis> ParseDuration(std::string_view text) {
  if (text == "0") return Millis(0);
  if (text.size() > kTextBytesMax) return InvalidArgument(Quoted(text), " is too long");
  if (!text.empty() && text[0] == '-') return InvalidArgument(Quoted(text), " is negative");
  std::string_view rest = text;
  absl::uint128 parts = 0;
  do {
    if (absl::Status s = TakeTerm(text, rest, parts); !s.ok()) return s;
  } while (!rest.empty());
  const absl::uint128 parts_per_milli = absl::uint128(kPartsPerNano) * kNanosPerMilli;
  if (parts % parts_per_milli != 0) {
    return InvalidArgument(Quoted(text), " is no whole number of milliseconds");
  }
  // At most 50 terms of 3.6e31 parts are 1.8e18 ms, which fits 63 bits.
  return Millis(static_cast<int64_t>(absl::Uint128Low64(parts / parts_per_milli)));
}

std::string FormatDuration(Millis duration) {
  const int64_t ms = duration.count();
  if (ms == 0) return "0s";
  if (ms < 1000) return Concat(ms, "ms");
  std::string text;
  if (const int64_t hours = ms / 3'600'000; hours > 0) text += Concat(hours, "h");
  if (const int64_t minutes = ms / 60'000 % 60; minutes > 0) text += Concat(minutes, "m");
  const int64_t seconds_ms = ms % 60'000;
  if (seconds_ms == 0) return text;
  text += Concat(seconds_ms / 1000);
  if (const int64_t fraction = seconds_ms % 1000; fraction > 0) {
    std::string digits = Concat(1000 + fraction).substr(1);  // with leading zeros
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + "s";
}

}  // namespace broadside
