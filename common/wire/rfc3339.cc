#include "common/wire/rfc3339.h"

#include <chrono>

#include "common/core/status.h"

namespace broadside {
namespace {

// `value` with at least `width` digits. REQUIRES: value >= 0.
std::string Padded(int64_t value, size_t width) {
  std::string digits = Concat(value);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

std::string Fraction(int64_t nanos) {
  if (nanos % 1'000'000 == 0) return Padded(nanos / 1'000'000, 3);
  if (nanos % 1'000 == 0) return Padded(nanos / 1'000, 6);
  return Padded(nanos, 9);
}

}  // namespace

std::string FormatRfc3339(WallTime time) {
  using std::chrono::days;
  const std::chrono::sys_time<Nanos> since_epoch(time.time_since_epoch());
  const std::chrono::sys_time<days> midnight = std::chrono::floor<days>(since_epoch);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss<Nanos> clock(since_epoch - midnight);
  return Concat(Padded(static_cast<int>(date.year()), 4), "-",
                Padded(static_cast<unsigned>(date.month()), 2), "-",
                Padded(static_cast<unsigned>(date.day()), 2), "T", Padded(clock.hours().count(), 2),
                ":", Padded(clock.minutes().count(), 2), ":", Padded(clock.seconds().count(), 2),
                ".", Fraction(clock.subseconds().count()), "Z");
}

}  // namespace broadside
