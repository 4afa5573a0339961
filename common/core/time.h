#pragma once

// Time types. A duration is `Nanos` (or `Millis`); an instant carries its origin in its type, so
// instants of different clocks cannot be subtracted from each other.
//
//   TestTime  tau, since T0 of a test, the same on every machine up to the clock error
//   BootTime  CLOCK_BOOTTIME of this machine (goes on in suspend); meaningless on another machine
//   WallTime  since the Unix epoch; for people, never for a decision that a clock step could spoil
//
// The core never reads a clock: time comes in as an argument.

#include <chrono>
#include <cstdint>

namespace broadside {

using Nanos = std::chrono::nanoseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

namespace internal {
template <int kTag>
struct ClockTag {
  using duration = Nanos;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ClockTag, Nanos>;
  static constexpr bool is_steady = false;
};
}  // namespace internal

using TestTime = internal::ClockTag<0>::time_point;
using BootTime = internal::ClockTag<1>::time_point;
using WallTime = internal::ClockTag<2>::time_point;

inline constexpr Nanos kSegment = Seconds(1);  // length of a segment, and of an interval of results

// The start of segment k in test time.
constexpr TestTime SegmentStart(int64_t k) { return TestTime(k * kSegment); }

// The segment that holds `t`; floor for instants before T0.
constexpr int64_t SegmentOf(TestTime t) {
  return std::chrono::floor<Seconds>(t.time_since_epoch()).count();
}

}  // namespace broadside
