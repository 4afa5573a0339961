// What a test knows of its agents: which were lost, which are forgotten, and whom a stop waits for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TestAgentsTest : public testing::Test {
 protected:
  // Some 4 s of one of two agents are less than 1 % of it: the verdict is not invalid for them.
  TestAgentsTest() {
    for (const char* name : {"a", "b"}) fleet_.Join(name);
    id_ = fleet_.Start(ConstantSpec(1000, 400)).test->id;
    fleet_.Run(Seconds(12));  // tau 10
  }
  void Crash(FakeAgent& agent) {
    agent.frozen = true;
    if (agent.stream != 0) fleet_.Disconnect(agent);
  }
  std::vector<std::string> Details(ChangeKind kind) const {
    std::vector<std::string> details;
    for (const Change& change : fleet_.store().Changes(id_)) {
      if (change.kind == kind) details.push_back(change.detail);
    }
    return details;
  }
  std::vector<std::string> Shown() const {
    std::vector<std::string> names;
    for (const AgentView& agent : fleet_.View(id_)->agents)
      names.push_back(Concat(agent.name, " ", AgentStateName(agent.state)));
    return names;
  }

  FakeFleet fleet_;
  TestId id_;
};

TEST_F(TestAgentsTest, OneThatDiesWhileTheControllerIsAwayIsLost) {
  fleet_.agent(1).frozen = true;
  fleet_.RestartController(Millis(300));
  fleet_.Run(Seconds(4));
  EXPECT_THAT(Details(ChangeKind::kAgentLost), IsEmpty()) << "it may still come";
  fleet_.Run(Seconds(4));
  EXPECT_THAT(Details(ChangeKind::kAgentLost), ElementsAre("b"));
  EXPECT_THAT(Shown(), ElementsAre("a ready", "b lost"));
  fleet_.Run(Seconds(420));
  const auto view = fleet_.View(id_);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_GT(view->totals.due.outcomes[Outcome::kUnknown], 0u);
  EXPECT_EQ(view->verdict.generator, VerdictLevel::kSuspect);
  EXPECT_THAT(view->verdict.reasons, ElementsAre("1 agent was lost (limit 0): b"));
}

TEST_F(TestAgentsTest, OneThatTakesAWhileToComeBackAfterARestartIsNotLost) {
  fleet_.agent(1).frozen = true;
  fleet_.RestartController(Millis(300));
  fleet_.Run(Seconds(4));
  fleet_.agent(1).frozen = false;
  fleet_.Connect(fleet_.agent(1));
  fleet_.Run(Seconds(420));
  EXPECT_THAT(Details(ChangeKind::kAgentLost), IsEmpty());
  EXPECT_THAT(Details(ChangeKind::kAgentBack), IsEmpty());
  EXPECT_EQ(fleet_.View(id_)->verdict.generator, VerdictLevel::kValid);
}

TEST_F(TestAgentsTest, OneThatWasLostBeforeARestartIsLostOnceAndCanComeBack) {
  Crash(fleet_.agent(1));
  fleet_.Run(Seconds(5));
  fleet_.RestartController(Millis(300));
  fleet_.Run(Seconds(20));
  EXPECT_THAT(Details(ChangeKind::kAgentLost), ElementsAre("b"));
  fleet_.agent(1).frozen = false;
  fleet_.Connect(fleet_.agent(1));
  fleet_.Run(Seconds(20));
  EXPECT_THAT(Details(ChangeKind::kAgentBack), ElementsAre("b"));
  EXPECT_THAT(Shown(), ElementsAre("a ready", "b ready"));
}

TEST_F(TestAgentsTest, OneThatIsMissingAtTheEndIsLostThen) {
  fleet_.Run(Seconds(387));  // tau 397: all is out
  fleet_.agent(1).frozen = true;
  fleet_.RestartController(std::chrono::minutes(4));
  fleet_.Run(Seconds(30));
  EXPECT_EQ(fleet_.View(id_)->state, TestState::kFinished);
  EXPECT_THAT(Details(ChangeKind::kAgentLost), ElementsAre("b"));
}

TEST_F(TestAgentsTest, AStopDoesNotWaitForOnesThatWentLongAgo) {
  fleet_.Drain("b");
  fleet_.Run(Seconds(20));
  ASSERT_TRUE(fleet_.agent(1).exited);
  fleet_.Stop(id_);
  fleet_.Run(Seconds(1));
  EXPECT_EQ(fleet_.View(id_)->state, TestState::kStopped);
}

