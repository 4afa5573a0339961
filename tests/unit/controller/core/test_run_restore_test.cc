// What a restart of the controller, or a stream that breaks at the wrong moment, must not lose.
// Most of these were found by tests/sim.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

uint64_t Count(const TestView& view, Outcome outcome) { return view.totals.due.outcomes[outcome]; }

TEST(RestartTest, SlotsCancelledInSecondsToComeOutliveARestart) {
  FakeFleet fleet;
  for (const char* name : {"a", "b"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(1000, 60)).test->id;
  fleet.Run(Seconds(10));  // tau 8: segments 8, 9 and 10 are out
  fleet.agent(1).frozen = true;
  fleet.Stop(id);
  fleet.Report(fleet.agent(0));  // cancels its half of what is to come
  fleet.RestartController(Millis(300));
  fleet.agent(1).frozen = false;
  fleet.Connect(fleet.agent(1));
  fleet.Run(Seconds(10));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kStopped);
  EXPECT_TRUE(view->balanced);
  EXPECT_EQ(Count(*view, Outcome::kUnknown), 0u);
  EXPECT_EQ(view->totals.planned, static_cast<int64_t>(view->totals.due.outcomes.Total()));
}

TEST(RestartTest, AnAgentThatOwnsNothingAnyMoreStillHearsOfTheEnd) {
  FakeFleet fleet;
  for (const char* name : {"a", "b"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(1000, 20)).test->id;
  fleet.Run(Seconds(5));
  fleet.agent(1).clock_error = Millis(300);  // no further segments for it
  fleet.Run(Seconds(8));                     // and all that it had is settled
  fleet.RestartController(Millis(300));
  EXPECT_TRUE(fleet.agent(1).tests.contains(id));
  fleet.Run(Seconds(20));
  EXPECT_EQ(fleet.View(id)->state, TestState::kFinished);
  EXPECT_THAT(fleet.agent(1).finals, ElementsAre(id));
}

TEST(RestartTest, AnAgentThatOwnsNothingAnyMoreIsReleasedWhenItDrains) {
  FakeFleet fleet;
  for (const char* name : {"a", "b"}) fleet.Join(name);
  fleet.Start(ConstantSpec(1000, 60));
  fleet.Run(Seconds(5));
  fleet.agent(1).clock_error = Millis(300);
  fleet.Run(Seconds(8));
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(3));
  fleet.Drain("b");
  fleet.Run(Seconds(3));
  EXPECT_TRUE(fleet.agent(1).exited);
}

TEST(RestartTest, ResultsThatAgentsHoldAreAwaitedAfterALongAbsence) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(1000, 10)).test->id;
  fleet.Run(Seconds(11));  // tau 9: all is out
  agent.frozen = true;     // it needs two seconds to come back
  fleet.RestartController(Seconds(60));
  fleet.Run(Seconds(2));
  EXPECT_EQ(fleet.View(id)->state, TestState::kRunning);
  agent.frozen = false;
  fleet.Connect(agent);
  fleet.Run(Seconds(5));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_EQ(Count(*view, Outcome::kOk), 10'000u);
}

TEST(RestartTest, WhatNobodyBringsInTenSecondsIsUnknown) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(1000, 10)).test->id;
  fleet.Run(Seconds(11));
  agent.frozen = true;
  fleet.RestartController(Seconds(60));
  fleet.Run(Millis(9'900));
  EXPECT_EQ(fleet.View(id)->state, TestState::kRunning);
  fleet.Run(Millis(200));
  EXPECT_EQ(fleet.View(id)->state, TestState::kFinished);
  EXPECT_GT(Count(*fleet.View(id), Outcome::kUnknown), 0u);
}

// A test whose controller was restarted, before its agent has said Hello.
struct Restarted {
  Restarted() {
    fleet.Run(Seconds(10));
    t0 = agent.tests.at(id).t0;
    agent.frozen = true;
    fleet.RestartController(Millis(300));
  }
  void Hear(Hello hello, BootTime received) {
    AgentMessage message;
    message.hello = std::move(hello);
    agent.stream = 777;
    fleet.Do(AgentSaid{agent.stream, std::move(message), received});
  }
  BootTime T0AfterAWhile() {
    agent.frozen = false;
    fleet.Run(Seconds(3));
    return agent.tests.at(id).t0;
  }

  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 60)).test->id;
  BootTime t0{};
};

TEST(RestartTest, TestTimeGoesOnAsTheHelloSaidWhenItWasRead) {
  Restarted test;
  Hello hello = test.fleet.MakeHello(test.agent);
  hello.sent.reset();  // an agent of before
  const BootTime received = test.fleet.now().boot;
  test.fleet.Stall(Millis(700));  // it waits for home
  test.Hear(std::move(hello), received);
  EXPECT_EQ(test.T0AfterAWhile(), test.t0);
}

