#include "agent/core/clock_estimate.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

BootTime At(int64_t ms) { return BootTime(Millis(ms)); }

TEST(ClockEstimateTest, PutsTheOffsetInTheMiddleOfTheRoundTrip) {
  ClockEstimate clock;
  clock.StartSeries(At(0), false);
  // Sent at 100, answered between 1103 and 1105 of the other clock, received at 108: round trip 8 -
  // 2 = 6, offset 104 - 1104.
  EXPECT_TRUE(clock.Add({At(100), At(1103), At(1105)}, At(108)));
  EXPECT_FALSE(clock.SeriesDone(At(499)));
  EXPECT_TRUE(clock.SeriesDone(At(500)));
  EXPECT_EQ(clock.offset(), Millis(-1000));
  EXPECT_EQ(clock.error(), Millis(3));
}

TEST(ClockEstimateTest, RefusesStampsThatCannotBe) {
  ClockEstimate clock;
  clock.StartSeries(At(0), false);
  EXPECT_FALSE(clock.Add({At(100), At(0), At(0)}, At(99)));   // received before it was sent
  EXPECT_FALSE(clock.Add({At(100), At(9), At(8)}, At(200)));  // answered before it was received
  EXPECT_FALSE(clock.Add({At(100), At(0), At(9)}, At(108)));  // longer there than it was away
  EXPECT_FALSE(clock.SeriesDone(At(10'000)));
  EXPECT_FALSE(clock.known());
}

TEST(ClockEstimateTest, ForgetsAGoodExchangeAfterSixteenMore) {
  ClockEstimate clock;
  clock.StartSeries(At(0), false);
  clock.Add({At(0), At(1), At(1)}, At(2));  // error 1 ms
  for (int i = 0; i < 15; ++i) clock.Add({At(10), At(15), At(15)}, At(20));
  EXPECT_EQ(clock.error(), Millis(1));
  clock.Add({At(10), At(15), At(15)}, At(20));
  EXPECT_EQ(clock.error(), Millis(5));
}

TEST(ClockEstimateTest, KeepsTheOldEstimateDuringASeriesOnTheSameClockOnly) {
  ClockEstimate clock;
  clock.StartSeries(At(0), false);
  for (int i = 0; i < 16; ++i) clock.Add({At(0), At(1), At(1)}, At(2));
  clock.StartSeries(At(1000), true);
  EXPECT_TRUE(clock.known());
  EXPECT_FALSE(clock.SeriesDone(At(1000)));
  clock.StartSeries(At(2000), false);
  EXPECT_FALSE(clock.known());
}

}  // namespace
}  // namespace broadside