TEST_F(TestAgentsTest, OneThatIsGoneAndOwesNothingIsForgotten) {
  fleet_.agent(1).clock_error = Millis(300);  // no further slots
  fleet_.Run(Seconds(10));                    // and all that it had is settled
  Crash(fleet_.agent(1));
  fleet_.Run(Seconds(299));
  EXPECT_THAT(Shown(), ElementsAre("a ready", "b lost"));
  fleet_.Run(Seconds(3));
  EXPECT_THAT(Shown(), ElementsAre("a ready"));
  // It comes back, as if it had not been away.
  fleet_.agent(1).frozen = false;
  fleet_.agent(1).clock_error = Nanos(0);
  fleet_.Connect(fleet_.agent(1));
  fleet_.Run(Seconds(5));
  EXPECT_THAT(Shown(), ElementsAre("a ready", "b ready"));
  fleet_.Run(Seconds(100));
  EXPECT_EQ(fleet_.View(id_)->state, TestState::kFinished);
  EXPECT_TRUE(fleet_.View(id_)->balanced);
  EXPECT_THAT(fleet_.agent(1).finals, ElementsAre(id_));
}

TEST_F(TestAgentsTest, OneThatDrainedIsNotLostAfterARestart) {
  FakeAgent& other = fleet_.Join("c");
  fleet_.Run(Seconds(10));
  Crash(other);  // it holds up the seconds that b had too
  fleet_.Drain("b");
  fleet_.Run(Seconds(10));
  ASSERT_TRUE(fleet_.agent(1).exited);
  EXPECT_THAT(Shown(), ElementsAre("a ready", "c lost"));
  fleet_.RestartController(Millis(300));
  fleet_.Run(Seconds(10));
  EXPECT_THAT(Shown(), ElementsAre("a ready", "c lost"));
  EXPECT_THAT(Details(ChangeKind::kAgentLost), ElementsAre("c"));
}

// Others hold its seconds open; it was forgotten, but it must hear of the end.
TEST_F(TestAgentsTest, OneThatWasForgottenHearsOfTheEndWhenItComesBack) {
  FakeAgent& other = fleet_.Join("c");
  fleet_.Run(Seconds(10));
  fleet_.agent(1).clock_error = Millis(300);
  fleet_.Run(Millis(500));
  Crash(other);
  fleet_.Run(Seconds(10));
  fleet_.Disconnect(fleet_.agent(1));
  fleet_.Run(Seconds(303));
  EXPECT_THAT(Shown(), ElementsAre("a ready", "c lost"));
  fleet_.Connect(fleet_.agent(1));
  fleet_.Run(Seconds(100));
  EXPECT_EQ(fleet_.View(id_)->state, TestState::kFinished);
  EXPECT_THAT(fleet_.agent(1).finals, ElementsAre(id_));
}

// A stop settles seconds that have not begun, and others hold up the end.
TEST_F(TestAgentsTest, OneThatComesBackLateToAStoppedTestHearsOfItsEnd) {
  for (const char* name : {"c", "d"}) fleet_.Join(name);
  fleet_.Run(Millis(5'200));  // tau 15.1: segments 15 to 17 are out
  FakeAgent& late = fleet_.agent(0);
  FakeAgent& silent = fleet_.agent(1);
  silent.frozen = true;
  fleet_.Stop(id_);
  fleet_.Report(late);  // all that it was granted is cancelled
  late.frozen = true;
  fleet_.RestartController(Millis(300));
  fleet_.Run(Millis(1'200));  // half of the owners is there: test time is known, tau is 16.6
  late.frozen = false;
  fleet_.Connect(late);
  fleet_.Run(Seconds(1));
  ASSERT_EQ(fleet_.View(id_)->state, TestState::kStopping);
  silent.frozen = false;
  fleet_.Connect(silent);
  fleet_.Run(Seconds(5));
  EXPECT_EQ(fleet_.View(id_)->state, TestState::kStopped);
  EXPECT_THAT(late.finals, ElementsAre(id_));
}

// A machine that came up minutes ago, while the record's T0 is of one that ran for weeks.
TEST_F(TestAgentsTest, FiguresDoNotDropWhileTestTimeIsNotKnown) {
  const auto before = fleet_.View(id_);
  fleet_.RestartController(Millis(300), -Seconds(500));
  fleet_.Run(Millis(500));
  const auto view = fleet_.View(id_);
  EXPECT_GE(view->elapsed_s, before->elapsed_s);
  EXPECT_GE(view->sent_rate, before->sent_rate);
}

}  // namespace
}  // namespace broadside
