#include "controller/core/controller_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

uint64_t Count(const TestView& view, Outcome outcome) { return view.totals.due.outcomes[outcome]; }

TEST(ControllerCoreTest, AFleetOfThreeDoesTheWholePlanAndTheBooksBalance) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  const CommandResult started = fleet.Start(ConstantSpec(3000, 20));
  ASSERT_EQ(started.code, CommandCode::kOk);
  fleet.Run(Seconds(30));
  const auto view = fleet.View(started.test->id);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_EQ(view->totals.planned, 60'000);  // 3000/s * 20 s
  EXPECT_EQ(Count(*view, Outcome::kOk), 60'000u);
  EXPECT_EQ(view->totals.outstanding, 0);
  EXPECT_TRUE(view->balanced);
  EXPECT_EQ(view->verdict.generator, VerdictLevel::kValid);
  EXPECT_THAT(view->verdict.reasons, IsEmpty());
  EXPECT_EQ(view->totals.response_time.count(), 60'000u);
  EXPECT_DOUBLE_EQ(view->planned_rate, 3000);
  EXPECT_DOUBLE_EQ(view->completed_rate, 3000);
}

TEST(ControllerCoreTest, TheFigureOfEachClosedSecondIsThePlan) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(1000, 10)).test->id;
  fleet.Run(Seconds(5));  // 2 s lead, then 3 s of load
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kRunning);
  EXPECT_EQ(view->requests_per_second, 1000u);
  EXPECT_EQ(view->interval_coverage, 1.0);
}

TEST(ControllerCoreTest, EachSegmentIsHandedOutOnceInArcsThatCoverTheCircle) {
  FakeFleet fleet;
  fleet.Join("a", 1);
  fleet.Join("b", 3);
  fleet.Start(ConstantSpec(1000, 5));
  fleet.Run(Seconds(10));
  ASSERT_THAT(fleet.handed_out(), SizeIs(5));
  for (const auto& [key, arcs] : fleet.handed_out()) {
    uint64_t points = 0;
    for (const auto& [agent, arc] : arcs) points += arc.last - arc.lo + 1;
    EXPECT_EQ(points, 0u) << "2^64 points wrap to 0; segment " << key.second;
  }
}

TEST(ControllerCoreTest, ThePlanEndsWithinOneHorizonAhead) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 60)).test->id;
  fleet.Run(Millis(12'400));  // tau = 10.4 s
  const int64_t last = fleet.handed_out().rbegin()->first.second;
  EXPECT_EQ(last, 12);  // [12, 13): plan ends at 13 s, 2.6 s ahead of 10.4 s
  EXPECT_EQ(fleet.View(id)->totals.planned, 1100);  // segments 0 to 10 have begun
}

TEST(ControllerCoreTest, ATestWaitsForItsAgentsAndFailsAfterAMinute) {
  FakeFleet fleet;
  TestSpec spec = ConstantSpec(100, 5);
  spec.agents.min = 2;
  fleet.Join("a");
  const TestId id = fleet.Start(spec).test->id;
  fleet.Run(Seconds(59));
  EXPECT_EQ(fleet.View(id)->state, TestState::kPending);
  fleet.Run(Seconds(2));
  EXPECT_EQ(fleet.View(id)->state, TestState::kFailed);
  EXPECT_EQ(fleet.View(id)->totals.planned, 0);
  EXPECT_EQ(fleet.View(id)->reason, "1 of 2 agents (agents.min) were ready within 60 s");
}

TEST(ControllerCoreTest, ASlowTestUsesOneAgentAndTheOthersAreSpare) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  fleet.Start(ConstantSpec(50, 10));
  fleet.Run(Seconds(4));
  int ready = 0;
  int spare = 0;
  for (const AgentView& agent : fleet.view().agents) {
    ready += agent.state == AgentState::kReady;
    spare += agent.state == AgentState::kSpare;
  }
  EXPECT_EQ(ready, 1);  // ceil(50 rps / 50 rps) = 1 owner
  EXPECT_EQ(spare, 2);
}

TEST(ControllerCoreTest, UseAllTakesEverybody) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  TestSpec spec = ConstantSpec(50, 10);
  spec.agents.use = AgentsUse::kAll;
  fleet.Start(spec);
  fleet.Run(Seconds(4));
  for (const AgentView& agent : fleet.view().agents)
    EXPECT_EQ(agent.state, AgentState::kReady) << agent.name;
}

