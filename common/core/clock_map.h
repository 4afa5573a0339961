#pragma once

// Maps test time to this machine's CLOCK_BOOTTIME. Anchored once per test; afterwards it only
// slews, at most limits::kSlewPpm, and never steps: a slot cannot be fired twice or in a burst
// because a clock was corrected. Value type, no thread.
//
//   boot = anchor_boot + (tau - anchor_tau) * (1 + slew_ppm / 10^6)

#include "common/core/limits.h"
#include "common/core/time.h"

namespace broadside {

class ClockMap {
 public:
  // tau 0 is at `t0` and both run at the same speed.
  explicit ClockMap(BootTime t0 = BootTime{}) : anchor_boot_(t0) {}

  BootTime ToBoot(TestTime tau) const {
    const Nanos since = tau - anchor_tau_;
    return anchor_boot_ + since + Nanos(Scale(since));
  }
  TestTime ToTest(BootTime boot) const {
    const Nanos since = boot - anchor_boot_;
    // First order is enough: the error of second order is 2.5e-7 of the span since the anchor, and
    // SlewTo re-anchors.
    return anchor_tau_ + since - Nanos(Scale(since));
  }
  // From `now` on, runs such that the map meets `target` (where tau(now) ought to be) within
  // `over`, as far as the slew limit allows. Continuous at `now`.
  void SlewTo(BootTime now, TestTime target, Nanos over);
  int slew_ppm() const { return slew_ppm_; }

 private:
  int64_t Scale(Nanos since) const {
    return static_cast<int64_t>(static_cast<__int128>(since.count()) * slew_ppm_ / 1'000'000);
  }
  BootTime anchor_boot_;
  TestTime anchor_tau_{};
  int slew_ppm_ = 0;
};

}  // namespace broadside
