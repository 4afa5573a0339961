#pragma once

// The real clocks. Only mains, io threads and edges read them; cores are given time. Thread-safe,
// about 25 ns a reading.

#include <time.h>

#include "common/core/time.h"

namespace broadside {

namespace internal {
inline Nanos ReadClock(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return Seconds(ts.tv_sec) + Nanos(ts.tv_nsec);
}
}  // namespace internal

inline BootTime BootNow() { return BootTime(internal::ReadClock(CLOCK_BOOTTIME)); }
inline WallTime WallNow() { return WallTime(internal::ReadClock(CLOCK_REALTIME)); }

}  // namespace broadside