TEST(ControllerCoreTest, AnAgentThatDiesLeavesItsSlotsUnknownAndTheRateComesBack) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(3000, 20)).test->id;
  fleet.Run(Seconds(10));
  fleet.Disconnect(fleet.agent(0));
  fleet.Run(Seconds(40));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_TRUE(view->balanced);
  EXPECT_EQ(view->totals.planned, 60'000);
  const uint64_t unknown = Count(*view, Outcome::kUnknown);
  EXPECT_GT(unknown, 0u);
  EXPECT_LE(unknown,
            4'500u);  // its third of 3000/s for the horizon of 3 s and what it had not reported
  EXPECT_EQ(Count(*view, Outcome::kOk), 60'000u - unknown);
  EXPECT_EQ(view->verdict.generator, VerdictLevel::kInvalid);  // > 1 % unknown
}

TEST(ControllerCoreTest, AnAgentThatComesBackReportsWhatItHeldAndNothingIsUnknown) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(3000, 20)).test->id;
  fleet.Run(Seconds(10));
  fleet.Disconnect(fleet.agent(0));
  fleet.Run(Seconds(5));
  EXPECT_GT(fleet.View(id)->totals.outstanding, 0);
  fleet.Connect(fleet.agent(0));
  fleet.Run(Seconds(20));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_EQ(Count(*view, Outcome::kOk), 60'000u);
  EXPECT_EQ(view->verdict.generator, VerdictLevel::kSuspect);  // an agent was lost
}

TEST(ControllerCoreTest, AReportThatComesTwiceCountsOnce) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 10)).test->id;
  fleet.Run(Seconds(6));
  const uint64_t before = Count(*fleet.View(id), Outcome::kOk);
  AgentMessage again;
  broadside::Report& report = again.report.emplace();
  report.seq = agent.seq;
  report.tests.push_back({id, {{0, {}}}, {}, 0, 0});
  report.tests[0].by_due[0].outcomes[Outcome::kOk] = 100;
  fleet.Do(AgentSaid{agent.stream, std::move(again), fleet.now().boot});
  EXPECT_EQ(Count(*fleet.View(id), Outcome::kOk), before);
  EXPECT_EQ(fleet.View(id)->state, TestState::kRunning);
}

TEST(ControllerCoreTest, AGapInTheReportsEndsTheStream) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  AgentMessage message;
  message.report.emplace().seq = 5;
  fleet.Do(AgentSaid{agent.stream, std::move(message), fleet.now().boot});
  EXPECT_EQ(agent.stream, 0u);
}

TEST(ControllerCoreTest, MoreReportedThanGrantedMakesTheTestInconsistentAtOnce) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 10)).test->id;
  fleet.Run(Seconds(3));
  AgentMessage message;
  broadside::Report& report = message.report.emplace();
  report.seq = ++agent.seq;
  report.tests.push_back({id, {}, {}, -1, -1});
  report.tests[0].by_due[1].outcomes[Outcome::kOk] = 101;
  fleet.Do(AgentSaid{agent.stream, std::move(message), fleet.now().boot});
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kInconsistent);
  EXPECT_FALSE(view->balanced);
  EXPECT_THAT(view->updates.back().change->detail,
              HasSubstr("reported 101 slots of interval 1, but was granted 100"));
  EXPECT_THAT(view->reason, HasSubstr("reported 101 slots of interval 1"));
}

TEST(ControllerCoreTest, ADrainingAgentFinishesItsSlotsAndLeavesWithoutLoss) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(3000, 20)).test->id;
  fleet.Run(Seconds(8));
  EXPECT_EQ(fleet.Drain("b").code, CommandCode::kOk);
  fleet.Run(Seconds(30));
  EXPECT_TRUE(fleet.agent(1).exited);
  const auto view = fleet.View(id);
  EXPECT_EQ(Count(*view, Outcome::kOk), 60'000u);
  EXPECT_EQ(view->verdict.generator, VerdictLevel::kValid);
  EXPECT_THAT(fleet.view().agents, SizeIs(2)) << "a drained agent vanishes";
}

TEST(ControllerCoreTest, DrainingAnUnknownAgentIsNotFound) {
  FakeFleet fleet;
  EXPECT_EQ(fleet.Drain("nobody").code, CommandCode::kNotFound);
}

