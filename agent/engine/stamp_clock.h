#pragma once

// Converts the kernel's receive stamps (CLOCK_REALTIME) to CLOCK_BOOTTIME. The offset is read again
// every 100 ms, so that a step of the wall clock spoils no more than that; the reader clamps what
// falls outside [sent, now]. Owned by one shard.

#include <algorithm>

#include "common/core/time.h"
#include "common/net/clock.h"

namespace broadside {

class StampClock {
 public:
  void Refresh(BootTime now) {
    if (now - read_at_ < Millis(100)) return;
    read_at_ = now;
    // The reading with the shortest way there and back of three: one may be interrupted.
    Nanos best = Nanos::max();
    for (int i = 0; i < 3; ++i) {
      const BootTime before = BootNow();
      const WallTime wall = WallNow();
      const Nanos span = BootNow() - before;
      if (span >= best) continue;
      best = span;
      offset_ = (before + span / 2).time_since_epoch() - wall.time_since_epoch();
    }
  }
  BootTime ToBoot(WallTime stamp) const { return BootTime(stamp.time_since_epoch() + offset_); }

 private:
  BootTime read_at_ = BootTime(-Nanos(Seconds(1)));
  Nanos offset_{0};
};

}  // namespace broadside
