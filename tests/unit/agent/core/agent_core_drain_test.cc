// The way out: a drain tells, finishes what it holds, and knows when it may go.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/core/rig.h"

namespace broadside {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

ControllerMessage ReleasedThrough(TestId test, int64_t through) {
  ControllerMessage message;
  message.released.push_back({std::move(test), through});
  return message;
}

ControllerMessage MayLeave() {
  ControllerMessage message;
  message.may_leave = true;
  return message;
}

// Of one test, and then altogether.
ControllerMessage Released(TestId test, int64_t through) {
  ControllerMessage message = ReleasedThrough(std::move(test), through);
  message.may_leave = true;
  return message;
}

// The code with which the agent left; -1 when it did not.
int ExitCode(const Effects& effects) {
  const auto exits = Of<Exit>(effects);
  return exits.empty() ? -1 : exits[0].code;
}

TEST(AgentCoreDrainTest, LeavesAtOnceWhenItHasNoControllerAndHoldsNothing) {
  Rig rig;
  rig.Do(Tick{});
  EXPECT_EQ(ExitCode(rig.Do(DrainRequested{})), 0);
}

TEST(AgentCoreDrainTest, TellsTheControllerAtOnce) {
  Rig rig;
  rig.ConnectWithClock();
  const auto messages = Messages(rig.Do(DrainRequested{}));
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_TRUE(messages[0].beat->draining);
  EXPECT_THAT(rig.Do(DrainRequested{}), IsEmpty());  // idempotent
  EXPECT_TRUE(rig.core.Status(rig.now).draining);
}

TEST(AgentCoreDrainTest, DrainsWhenTheControllerAsksForIt) {
  Rig rig;
  rig.ConnectWithClock();
  ControllerMessage message;
  message.drain = true;
  EXPECT_TRUE(Messages(rig.Say(message)).at(0).beat->draining);
}

TEST(AgentCoreDrainTest, WaitsUntilTheControllerSaysThatNothingIsOnItsWay) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Do(DrainRequested{});
  rig.Exchange(Millis(1), Millis(1), Millis(0));  // heard, but a commit may be slow
  EXPECT_EQ(ExitCode(rig.Wait(Seconds(10))), -1);
  const auto effects = rig.Say(MayLeave());
  EXPECT_EQ(ExitCode(effects), 0);
  EXPECT_THAT(Of<CloseStream>(effects), SizeIs(1));
}

TEST(AgentCoreDrainTest, FiresWhatWasOnItsWayWhenItBeganToDrain) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Do(DrainRequested{});
  rig.Exchange(Millis(1), Millis(1), Millis(0));
  EXPECT_EQ(ExitCode(rig.Wait(Seconds(3))), -1);
  EXPECT_THAT(Of<ExtendTest>(rig.Give("t", 1)), SizeIs(1));
  EXPECT_EQ(ExitCode(rig.Say(Released("t", 0))), -1);
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Seconds(2));
  EXPECT_EQ(ExitCode(rig.Acknowledge(1)), 0);
}

// A controller that does not know the word, say.
TEST(AgentCoreDrainTest, LeavesAtTheBoundWhenItIsNeverReleased) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Do(DrainRequested{});
  EXPECT_EQ(ExitCode(rig.Wait(Millis(24'999))), -1);  // B 20 s + 5 s
  EXPECT_EQ(ExitCode(rig.Wait(Millis(1))), 1);
}

TEST(AgentCoreDrainTest, AReleaseBeforeTheDrainIsNone) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Say(MayLeave());
  EXPECT_EQ(ExitCode(rig.Do(DrainRequested{})), -1);
}

TEST(AgentCoreDrainTest, FiresWhatItHoldsAndLeavesWhenReleasedSettledAndAcknowledged) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 3);
  rig.Do(DrainRequested{});
  rig.Exchange(Millis(1), Millis(1), Millis(0));
  EXPECT_THAT(Of<CutTest>(rig.Wait(Seconds(3))), IsEmpty());
  rig.Say(Released("t", 2));
  EXPECT_EQ(ExitCode(rig.Wait(Seconds(3))), -1);  // not settled
  rig.Result(DeltaOf("t", 2));
  EXPECT_EQ(ExitCode(rig.Wait(Seconds(3))), -1);  // not acknowledged
  const auto effects = rig.Acknowledge(1);
  EXPECT_EQ(ExitCode(effects), 0);
  EXPECT_TRUE(Logged(effects, "drained", "made 1 reports"));
  EXPECT_TRUE(rig.core.Status(rig.now).exited);
}