TEST(ControllerCoreTest, AStopIsStoppingUntilEveryOwnerSaidSoAndKeepsTheBooks) {
  FakeFleet fleet;
  for (const char* name : {"a", "b"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(1000, 60)).test->id;
  fleet.Run(Seconds(10));
  fleet.agent(1).frozen = true;
  EXPECT_EQ(fleet.Stop(id).test->state, TestState::kStopping);
  EXPECT_EQ(fleet.Stop(id).test->state, TestState::kStopping) << "idempotent";
  fleet.Run(Seconds(1));
  EXPECT_EQ(fleet.View(id)->state, TestState::kStopping) << "one owner is silent";
  fleet.agent(1).frozen = false;
  fleet.Run(Seconds(2));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kStopped);
  EXPECT_TRUE(view->balanced);
  EXPECT_EQ(view->totals.planned, static_cast<int64_t>(view->totals.due.outcomes.Total()));
  EXPECT_GT(Count(*view, Outcome::kCancelled), 0u);
  EXPECT_EQ(view->reason, "asked by a user");
  EXPECT_NEAR(view->elapsed_s, 8, 0.1)
      << "stopped 10 s after the start, of which 2 s were the lead";
  EXPECT_EQ(fleet.Stop(id).test->state, TestState::kStopped);
  EXPECT_EQ(fleet.Rate(id, 5).code, CommandCode::kConflict);
}

TEST(ControllerCoreTest, ALiveRateBeginsWithTheFirstSegmentNotYetHandedOut) {
  FakeFleet fleet;
  fleet.Join("a");
  const CommandResult started = fleet.Start(ConstantSpec(100, 20));
  fleet.Run(Millis(7'200));  // tau 5.1: segments 0 to 7 are out
  const CommandResult changed = fleet.Rate(started.test->id, 300);
  ASSERT_EQ(changed.code, CommandCode::kOk);
  const auto view = fleet.View(started.test->id);
  EXPECT_EQ(*changed.effective_at - *view->started_at, Nanos(Seconds(8)));
  fleet.Run(Seconds(30));
  const auto end = fleet.View(started.test->id);
  EXPECT_EQ(end->state, TestState::kFinished);
  EXPECT_EQ(end->totals.planned, 100 * 8 + 300 * 12);
  EXPECT_TRUE(end->balanced);
}

TEST(ControllerCoreTest, AnIdempotencyKeyGivesTheSameTestAndRefusesAnotherBody) {
  FakeFleet fleet;
  fleet.Join("a");
  const CommandResult first = fleet.Start(ConstantSpec(100, 5), "key", 1);
  const CommandResult again = fleet.Start(ConstantSpec(100, 5), "key", 1);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.test->id, first.test->id);
  EXPECT_EQ(fleet.Start(ConstantSpec(200, 5), "key", 2).code, CommandCode::kKeyReused);
  EXPECT_THAT(fleet.view().tests, SizeIs(1));
}

TEST(ControllerCoreTest, EightTestsRunAtOnceAndANinthIsRefused) {
  FakeFleet fleet;
  fleet.Join("a");
  std::vector<TestId> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(fleet.Start(ConstantSpec(100 + i, 5)).test->id);
  EXPECT_EQ(fleet.Start(ConstantSpec(1, 1)).code, CommandCode::kTooMany);
  fleet.Run(Seconds(12));
  for (int i = 0; i < 8; ++i) {
    const auto view = fleet.View(ids[i]);
    EXPECT_EQ(view->state, TestState::kFinished);
    EXPECT_EQ(Count(*view, Outcome::kOk), static_cast<uint64_t>(100 + i) * 5);
  }
}

TEST(ControllerCoreTest, ARunningTestCannotBeDeletedAnEndedOneCan) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 3)).test->id;
  EXPECT_EQ(fleet.Delete(id).code, CommandCode::kConflict);
  fleet.Run(Seconds(10));
  EXPECT_EQ(fleet.Delete(id).code, CommandCode::kOk);
  EXPECT_FALSE(fleet.view().tests.contains(id));
  EXPECT_EQ(fleet.Delete(id).code, CommandCode::kNotFound);
}

