// Seconds settle one by one: an agent that never comes back holds up those in which it may still
// add something, and no other.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

uint64_t Count(const TestView& view, Outcome outcome) { return view.totals.due.outcomes[outcome]; }

// Begun seconds that may be open while everybody reports: the present one and those of the last
// half second's reports.
constexpr size_t kOpenWhileWell = 3;
// max_lateness 1 s, timeout 5 s, rounded up, and one.
constexpr int64_t kMargin = 7;

class SettlingTest : public testing::Test {
 protected:
  SettlingTest() {
    for (const char* name : {"a", "b", "c"}) fleet_.Join(name);
    id_ = fleet_.Start(ConstantSpec(1000, 300)).test->id;
    fleet_.Run(Seconds(12));  // tau 10
  }
  // Freezes c and breaks its stream: what it holds is outstanding from now on.
  void Crash() {
    fleet_.agent(2).frozen = true;
    fleet_.Disconnect(fleet_.agent(2));
    crashed_at_ = fleet_.store().Unsettled(id_).front();
  }
  std::vector<int64_t> Unsettled() const { return fleet_.store().Unsettled(id_); }
  size_t live() { return fleet_.core().LiveIntervals(); }

  FakeFleet fleet_;
  TestId id_;
  int64_t crashed_at_ = 0;
};

TEST_F(SettlingTest, WhileEverybodyReportsOnlyTheLastSecondsAreOpen) {
  EXPECT_THAT(Unsettled(), SizeIs(Le(kOpenWhileWell)));
  const size_t live_before = live();
  fleet_.Run(Seconds(100));
  EXPECT_THAT(Unsettled(), SizeIs(Le(kOpenWhileWell)));
  EXPECT_EQ(live(), live_before);
}

TEST_F(SettlingTest, ACrashedAgentHoldsUpItsOwnSecondsAndTheirMarginAlone) {
  Crash();
  fleet_.Run(Seconds(100));
  const int64_t horizon = limits::kHorizonDefault / kSegment;
  // Its grants end a horizon after the crash, its answers may have come a margin later.
  const std::vector<int64_t> unsettled = Unsettled();
  std::vector<int64_t> of_the_crash(unsettled.begin(), unsettled.end() - kOpenWhileWell);
  EXPECT_THAT(of_the_crash, Each(Ge(crashed_at_)));
  EXPECT_THAT(of_the_crash, Each(Le(crashed_at_ + horizon + kMargin + 1)));
  const size_t live_then = live();
  fleet_.Run(Seconds(100));
  EXPECT_EQ(live(), live_then);
  EXPECT_TRUE(fleet_.View(id_)->balanced);
  EXPECT_GT(fleet_.View(id_)->totals.outstanding, 0);
}

TEST_F(SettlingTest, WhatItBringsLaterIsBookedInItsSecondsWhichThenSettle) {
  Crash();
  fleet_.Run(Seconds(100));
  fleet_.agent(2).frozen = false;
  fleet_.Connect(fleet_.agent(2));
  fleet_.Run(Seconds(20));
  EXPECT_THAT(Unsettled(), SizeIs(Le(kOpenWhileWell)));
  EXPECT_THAT(Unsettled(), Each(Ge(100)));
  EXPECT_EQ(fleet_.store().Interval(id_, crashed_at_).due.outcomes[Outcome::kOk], 1000u);
  EXPECT_TRUE(fleet_.View(id_)->balanced);
  EXPECT_LE(fleet_.View(id_)->totals.outstanding, 1000);
}