TEST(AgentCoreDrainTest, DoesNotLeaveBeforeItIsReleased) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Do(DrainRequested{});
  rig.Exchange(Millis(1), Millis(1), Millis(0));
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Seconds(2));
  rig.Acknowledge(1);
  EXPECT_EQ(ExitCode(rig.Wait(Seconds(2))), -1);
  EXPECT_EQ(ExitCode(rig.Say(Released("t", 0))), 0);
}

TEST(AgentCoreDrainTest, NeedsNoReleaseForATestOfWhichItNeverOwnedASegment) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 0);
  rig.Do(DrainRequested{});
  EXPECT_EQ(ExitCode(rig.Say(MayLeave())), 0);
}

// Its engine closes interval after interval of a test in which it has no share.
TEST(AgentCoreDrainTest, ASpareAgentLeavesSoonWithoutAController) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 0);
  rig.closes = {"t"};
  rig.Wait(Seconds(5));
  EXPECT_THAT(Reports(rig.all), IsEmpty());
  rig.Break();
  rig.Do(DrainRequested{});
  const auto effects = rig.Wait(Seconds(4));
  ASSERT_THAT(Of<Exit>(effects), SizeIs(1));
  EXPECT_EQ(Of<Exit>(effects)[0].code, 0);
}

TEST(AgentCoreDrainTest, ComesBackDrainingWhenTheStreamBreaks) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Do(DrainRequested{});
  rig.Break();
  EXPECT_TRUE(rig.Greet().draining);
}

TEST(AgentCoreDrainTest, AWelcomeIsNoReleaseButOneIsForGood) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Do(DrainRequested{});
  rig.Break();
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Seconds(1));
  rig.Connect();
  rig.Say(ReleasedThrough("t", 0));
  rig.Say(MayLeave());
  rig.Break();
  rig.Connect();
  EXPECT_EQ(ExitCode(rig.Acknowledge(1)), 0);
}

TEST(AgentCoreDrainTest, AbandonsWhatIsInFlightAtTheBoundAndLeavesWithOne) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Do(DrainRequested{});
  rig.Break();
  // B 20 s + L 1 s + T 5 s + 5 s = 31 s, of which the last 2 s are for delivery.
  EXPECT_THAT(Of<AbandonTest>(rig.Wait(Millis(28'999))), IsEmpty());
  const auto abandoned = rig.Wait(Millis(1));
  EXPECT_THAT(Of<CutTest>(abandoned), SizeIs(1));
  EXPECT_THAT(Of<AbandonTest>(abandoned), SizeIs(1));
  rig.Result(DeltaOf("t", 0));
  EXPECT_EQ(ExitCode(rig.Wait(Millis(1'999))), -1);
  const auto effects = rig.Wait(Millis(1));
  EXPECT_EQ(ExitCode(effects), 1);
  EXPECT_TRUE(Logged(effects, "drain_incomplete", "1 reports not delivered"));
}

TEST(AgentCoreDrainTest, DeliversWhatWasAbandonedAndLeavesWithZero) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Give("waiting", 0);
  rig.Do(DrainRequested{});
  rig.Exchange(Millis(1), Millis(1), Millis(0));
  rig.Say(Released("t", 0));
  rig.Wait(Seconds(29));
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Millis(600));
  EXPECT_EQ(ExitCode(rig.Acknowledge(1)), 0);
}

TEST(AgentCoreDrainTest, LeavesWithoutAControllerOnlyAtTheBoundWhenItOwesReports) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Seconds(2));
  rig.Do(DrainRequested{});
  rig.Break();
  EXPECT_EQ(ExitCode(rig.Wait(Seconds(30))), -1);
  EXPECT_EQ(ExitCode(rig.Wait(Seconds(1))), 1);
}

// Grants may have been lost with the stream.
TEST(AgentCoreDrainTest, WithoutItsControllerItComesBackForThreeSecondsToBeHeard) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Break();
  EXPECT_EQ(ExitCode(rig.Do(DrainRequested{})), -1);
  const auto effects = rig.Wait(Millis(2'990));
  EXPECT_EQ(ExitCode(effects), -1);
  EXPECT_THAT(Of<OpenStream>(effects), SizeIs(1));  // it does come back
  EXPECT_EQ(ExitCode(rig.Wait(Millis(20))), 0);
}

TEST(AgentCoreDrainTest, IsDeafAfterItLeft) {
  Rig rig;
  rig.Do(DrainRequested{});
  EXPECT_THAT(rig.Do(Tick{}), IsEmpty());
  EXPECT_EQ(rig.core.NextTick(), BootTime::max());
  EXPECT_EQ(rig.core.Status(rig.now).reason, "exited");
}

}  // namespace
}  // namespace broadside