TEST(ControllerCoreTest, AnAgentOfAnotherProtocolIsRefusedWithBothVersions) {
  FakeFleet fleet;
  AgentMessage message;
  Hello& hello = message.hello.emplace();
  hello.protocol_major = 2;
  hello.name = "new";
  const ControllerEffects effects =
      fleet.core().Step(AgentSaid{99, std::move(message), {}}, fleet.now());
  ASSERT_THAT(effects.messages, SizeIs(1));
  EXPECT_EQ(effects.messages[0].second.reject->reason, RejectReason::kProtocol);
  EXPECT_THAT(effects.messages[0].second.reject->detail, HasSubstr("speaks protocol 2.0"));
}

TEST(ControllerCoreTest, AnAgentOfAnyMinorOfTheProtocolJoinsAndTheLogNamesIt) {
  for (const uint32_t minor : {0u, kProtocolMinor, kProtocolMinor + 1, 1000u}) {
    FakeFleet fleet;
    AgentMessage message;
    Hello& hello = message.hello.emplace();
    hello.protocol_minor = minor;
    hello.incarnation = {9, 9};
    hello.name = "other";
    const ControllerEffects effects =
        fleet.core().Step(AgentSaid{99, std::move(message), {}}, fleet.now());
    EXPECT_THAT(effects.messages, IsEmpty()) << "no rejection";
    EXPECT_THAT(effects.closes, IsEmpty());
    ASSERT_THAT(effects.logs, SizeIs(1));
    EXPECT_EQ(effects.logs[0].event, "agent_joined");
    EXPECT_THAT(effects.logs[0].fields, Contains(std::pair("protocol", Concat("1.", minor))));
  }
}

TEST(ControllerCoreTest, AnAgentWhoseClockIsTooUncertainGetsNoSegments) {
  FakeFleet fleet;
  fleet.Join("good");
  FakeAgent& bad = fleet.Join("bad");
  TestSpec spec = ConstantSpec(1000, 5);
  bad.clock_error = Millis(251);
  fleet.Beat(bad);
  fleet.Start(spec);
  fleet.Run(Seconds(10));
  EXPECT_THAT(bad.finals, IsEmpty()) << "it never held the test";
}

TEST(ControllerCoreTest, SecondsWithoutAnyAgentAreUnassignedAndNeverCaughtUp) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 20)).test->id;
  fleet.Run(Seconds(7));  // tau 4.9; segments 0 to 6 are granted
  fleet.Disconnect(agent);
  fleet.Run(Seconds(8));  // tau 12.9
  fleet.Connect(agent);
  fleet.Run(Seconds(30));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->totals.planned, 2000);
  EXPECT_EQ(Count(*view, Outcome::kUnassigned),
            700u);  // segments 7 to 13: 13 begins in 0.1 s; 14 waits for somebody to come
  EXPECT_EQ(Count(*view, Outcome::kOk), 1300u);
  EXPECT_TRUE(view->balanced);
}