// It was on its way for 2.5 s; the exchanges that follow say what its stamp means.
TEST(RestartTest, TestTimeGoesOnHoweverLateTheHelloWas) {
  Restarted test;
  test.agent.clock_offset = Seconds(-500);
  Hello hello = test.fleet.MakeHello(test.agent);
  test.fleet.Stall(Millis(2'500));
  test.Hear(std::move(hello), test.fleet.now().boot);
  test.fleet.Beat(test.agent);
  EXPECT_EQ(test.T0AfterAWhile(), test.t0);
}

TEST(RestartTest, AnAgentWithAnUncertainClockDoesNotSayWhatTimeItIs) {
  FakeFleet fleet;
  FakeAgent& good = fleet.Join("good");
  FakeAgent& bad = fleet.Join("bad");
  const TestId id = fleet.Start(ConstantSpec(1000, 60)).test->id;
  fleet.Run(Seconds(10));
  const BootTime t0 = good.tests.at(id).t0;
  bad.clock_error = Millis(400);
  bad.tests.at(id).t0 = t0 + Millis(400);
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(3));
  EXPECT_EQ(good.tests.at(id).t0, t0);
  // When there is no better one, its word is still better than the wall clock.
  good.clock_error = Millis(400);
  good.tests.at(id).t0 = bad.tests.at(id).t0 = t0 + Millis(100);
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(3));
  EXPECT_EQ(good.tests.at(id).t0, t0 + Millis(100));
}

TEST(RestartTest, AnAgentWithAnotherPlanTellsThatTheStoreWasLost) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 60)).test->id;
  fleet.Run(Seconds(8));
  agent.tests.at(id).last_hash ^= 1;
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(2));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kInconsistent);
  EXPECT_THAT(view->updates.back().change->detail, HasSubstr("the store was lost or replaced"));
  EXPECT_THAT(agent.finals, ElementsAre(id));
}

TEST(RestartTest, AnAgentWithMoreThanThePlanTellsThatTheStoreLostItsEnd) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 60)).test->id;
  fleet.Run(Seconds(8));
  agent.tests.at(id).plan_through += 5;
  fleet.Disconnect(agent);
  fleet.Connect(agent);
  EXPECT_EQ(fleet.View(id)->state, TestState::kInconsistent);
}

TEST(RestartTest, AnAgentForgottenForMinutesGoesOnWithItsReportNumbers) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  fleet.Run(Seconds(3));
  ASSERT_GT(agent.seq, 1u);
  fleet.Disconnect(agent);
  fleet.Run(Seconds(301));  // lost ones are shown for 5 minutes
  EXPECT_THAT(fleet.view().agents, IsEmpty());
  fleet.Connect(agent);
  fleet.Report(agent);
  EXPECT_NE(agent.stream, 0u) << "no gap";
  EXPECT_THAT(agent.unacked, IsEmpty());
}

TEST(RestartTest, ADrainingAgentWhoseLastAckWasLostIsNotAGapWhenItComesBack) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  fleet.Run(Seconds(3));
  agent.draining = true;
  fleet.Beat(agent);
  fleet.Disconnect(agent);
  fleet.Run(Seconds(1));  // it owes nothing: forgotten at once
  fleet.Connect(agent);
  fleet.Beat(agent);
  agent.draining = false;  // or the fake would leave by itself
  fleet.Report(agent);
  EXPECT_NE(agent.stream, 0u);
}

TEST(RestartTest, ReportNumbersOutliveARestart) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 5)).test->id;
  fleet.Run(Seconds(12));
  agent.frozen = true;
  fleet.RestartController(Seconds(1));
  fleet.Run(Millis(100));
  EXPECT_THAT(fleet.view().agents, IsEmpty()) << "no agent that only the store knows";
  agent.frozen = false;
  fleet.Connect(agent);
  fleet.Report(agent);
  EXPECT_NE(agent.stream, 0u);
  EXPECT_EQ(Count(*fleet.View(id), Outcome::kOk), 500u);
}

TEST(RestartTest, AnEmptyShareIsNoMessageWhenGrantsAreSentAgainEither) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  TestSpec spec = ConstantSpec(1, 30);  // of three owners at most one has the slot of a second
  spec.agents.use = AgentsUse::kAll;
  const TestId id = fleet.Start(spec).test->id;
  fleet.Run(Seconds(8));
  const auto granted = fleet.handed_out();
  for (size_t i = 0; i < 3; ++i) {
    fleet.Disconnect(fleet.agent(i));
    fleet.agent(i).tests.clear();  // it holds nothing: all is sent again
    fleet.Connect(fleet.agent(i));
  }
  EXPECT_EQ(fleet.handed_out(), granted);
  EXPECT_NE(fleet.View(id)->state, TestState::kInconsistent);
}

