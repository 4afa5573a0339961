// Who is let in, and what ends a stream.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

Hello GoodHello(uint64_t number) {
  Hello hello;
  hello.incarnation = {1, number};
  hello.name = Concat("agent-", number);
  return hello;
}

ControllerEffects Greet(FakeFleet& fleet, StreamId stream, const Hello& hello) {
  AgentMessage message;
  message.hello = hello;
  return fleet.core().Step(AgentSaid{stream, std::move(message), fleet.now().boot}, fleet.now());
}

TEST(AdmissionTest, AHelloOutsideTheLimitsIsRejectedWithThem) {
  const auto refused = [](const Hello& hello) {
    FakeFleet fleet;
    const ControllerEffects effects = Greet(fleet, 1, hello);
    EXPECT_THAT(effects.messages, SizeIs(1));
    EXPECT_THAT(effects.closes, SizeIs(1));
    const Reject& reject = effects.messages.at(0).second.reject.value();
    EXPECT_EQ(reject.reason, RejectReason::kInvalid);
    EXPECT_THAT(reject.detail, HasSubstr("1 to 253 bytes and threads be 1 to 256"));
  };
  Hello hello = GoodHello(1);
  hello.name = "";
  refused(hello);
  hello.name = std::string(254, 'x');
  refused(hello);
  hello = GoodHello(1);
  hello.threads = 0;
  refused(hello);
  hello.threads = 257;
  refused(hello);
}

TEST(AdmissionTest, MoreThanFiveHundredHellosInASecondAreToldToComeBack) {
  FakeFleet fleet;
  for (uint64_t i = 1; i <= 500; ++i)
    ASSERT_THAT(Greet(fleet, i, GoodHello(i)).closes, SizeIs(0)) << i;
  const ControllerEffects effects = Greet(fleet, 501, GoodHello(501));
  const Reject& reject = effects.messages.at(0).second.reject.value();
  EXPECT_EQ(reject.reason, RejectReason::kBusy);
  EXPECT_EQ(reject.retry_after, Seconds(1));
  fleet.Stall(Millis(1'001));
  EXPECT_THAT(Greet(fleet, 502, GoodHello(501)).closes, SizeIs(0));
}

class FullFleetTest : public testing::Test {
 protected:
  // Lets agents [first, last] in, as fast as they are let in.
  void GreetAll(uint64_t first, uint64_t last) {
    for (uint64_t i = first; i <= last; ++i) {
      if (i % limits::kHellosPerSecondMax == 0) fleet_.Stall(Millis(1'001));
      ASSERT_THAT(Greet(fleet_, i, GoodHello(i)).closes, SizeIs(0)) << i;
    }
  }
  FakeFleet fleet_;
};

TEST_F(FullFleetTest, OneMoreThanTheMostIsRejected) {
  GreetAll(1, limits::kAgentsMax);
  fleet_.Stall(Seconds(2));
  const ControllerEffects effects = Greet(fleet_, 30'000, GoodHello(30'000));
  ASSERT_THAT(effects.messages, SizeIs(1));
  const Reject& reject = effects.messages[0].second.reject.value();
  EXPECT_EQ(reject.reason, RejectReason::kFleetFull);
  EXPECT_EQ(reject.detail, "20000 agents are connected, the most");
}

// Pods that restart all the time leave a record each, shown for five minutes.
TEST_F(FullFleetTest, ThoseThatWentAreNotCountedAndTheOldestOfThemMakeRoom) {
  GreetAll(1, limits::kAgentsMax);
  for (StreamId stream = 1; stream <= 2; ++stream) {
    fleet_.core().Step(StreamEnded{stream}, fleet_.now());
    fleet_.Stall(Millis(1'001));
  }
  EXPECT_THAT(Greet(fleet_, 30'000, GoodHello(30'000)).closes, SizeIs(0));
  const Commit commit = fleet_.core().Flush(fleet_.now());
  ASSERT_EQ(commit.view->agents.size(), size_t{limits::kAgentsMax});
  const auto shown = [&](const char* name) {
    return std::any_of(commit.view->agents.begin(), commit.view->agents.end(),
                       [&](const AgentView& agent) { return agent.name == name; });
  };
  EXPECT_FALSE(shown("agent-1")) << "it went first";
  EXPECT_TRUE(shown("agent-2"));
}

TEST(AdmissionTest, AStreamThatDoesNotBeginWithAHelloIsEnded) {
  FakeFleet fleet;
  const ControllerEffects effects =
      fleet.core().Step(AgentSaid{7, AgentMessage{.beat = Beat{}}, fleet.now().boot}, fleet.now());
  ASSERT_THAT(effects.closes, SizeIs(1));
  EXPECT_EQ(effects.closes[0].first, 7u);
  EXPECT_THAT(effects.closes[0].second, HasSubstr("must be a Hello"));
}

TEST(AdmissionTest, AnAgentThatComesBackBeforeItsOldStreamEndedReplacesIt) {
  FakeFleet fleet;
  Greet(fleet, 1, GoodHello(1));
  const ControllerEffects effects = Greet(fleet, 2, GoodHello(1));
  ASSERT_THAT(effects.closes, SizeIs(1));
  EXPECT_EQ(effects.closes[0].first, 1u);
  fleet.Run(Millis(100));
  EXPECT_THAT(fleet.view().agents, SizeIs(1));
}

// A commit may be slow: the word that nothing is on its way goes out behind what is.
TEST(DrainTest, AReleaseWaitsForItsCommitAndComesOnceAStream) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  AgentMessage message;
  message.beat.emplace().draining = true;
  const auto said = AgentSaid{agent.stream, message, fleet.now().boot};
  for (const auto& [stream, sent] : fleet.core().Step(said, fleet.now()).messages)
    EXPECT_FALSE(sent.may_leave);
  const Commit commit = fleet.core().Flush(fleet.now());
  ASSERT_THAT(commit.effects.messages, SizeIs(1));
  EXPECT_TRUE(commit.effects.messages[0].second.may_leave);
  fleet.Run(Seconds(1));
  EXPECT_FALSE(agent.released) << "it was said before";
  agent.draining = true;
  fleet.Disconnect(agent);
  fleet.Connect(agent);
  EXPECT_TRUE(agent.released);
}

TEST(AdmissionTest, APlannedRestartIsOverWhenEveryOwnerHasTheBridge) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  fleet.Start(ConstantSpec(100, 60));
  fleet.Run(Seconds(5));
  EXPECT_TRUE(fleet.view().ready);
  fleet.Do(RestartAsked{});
  EXPECT_FALSE(fleet.view().ready);
  EXPECT_THAT(fleet.view().not_ready_reason, HasSubstr("about to restart"));
  EXPECT_FALSE(fleet.core().PlanTaken());
  fleet.Beat(agent);
  EXPECT_TRUE(fleet.core().PlanTaken());
  EXPECT_GE(agent.tests.begin()->second.plan_through, 20);
}

}  // namespace
}  // namespace broadside
