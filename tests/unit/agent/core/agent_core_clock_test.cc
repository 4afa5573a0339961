// The clock: the series of exchanges, the anchor of a test, the slew.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/core/rig.h"

namespace broadside {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(AgentCoreClockTest, MakesSixteenQuickExchangesAfterTheWelcome) {
  Rig rig;
  int beats = static_cast<int>(Messages(rig.Connect()).size());
  EXPECT_EQ(beats, 1);
  for (int i = 0; i < 16; ++i) {
    EXPECT_FALSE(rig.core.Status(rig.now).clock_known);
    beats += static_cast<int>(Messages(rig.Exchange(Millis(1), Millis(1), Millis(0))).size());
  }
  EXPECT_EQ(beats, 17);  // the 17th tells at once that the clock is known
  EXPECT_TRUE(rig.core.Status(rig.now).clock_known);
  EXPECT_TRUE(Messages(rig.all).back().beat->clock_known);
  EXPECT_THAT(Messages(rig.Exchange(Millis(1), Millis(1), Millis(0))), IsEmpty());
}

TEST(AgentCoreClockTest, TakesOffsetAndErrorOfTheSmallestRoundTrip) {
  Rig rig;
  rig.Connect();
  for (int i = 0; i < 15; ++i) rig.Exchange(Millis(9), Millis(1), Seconds(40));
  rig.Exchange(Millis(1), Millis(1), Seconds(40));
  EXPECT_EQ(rig.core.Status(rig.now).clock_offset, Seconds(40));
  EXPECT_EQ(rig.core.Status(rig.now).clock_error, Millis(1));
  const Beat beat = Messages(rig.Wait(Millis(600))).at(0).beat.value();
  EXPECT_TRUE(beat.clock_known);
  EXPECT_EQ(beat.clock_offset, Seconds(40));
  EXPECT_EQ(beat.clock_error, Millis(1));
}

TEST(AgentCoreClockTest, StartsATestOnlyWhenTheClockIsKnown) {
  Rig rig;
  rig.Connect();
  EXPECT_THAT(Of<StartTest>(rig.Give("t", 2)), IsEmpty());
  const BootTime t0 = rig.now + Seconds(1);
  Effects effects;
  for (int i = 0; i < 16; ++i) effects = rig.Exchange(Millis(1), Millis(1), Seconds(40));
  ASSERT_THAT(Of<StartTest>(effects), SizeIs(1));
  EXPECT_THAT(Of<ExtendTest>(effects), SizeIs(2));
  // Our clock is 40 s ahead of the one on which T0 was given.
  EXPECT_EQ(Of<StartTest>(effects)[0].clock.ToBoot(TestTime{}), t0 + Seconds(40));
}

TEST(AgentCoreClockTest, StartsATestWithFewExchangesWhenTheControllerIsSlow) {
  Rig rig;
  rig.Connect();
  rig.Give("t", 2);
  rig.Exchange(Millis(1), Millis(1), Millis(0));
  EXPECT_THAT(Of<StartTest>(rig.Wait(Millis(400))), IsEmpty());
  EXPECT_THAT(Of<StartTest>(rig.Wait(Millis(100))), SizeIs(1));
}

// It was frozen while the first answer came: 2 s of round trip, so perhaps 1 s off.
TEST(AgentCoreClockTest, DoesNotStartATestOnAClockThatMayBeFarOff) {
  Rig rig;
  rig.Connect();
  rig.Exchange(Millis(1), Millis(1999), Seconds(40));
  const BootTime t0 = rig.now + Seconds(1);
  EXPECT_THAT(Of<StartTest>(rig.Give("t", 2)), IsEmpty());
  const Effects effects = rig.Exchange(Millis(1), Millis(1), Seconds(40));
  ASSERT_THAT(Of<StartTest>(effects), SizeIs(1));
  EXPECT_THAT(Of<ExtendTest>(effects), SizeIs(2));
  EXPECT_EQ(Of<StartTest>(effects)[0].clock.ToBoot(TestTime{}), t0 + Seconds(40));
}

// The time in which it is frozen is no waiting: 3 s after the Welcome the first answer is read.
TEST(AgentCoreClockTest, WaitsForABetterClockFromTheFirstBadOneOn) {
  Rig rig;
  rig.Connect();
  rig.Exchange(Millis(1), Millis(2999), Seconds(0));
  EXPECT_THAT(Of<StartTest>(rig.Give("t", 2)), IsEmpty());
  EXPECT_THAT(Of<StartTest>(rig.Wait(AgentCore::kAnchorWait - Millis(1))), IsEmpty());
  EXPECT_THAT(Of<StartTest>(rig.Wait(Millis(1))), SizeIs(1));  // none has come
}

TEST(AgentCoreClockTest, ForgetsATestThatNeverStartedWhenTheStreamBreaks) {
  Rig rig;
  rig.Connect();
  rig.Give("t", 2);
  rig.Break();
  EXPECT_THAT(rig.Greet().tests, IsEmpty());
}

TEST(AgentCoreClockTest, IgnoresAnAnswerWithImpossibleStamps) {
  Rig rig;
  rig.Connect();
  ControllerMessage message;
  message.beat_reply = {
      .agent_sent = rig.now + Seconds(1), .controller_received = {}, .controller_sent = {}};
  EXPECT_THAT(Messages(rig.Say(message)), IsEmpty());
}

TEST(AgentCoreClockTest, SlewsAndNeverStepsWhenTheOffsetChanges) {
  Rig rig;
  rig.ConnectWithClock();
  ClockMap clock = Of<StartTest>(rig.Give("t", 2)).at(0).clock;
  // The offset grows by 10 ms: the controller's time is 10 ms earlier, so ours has to run slower.
  for (int i = 0; i < 32; ++i) {
    for (const SetClock& set : Of<SetClock>(rig.Exchange(Millis(1), Millis(1), Millis(10)))) {
      EXPECT_EQ(set.clock.ToTest(rig.now), clock.ToTest(rig.now));
      clock = set.clock;
    }
  }
  EXPECT_EQ(clock.slew_ppm(), limits::kSlewPpm);  // 10 ms in 5 s would be 2000 ppm
}

TEST(AgentCoreClockTest, StopsSlewingWhenTheClockIsRightWithinItsError) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 2);
  Effects effects;
  for (int i = 0; i < 17; ++i) effects = rig.Exchange(Millis(1), Millis(1), Millis(10));
  for (int i = 0; i < 16; ++i) effects = rig.Exchange(Millis(1), Millis(1), Millis(0));
  ASSERT_THAT(Of<SetClock>(effects), SizeIs(1));
  EXPECT_EQ(Of<SetClock>(effects)[0].clock.slew_ppm(), 0);
  EXPECT_THAT(Of<SetClock>(rig.Exchange(Millis(1), Millis(1), Millis(0))), IsEmpty());
}