TEST_F(SettlingTest, ARestartKnowsWhatIsOpenAndWhatIsNot) {
  Crash();
  fleet_.Run(Seconds(60));
  const auto of_the_crash = [this] {
    std::vector<int64_t> unsettled = Unsettled();
    std::erase_if(unsettled, [](int64_t k) { return k > 50; });
    return unsettled;
  };
  const std::vector<int64_t> before = of_the_crash();
  const int64_t outstanding = fleet_.View(id_)->totals.outstanding;
  fleet_.RestartController(Millis(300));
  fleet_.Run(Seconds(30));
  EXPECT_THAT(of_the_crash(), ElementsAreArray(before));
  EXPECT_THAT(Unsettled(), SizeIs(Le(before.size() + kOpenWhileWell)));
  EXPECT_TRUE(fleet_.View(id_)->balanced);
  EXPECT_NEAR(static_cast<double>(fleet_.View(id_)->totals.outstanding),
              static_cast<double>(outstanding), 2000);
  fleet_.agent(2).frozen = false;
  fleet_.Connect(fleet_.agent(2));
  fleet_.Run(Seconds(30));
  EXPECT_THAT(Unsettled(), SizeIs(Le(kOpenWhileWell)));
  fleet_.Run(Seconds(200));
  const auto view = fleet_.View(id_);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_EQ(Count(*view, Outcome::kUnknown), 0u);
  EXPECT_EQ(view->totals.planned, static_cast<int64_t>(view->totals.due.outcomes.Total()));
  EXPECT_THAT(Unsettled(), IsEmpty());
}

TEST_F(SettlingTest, AtTheEndEverythingIsSettledAndTheRestUnknown) {
  Crash();
  fleet_.Run(Seconds(400));
  const auto view = fleet_.View(id_);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_GT(Count(*view, Outcome::kUnknown), 0u);
  EXPECT_EQ(view->totals.planned, static_cast<int64_t>(view->totals.due.outcomes.Total()));
  EXPECT_THAT(Unsettled(), IsEmpty());
  EXPECT_EQ(fleet_.store().Interval(id_, crashed_at_).due.outcomes.Total(), 1000u);
}

TEST_F(SettlingTest, AFailedTestSaysWhatItsLastSecondsLack) {
  Crash();
  fleet_.RestartController(std::chrono::minutes(6));
  fleet_.Run(Seconds(5));
  ASSERT_EQ(fleet_.View(id_)->state, TestState::kFailed);
  EXPECT_NEAR(fleet_.store().Interval(id_, crashed_at_ + 1).coverage, 2.0 / 3, 0.01);
}

TEST_F(SettlingTest, AStopSettlesWhatACrashLeftOpen) {
  Crash();
  fleet_.Run(Seconds(30));
  fleet_.Stop(id_);
  fleet_.Run(Seconds(60));
  EXPECT_EQ(fleet_.View(id_)->state, TestState::kStopped);
  EXPECT_THAT(Unsettled(), IsEmpty());
  EXPECT_TRUE(fleet_.View(id_)->balanced);
}

TEST_F(SettlingTest, ManyCrashesLeaveAsMuchOpenAsTheyHold) {
  for (int i = 0; i < 5; ++i) {
    const std::string name = "spot-" + std::to_string(i);
    FakeAgent& spot = fleet_.Join(name);
    fleet_.Run(Seconds(15));
    spot.frozen = true;
    fleet_.Disconnect(spot);
    fleet_.Run(Seconds(15));
  }
  const int64_t horizon = limits::kHorizonDefault / kSegment;
  EXPECT_LE(static_cast<int64_t>(live()), 5 * (horizon + kMargin + 2) + 10);
  EXPECT_TRUE(fleet_.View(id_)->balanced);
}

TEST(TestRunTest, AnAgentThatGetsSlotsAfterTheStartIsAChange) {
  FakeFleet fleet;
  for (const char* name : {"a", "b"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(1000, 30)).test->id;
  fleet.Run(Seconds(6));
  fleet.Join("late");
  fleet.Run(Seconds(6));
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(6));
  std::vector<std::string> joined;
  for (const Change& change : fleet.store().Changes(id)) {
    if (change.kind == ChangeKind::kAgentJoined) joined.push_back(change.detail);
  }
  EXPECT_THAT(joined, ElementsAre("late"));
}

TEST(ControllerHealthTest, AControllerThatIsBusyForFiveSecondsIsAReason) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 60)).test->id;
  fleet.Run(Seconds(10));
  fleet.controller_cpu = 0.96;
  fleet.Run(Millis(4'900));
  fleet.controller_cpu = 0.95;
  fleet.Run(Millis(100));
  EXPECT_THAT(fleet.View(id)->verdict.reasons, IsEmpty());
  fleet.controller_cpu = 0.96;
  fleet.Run(Millis(6'000));
  EXPECT_THAT(fleet.View(id)->verdict.reasons,
              ElementsAre("the controller was above 95 % CPU for 6 s (limit 5 s)"));
}

}  // namespace
}  // namespace broadside
