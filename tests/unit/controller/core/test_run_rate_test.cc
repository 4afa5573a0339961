// Live changes of the rate: when they begin, and when they are refused. The rates that a test
// shows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using ::testing::HasSubstr;

TEST(RateChangeTest, OfATestThatWaitsForAgentsItHasNoTimeYetAndBeginsWithIt) {
  FakeFleet fleet;
  fleet.Join("a");
  TestSpec spec = ConstantSpec(100, 10);
  spec.agents.min = 2;
  const TestId id = fleet.Start(spec).test->id;
  const CommandResult changed = fleet.Rate(id, 200);
  EXPECT_EQ(changed.code, CommandCode::kOk);
  EXPECT_FALSE(changed.effective_at.has_value());
  fleet.Join("b");
  fleet.Run(Seconds(20));
  EXPECT_EQ(fleet.View(id)->totals.planned, 2000);
  EXPECT_EQ(fleet.View(id)->state, TestState::kFinished);
}

TEST(RateChangeTest, RightAfterARestartItIsUnavailableAndThenWorks) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 60)).test->id;
  fleet.Run(Seconds(10));
  fleet.RestartController(Seconds(5));
  const CommandResult refused = fleet.Rate(id, 200);
  EXPECT_EQ(refused.code, CommandCode::kUnavailable);
  EXPECT_THAT(refused.detail, HasSubstr("has just restarted"));
  fleet.Run(Seconds(4));
  const CommandResult changed = fleet.Rate(id, 200);
  ASSERT_EQ(changed.code, CommandCode::kOk);
  EXPECT_GE(*changed.effective_at, fleet.now().wall);
}

TEST(RateChangeTest, BehindAHeldUpPlanItBeginsInASecondThatIsStillToCome) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 60)).test->id;
  fleet.Run(Millis(12'100));  // tau 10: segments 0 to 12 are out
  fleet.Stall(Millis(5'900));
  const CommandResult changed = fleet.Rate(id, 300);
  ASSERT_EQ(changed.code, CommandCode::kOk);
  // tau 15.9: the second at 16 comes too soon to be given to anybody.
  EXPECT_EQ(*changed.effective_at - *fleet.View(id)->started_at, Nanos(Seconds(17)));
  fleet.Run(Seconds(60));
  EXPECT_EQ(fleet.View(id)->totals.planned, 100 * 17 + 300 * 43);
  EXPECT_TRUE(fleet.View(id)->balanced);
}

TEST(RateChangeTest, OnceAllIsHandedOutItIsRefused) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 10)).test->id;
  fleet.Run(Seconds(11));
  const CommandResult refused = fleet.Rate(id, 200);
  EXPECT_EQ(refused.code, CommandCode::kConflict);
  EXPECT_THAT(refused.detail, HasSubstr("already handed out"));
}

TEST(RateChangeTest, OneThatWouldMakeTooManyPiecesIsRefusedWithTheLimit) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(1, 3000)).test->id;
  fleet.Run(Seconds(3));
  // One stage, and a change in each second.
  for (size_t pieces = 2; pieces <= limits::kCurvePiecesMax; ++pieces) {
    fleet.Run(Seconds(1));
    ASSERT_EQ(fleet.Rate(id, 1 + pieces % 2).code, CommandCode::kOk) << pieces;
    ASSERT_EQ(fleet.View(id)->pieces.size(), pieces);
  }
  EXPECT_EQ(fleet.Rate(id, 3).code, CommandCode::kOk) << "it replaces the last one";
  fleet.Run(Seconds(1));
  const CommandResult refused = fleet.Rate(id, 1);
  EXPECT_EQ(refused.code, CommandCode::kConflict);
  EXPECT_EQ(refused.detail, "the test has 2000 stages and rate changes (limit 2000)");
}

TEST(RatesTest, OfAStoppedTestTheyAreThoseUpToTheStop) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(1000, 60)).test->id;
  fleet.Run(Millis(12'100));
  fleet.Report(agent);  // tau 10: 10,000 slots are done
  agent.frozen = true;  // the stop takes long
  fleet.Stop(id);
  fleet.Run(Seconds(5));
  EXPECT_EQ(fleet.View(id)->state, TestState::kStopping);
  EXPECT_DOUBLE_EQ(fleet.View(id)->completed_rate, 1000);
  agent.frozen = false;
  fleet.Connect(agent);
  fleet.Run(Seconds(2));
  const auto live = fleet.View(id);
  ASSERT_EQ(live->state, TestState::kStopped);
  EXPECT_DOUBLE_EQ(live->planned_rate, 1000);
  EXPECT_DOUBLE_EQ(live->sent_rate, 1000);
  EXPECT_DOUBLE_EQ(live->completed_rate, 1000);
  fleet.RestartController(Seconds(1));
  fleet.Run(Millis(100));
  const auto stored = fleet.View(id);
  EXPECT_EQ(stored->planned_rate, live->planned_rate);
  EXPECT_EQ(stored->sent_rate, live->sent_rate);
  EXPECT_EQ(stored->completed_rate, live->completed_rate);
}

TEST(RatesTest, OfAFinishedTestTheyAreThoseOfItsLength) {
  FakeFleet fleet;
  fleet.Join("a");
  TestSpec spec = ConstantSpec(1000, 3);
  spec.load.stages[0].duration_ms = 2'500;
  const TestId id = fleet.Start(spec).test->id;
  fleet.Run(Seconds(10));
  EXPECT_DOUBLE_EQ(fleet.View(id)->completed_rate, 1000);  // 2500 in 2.5 s
  fleet.RestartController(Seconds(1));
  fleet.Run(Millis(100));
  EXPECT_DOUBLE_EQ(fleet.View(id)->completed_rate, 1000);
}

}  // namespace
}  // namespace broadside