TEST(AgentCoreClockTest, LeavesAClockAloneThatIsRightWithinItsError) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 2);
  // Half a millisecond is less than the error of 1 ms.
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Of<SetClock>(rig.Exchange(Millis(1), Millis(1), Nanos(500'000))), IsEmpty());
  }
}

TEST(AgentCoreClockTest, ReportsAsErrorHowFarATestIsOff) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 2);
  // A pause of the machine by 300 ms that its clock did not see: slewing takes 10 minutes.
  for (int i = 0; i < 16; ++i) rig.Exchange(Millis(1), Millis(1), Millis(-300));
  EXPECT_GE(rig.core.Status(rig.now).clock_error, Millis(299));
}

TEST(AgentCoreClockTest, DoesNotUseT0OfOneControllerWithTheClockOfAnother) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 2);
  rig.Break();
  // Another machine, whose clock is a day behind, has not said its T0 yet.
  rig.ConnectWithClock(WelcomeOf("store-a", 2, 12), std::chrono::hours(24));
  EXPECT_THAT(Of<SetClock>(rig.all), IsEmpty());
  EXPECT_EQ(rig.core.Status(rig.now).clock_error, Millis(1));
  // Then it has: T0 was about 1 s ago, and its now is ours minus a day.
  rig.Give("t", 2, -std::chrono::hours(24));
  rig.Exchange(Millis(1), Millis(1), std::chrono::hours(24));
  EXPECT_THAT(Of<StartTest>(rig.all), SizeIs(1));
  EXPECT_THAT(Of<SetClock>(rig.all), SizeIs(1));
}

TEST(AgentCoreClockTest, KeepsTheEstimateOverAReconnectToTheSameProcess) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Break();
  rig.Connect();
  EXPECT_THAT(Of<StartTest>(rig.Give("t", 1)), SizeIs(1));
}

}  // namespace
}  // namespace broadside
