#include "common/core/clock_map.h"

#include <gtest/gtest.h>

#include "tests/unit/common/core/cases.h"

namespace broadside {
namespace {

constexpr BootTime kT0{Seconds(1000)};

TEST(ClockMapTest, WithoutASlewBothClocksRunTheSame) {
  const ClockMap map(kT0);
  EXPECT_EQ(map.ToBoot(TestTime(Millis(1500))), kT0 + Millis(1500));
  EXPECT_EQ(map.ToTest(kT0 - Seconds(2)), TestTime(Seconds(-2)));
}

TEST(ClockMapTest, ASmallErrorIsMadeGoodInTheTimeGiven) {
  // 1 ms behind, made good in 10 s: 100 ppm.
  ClockMap map(kT0);
  const BootTime now = kT0 + Seconds(60);
  map.SlewTo(now, TestTime(Seconds(60) + Millis(1)), Seconds(10));
  EXPECT_EQ(map.slew_ppm(), -100);
  EXPECT_EQ(map.ToTest(now), TestTime(Seconds(60)));
  EXPECT_EQ(map.ToTest(now + Seconds(10)), TestTime(Seconds(70) + Millis(1)));
}

TEST(ClockMapTest, ALargeErrorIsSlewedAtTheLimit) {
  // 1 s ahead: 500 ppm is 5 ms in 10 s.
  ClockMap map(kT0);
  map.SlewTo(kT0, TestTime(Seconds(-1)), Seconds(10));
  EXPECT_EQ(map.slew_ppm(), limits::kSlewPpm);
  EXPECT_EQ(map.ToTest(kT0 + Seconds(10)), TestTime(Seconds(10) - Millis(5)));
}

TEST(ClockMapDeathTest, ASlewTakesTime) {
  ClockMap map(kT0);
  EXPECT_DEATH(map.SlewTo(kT0, TestTime(), Nanos(0)), "over");
}

TEST(ClockMapTest, TestTimeNeverStepsNorGoesBack) {
  ForEachSeed(200, [](Cases& cases) {
    ClockMap map(kT0);
    BootTime now = kT0;
    TestTime before = map.ToTest(now);
    for (int i = 0; i < 50; ++i) {
      const Nanos step(cases.Logarithmic(5'000'000'000));
      now += step;
      const TestTime tau = map.ToTest(now);
      // At most 500 ppm off the pace of the clock, and 1 ns of rounding.
      const Nanos off = tau - before > step ? tau - before - step : step - (tau - before);
      ASSERT_LE(off, step * limits::kSlewPpm / 1'000'000 + Nanos(2));
      map.SlewTo(now, tau + Nanos(cases.Between(-1'000'000'000, 1'000'000'000)), Seconds(10));
      ASSERT_EQ(map.ToTest(now), tau);
      before = tau;
    }
  });
}

TEST(ClockMapTest, ThereAndBackIsTheSameWithinASecondOrderError) {
  ForEachSeed(500, [](Cases& cases) {
    ClockMap map(kT0);
    map.SlewTo(kT0, TestTime(Nanos(cases.Between(-10'000'000, 10'000'000))), Seconds(10));
    const TestTime tau(Nanos(cases.Logarithmic(60'000'000'000)));
    const Nanos error = map.ToTest(map.ToBoot(tau)) - tau;
    // 2.5e-7 of up to 60 s.
    EXPECT_LE(std::abs(error.count()), 15'002);
  });
}

}  // namespace
}  // namespace broadside