// An agent that had no controller for minutes forgets a test that it has settled. Others keep the
// seconds open, so the plan still has its segments.
TEST(RestartTest, WhatAnAgentSettledAndForgotIsNotGivenToItAgain) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  FakeAgent& other = fleet.Join("b");
  const TestId id = fleet.Start(ConstantSpec(1000, 30)).test->id;
  fleet.Run(Seconds(5));  // tau 3: segments 3, 4 and 5 are out
  other.frozen = true;
  fleet.Run(Millis(500));
  for (const Nanos away : {Nanos(0), Nanos(Millis(300))}) {
    fleet.Disconnect(agent);
    agent.tests.clear();
    if (away > Nanos(0)) fleet.RestartController(away);
    if (agent.stream == 0) fleet.Connect(agent);
    fleet.Run(Seconds(4));
  }
  fleet.Run(Seconds(60));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_TRUE(view->balanced);
  // Of b alone: its half of the seconds of two horizons at most.
  EXPECT_GT(Count(*view, Outcome::kUnknown), 0u);
  EXPECT_LT(Count(*view, Outcome::kUnknown), 3000u);
  EXPECT_EQ(view->totals.planned, 30'000);
}

// A follower that goes on from a revision is given the list alone when it reaches back to that
// revision, so whatever is as new as the first of the list must be in it.
TEST(RestartTest, TheListOfUpdatesHasNoGap) {
  FakeFleet fleet;
  for (const char* name : {"a", "b"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(100, 300)).test->id;
  fleet.Run(Seconds(100));
  fleet.Disconnect(fleet.agent(1));  // a change among many intervals
  fleet.agent(1).frozen = true;
  fleet.Run(Seconds(2));
  fleet.RestartController(Millis(300));
  fleet.Run(Millis(100));
  const auto expect_no_gap = [&] {
    const auto view = fleet.View(id);
    std::set<uint64_t> listed;
    for (const Update& update : view->updates) listed.insert(update.revision);
    const uint64_t first = listed.empty() ? view->revision + 1 : *listed.begin();
    for (const uint64_t revision : fleet.store().RevisionsAfter(id, first))
      EXPECT_TRUE(listed.contains(revision)) << revision << ", the list begins with " << first;
  };
  expect_no_gap();
  fleet.Run(Seconds(10));
  expect_no_gap();
  EXPECT_FALSE(fleet.View(id)->updates.empty());
}

TEST(RestartTest, ADrainThatWasLostOnTheStreamIsAskedAgain) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  fleet.core().Step(DrainAsked{1, "a"}, fleet.now());
  fleet.Disconnect(agent);  // before the commit: the message is for nobody
  EXPECT_FALSE(agent.draining);
  fleet.Connect(agent);
  EXPECT_TRUE(agent.draining);
}

// What it was granted may have been lost with the process; it is told again when test time is
// known.
TEST(RestartTest, ADrainIsAnsweredWhenTheGrantsWereGivenAgain) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  fleet.Join("b").outcome = Outcome::kFailed;
  const TestId id = fleet.Start(ConstantSpec(1000, 20)).test->id;
  fleet.Run(Millis(1'500));  // tau -0.6: segments 0 and 1 are out
  ASSERT_EQ(agent.tests.at(id).plan_through, 1);
  agent.tests.clear();  // but this agent has not seen them
  agent.draining = true;
  fleet.RestartController(Millis(300));
  EXPECT_FALSE(agent.released);
  fleet.Run(Millis(900));  // test time is known after a second at the earliest
  EXPECT_FALSE(agent.released);
  fleet.Run(Seconds(40));
  EXPECT_TRUE(agent.exited);
  EXPECT_EQ(Count(*fleet.View(id), Outcome::kUnknown), 0u);
  EXPECT_EQ(Count(*fleet.View(id), Outcome::kOk), 999u) << "its half of two seconds";
}

TEST(RestartTest, ADrainThatTheAgentHasNotHeardOutlivesTheController) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  FakeAgent& other = fleet.Join("b");
  fleet.Disconnect(other);
  EXPECT_EQ(fleet.Drain("a").code, CommandCode::kOk);
  agent.draining = false;  // as if the message had been lost with the process
  fleet.RestartController(Seconds(1));
  EXPECT_TRUE(agent.draining);
  EXPECT_FALSE(other.draining);
}

}  // namespace
}  // namespace broadside
