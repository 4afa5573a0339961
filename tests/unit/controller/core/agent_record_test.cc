// How often agents are told to speak, and after what silence they count as gone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

// A core and the Hellos of a fleet, as fast as they are admitted.
class Doorkeeper {
 public:
  Doorkeeper() : core_({}, FakeStore().Open(), now_) {}

  StreamId Greet() {
    AgentMessage message;
    Hello& hello = message.hello.emplace();
    hello.incarnation = {1, ++last_};
    hello.name = Concat("agent-", last_);
    now_.boot += Millis(3);
    core_.Step(AgentSaid{last_, std::move(message), now_.boot}, now_);
    return last_;
  }
  void Leave(StreamId stream) { core_.Step(StreamEnded{stream}, now_); }
  std::map<StreamId, Welcome> Welcomes() {
    std::map<StreamId, Welcome> welcomes;
    for (auto& [stream, message] : core_.Flush(now_).effects.messages) {
      if (message.welcome.has_value()) welcomes[stream] = *message.welcome;
    }
    return welcomes;
  }

 private:
  Now now_{BootTime(Seconds(1000)), WallTime(Seconds(1'700'000'000))};
  ControllerCore core_;
  StreamId last_ = 0;
};

TEST(SilenceTest, BeatsAndReportsGetRarerWithTheNumberOfConnectedAgents) {
  Doorkeeper door;
  for (int i = 0; i < 5001; ++i) door.Greet();
  const std::map<StreamId, Welcome> welcomes = door.Welcomes();
  struct Row {
    StreamId agent;
    Millis beat, report, silence;
  };
  for (const Row& row : {Row{1, Millis(500), Millis(500), Millis(2000)},
                         Row{200, Millis(500), Millis(500), Millis(2000)},
                         Row{201, Millis(1000), Millis(1000), Millis(4000)},
                         Row{5000, Millis(1000), Millis(1000), Millis(4000)},
                         Row{5001, Millis(1000), Millis(2000), Millis(4000)}}) {
    const Welcome& welcome = welcomes.at(row.agent);
    EXPECT_EQ(welcome.beat_interval, row.beat) << row.agent;
    EXPECT_EQ(welcome.report_interval, row.report) << row.agent;
    EXPECT_EQ(welcome.silence, row.silence) << row.agent;
  }
}

TEST(SilenceTest, ThoseThatWentDoNotCount) {
  Doorkeeper door;
  for (int i = 0; i < 200; ++i) door.Leave(door.Greet());
  const StreamId next = door.Greet();
  EXPECT_EQ(door.Welcomes().at(next).beat_interval, Millis(500));
}

TEST(SilenceTest, EachAgentIsGivenUpAfterTheSilenceThatItWasTold) {
  FakeFleet fleet;
  for (int i = 0; i < 201; ++i) fleet.Join(Concat("agent-", i));
  TestSpec spec = ConstantSpec(1000, 60);
  spec.agents.use = AgentsUse::kAll;
  const TestId id = fleet.Start(spec).test->id;
  fleet.Run(Seconds(6));
  FakeAgent& early = fleet.agent(0);
  FakeAgent& late = fleet.agent(200);
  fleet.Report(early);
  fleet.Report(late);
  early.frozen = late.frozen = true;
  const auto share = [&](const FakeAgent& agent) {
    for (const AgentView& view : fleet.View(id)->agents) {
      if (view.incarnation == agent.incarnation) return view.share;
    }
    return -1.0;
  };
  fleet.Run(Millis(3'100));  // 2 s and one of grace; 4 s
  EXPECT_EQ(early.stream, 0u);
  EXPECT_EQ(share(early), 0);
  EXPECT_NE(late.stream, 0u);
  EXPECT_GT(share(late), 0);
  fleet.Run(Millis(1'800));  // 4.9 s
  EXPECT_NE(late.stream, 0u);
  EXPECT_EQ(share(late), 0) << "no slots after 4 s";
  fleet.Run(Millis(300));
  EXPECT_EQ(late.stream, 0u);
}

}  // namespace
}  // namespace broadside