TEST(ControllerCoreTest, ARestartShorterThanTheHorizonLosesNothing) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(3000, 20)).test->id;
  fleet.Run(Millis(8'250));
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(30));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_EQ(view->totals.planned, 60'000);
  EXPECT_EQ(Count(*view, Outcome::kOk), 60'000u);
  EXPECT_TRUE(view->balanced);
  EXPECT_EQ(view->totals.response_time.count(), 60'000u) << "no report twice, none lost";
}

TEST(ControllerCoreTest, SecondsThatPassedWithoutAControllerAreUnassignedAndNotCaughtUp) {
  FakeFleet fleet;
  for (const char* name : {"a", "b", "c"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(3000, 40)).test->id;
  fleet.Run(Millis(12'050));  // tau 9.95 s: segments 0 to 11 are out
  fleet.RestartController(Seconds(8));
  fleet.Run(Seconds(40));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_TRUE(view->balanced);
  const uint64_t unassigned = Count(*view, Outcome::kUnassigned);
  EXPECT_GE(unassigned, 7u * 3000);  // 12 to 18 passed; recovering takes 1 to 3 s more
  EXPECT_LE(unassigned, 10u * 3000);
  EXPECT_EQ(Count(*view, Outcome::kOk), 120'000u - unassigned);
}

TEST(ControllerCoreTest, AGapOfMoreThanFiveMinutesEndsTheTestAsFailed) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 3600)).test->id;
  fleet.Run(Seconds(10));
  fleet.RestartController(std::chrono::minutes(6));
  fleet.Run(Seconds(10));
  EXPECT_EQ(fleet.View(id)->state, TestState::kFailed);
  EXPECT_EQ(fleet.View(id)->reason, "no controller for more than 5 minutes");
  EXPECT_EQ(fleet.store().Changes(id).back().detail,
            "failed: no controller for more than 5 minutes");
  std::vector<std::string> states;
  for (const Change& change : fleet.store().Changes(id)) {
    if (change.kind == ChangeKind::kState) states.push_back(change.detail);
  }
  EXPECT_THAT(states, SizeIs(2)) << "running, and one for the end";
  EXPECT_TRUE(fleet.View(id)->balanced);
}

TEST(ControllerCoreTest, WithoutAnyAgentLeftTheWallClockTellsTheTestTime) {
  FakeFleet fleet;
  FakeAgent& lost = fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(1000, 30)).test->id;
  fleet.Run(Seconds(10));
  lost.frozen = true;
  fleet.RestartController(Seconds(2));
  fleet.Join("b");
  fleet.Run(Seconds(60));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kFinished);
  EXPECT_TRUE(view->balanced);
  EXPECT_GT(Count(*view, Outcome::kUnknown), 0u);
  EXPECT_GT(Count(*view, Outcome::kOk), 20'000u);
}

TEST(ControllerCoreTest, ATestStoppedBeforeARestartIsStoppedAfterIt) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(1000, 60)).test->id;
  fleet.Run(Seconds(10));
  fleet.Stop(id);
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(10));
  EXPECT_EQ(fleet.View(id)->state, TestState::kStopped);
  EXPECT_TRUE(fleet.View(id)->balanced);
}

TEST(ControllerCoreTest, EndedTestsAndIdempotencyKeysOutliveARestart) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId id = fleet.Start(ConstantSpec(100, 3), "key", 1).test->id;
  fleet.Run(Seconds(10));
  const auto before = fleet.View(id);
  fleet.RestartController(Seconds(1));
  const CommandResult again = fleet.Start(ConstantSpec(100, 3), "key", 1);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.test->id, id);
  EXPECT_EQ(again.test->totals.due, before->totals.due);
  EXPECT_EQ(again.test->totals.response_time, before->totals.response_time);
}

TEST(ControllerCoreTest, AnAgentThatSkipsTooMuchInThreeSecondsHasHalfItsWeightForGood) {
  FakeFleet fleet;
  fleet.Join("steady");
  FakeAgent& slow = fleet.Join("slow");
  const TestId id = fleet.Start(ConstantSpec(1000, 60)).test->id;
  const auto share = [&] {
    for (const AgentView& agent : fleet.View(id)->agents) {
      if (agent.name == "slow") return agent.share;
    }
    return -1.0;
  };
  fleet.Run(Seconds(6));
  EXPECT_NEAR(share(), 0.5, 1e-9);
  slow.outcome = Outcome::kSkipped;
  fleet.Run(Seconds(6));
  EXPECT_NEAR(share(), 1.0 / 3, 1e-9);  // 1 of 2 + 1
  slow.outcome = Outcome::kOk;
  fleet.Run(Seconds(10));
  EXPECT_NEAR(share(), 1.0 / 3, 1e-9);
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(5));
  EXPECT_NEAR(share(), 1.0 / 3, 1e-9) << "nor does a restart of the controller forgive it";
}

TEST(ControllerCoreTest, ARestartForgivesTheGeneratorNothing) {
  FakeFleet fleet;
  for (const char* name : {"a", "b"}) fleet.Join(name);
  const TestId id = fleet.Start(ConstantSpec(1000, 30)).test->id;
  fleet.Run(Seconds(8));
  fleet.Disconnect(fleet.agent(0));
  fleet.Run(Seconds(1));
  fleet.Connect(fleet.agent(0));
  fleet.Run(Seconds(2));
  EXPECT_EQ(fleet.View(id)->verdict.generator, VerdictLevel::kSuspect);
  fleet.RestartController(Millis(300));
  fleet.Run(Seconds(40));
  EXPECT_EQ(fleet.View(id)->state, TestState::kFinished);
  EXPECT_EQ(fleet.View(id)->verdict.generator, VerdictLevel::kSuspect);
}

}  // namespace
}  // namespace broadside
