#pragma once

// How busy a thread is: its CPU time by the time that passed, since the last look. Owned by the
// thread that it looks at; two clock readings a look.

#include <time.h>

#include <utility>

#include "common/core/time.h"
#include "common/net/clock.h"

namespace broadside {

class ThreadCpu {
 public:
  // Share of the time since the last call, 0 to 1. The first call has nothing to compare with.
  double TakeFraction() {
    const Nanos cpu = internal::ReadClock(CLOCK_THREAD_CPUTIME_ID);
    const BootTime now = BootNow();
    const Nanos wall = now - std::exchange(taken_, now);
    const Nanos used = cpu - std::exchange(cpu_, cpu);
    if (std::exchange(first_, false) || wall <= Nanos(0)) return 0;
    return static_cast<double>(used.count()) / static_cast<double>(wall.count());
  }

 private:
  bool first_ = true;
  Nanos cpu_{0};
  BootTime taken_{};
};

}  // namespace broadside
