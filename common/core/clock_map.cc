#include "common/core/clock_map.h"

#include <algorithm>

#include "common/core/check.h"

namespace broadside {

void ClockMap::SlewTo(BootTime now, TestTime target, Nanos over) {
  BS_CHECK(over > Nanos(0)) << over.count();
  const TestTime tau = ToTest(now);
  anchor_boot_ = now;
  anchor_tau_ = tau;
  // Behind (target > tau): test time has to run faster, so a span of it takes less boot time.
  const Nanos behind = target - tau;
  const auto ppm =
      static_cast<int64_t>(static_cast<__int128>(behind.count()) * 1'000'000 / over.count());
  slew_ppm_ = static_cast<int>(-std::clamp<int64_t>(ppm, -limits::kSlewPpm, limits::kSlewPpm));
}

}  // namespace broadside
