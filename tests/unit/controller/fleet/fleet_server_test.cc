#include "controller/fleet/fleet_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/core/limits.h"
#include "common/net/clock.h"
#include "tests/unit/controller/fleet/fleet_rig.h"

namespace broadside {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

enum class Transport { kTcp, kInProcess };

class FleetServerTest : public ::testing::TestWithParam<Transport> {
 protected:
  std::shared_ptr<grpc::Channel> Channel() {
    return GetParam() == Transport::kTcp ? MakeFleetChannel(server_.address())
                                         : server_.server.InProcessChannel();
  }

  ServerRig server_;
  IoThread home_{"agents"};
};
INSTANTIATE_TEST_SUITE_P(Over, FleetServerTest,
                         ::testing::Values(Transport::kTcp, Transport::kInProcess),
                         [](const auto& over) {
                           return over.param == Transport::kTcp ? "Tcp" : "InProcess";
                         });

TEST_P(FleetServerTest, ExchangesMessagesInBothDirections) {
  AgentRig agent(home_, Channel());
  agent.Open();
  agent.opened.Take();
  const ServerRig::Opened opened = server_.opened.Take();
  EXPECT_THAT(opened.peer,
              StartsWith(GetParam() == Transport::kTcp ? "ipv4:127.0.0.1:" : "inproc"));
  agent.Send(HelloMessage("agent-1"));
  const ServerRig::Received hello = server_.received.Take();
  EXPECT_EQ(hello.stream, opened.stream);
  EXPECT_EQ(hello.message.hello->name, "agent-1");
  server_.Send(opened.stream, AckMessage(7));
  EXPECT_EQ(agent.received.Take().first.ack, 7u);
}

TEST_P(FleetServerTest, StampsReceiptAndTheMomentOfSending) {
  AgentRig agent(home_, Channel());
  agent.Open();
  const BootTime before = BootNow();
  agent.Send(BeatMessage(1));
  const ServerRig::Received beat = server_.received.Take();
  ControllerMessage reply;
  reply.beat_reply = BeatReply{beat.message.beat->agent_sent, beat.at, BootTime{}};
  server_.Send(beat.stream, reply);
  const auto [answer, answered] = agent.received.Take();
  // The four stamps of an exchange, all of this machine's clock, in the order of causes.
  EXPECT_LE(before, beat.message.beat->agent_sent);
  EXPECT_LE(beat.message.beat->agent_sent, beat.at);
  EXPECT_LE(beat.at, answer.beat_reply->controller_sent);
  EXPECT_LE(answer.beat_reply->controller_sent, answered);
}

TEST_P(FleetServerTest, AnswersThousandsOfMessagesInOrder) {
  constexpr uint64_t kMessages = 5000;
  constexpr uint64_t kWindow = 100;  // on the way at a time
  uint64_t server_next = 1;          // controller's home
  server_.on_message = [&](StreamId stream, const AgentMessage& message) {
    ASSERT_EQ(message.beat->ports_exhausted, server_next++);
    server_.server.Send(stream, AckMessage(message.beat->ports_exhausted));
  };
  AgentRig agent(home_, Channel());
  Mailbox<bool> all;
  uint64_t agent_next = 1;  // agent's home
  agent.on_message = [&](const ControllerMessage& message) {
    ASSERT_EQ(*message.ack, agent_next++);
    if (*message.ack == kMessages) return all.Put(true);
    if (*message.ack + kWindow <= kMessages) agent.link->Send(BeatMessage(*message.ack + kWindow));
  };
  agent.Open();
  home_.RunAndWait([&] {
    for (uint64_t i = 1; i <= kWindow; ++i) agent.link->Send(BeatMessage(i));
  });
  all.Take();
}

TEST_P(FleetServerTest, CloseDeliversWhatWasSentBeforeAndThenTheStatus) {
  constexpr int kStreams = 100;
  server_.on_message = [&](StreamId stream, const AgentMessage&) {
    server_.server.Send(stream, AckMessage(1));
    server_.server.Close(stream, Unavailable("busy"));
    server_.server.Send(stream, AckMessage(2));
  };
  AgentRig agent(home_, Channel());
  for (int i = 0; i < kStreams; ++i) {
    agent.Open();
    agent.Send(HelloMessage("agent-1"));
    EXPECT_EQ(agent.received.Take().first.ack, 1u);
    EXPECT_EQ(agent.closed.Take(), Unavailable("busy"));
    EXPECT_EQ(server_.closed.Take().reason, Unavailable("busy"));
    EXPECT_TRUE(agent.received.empty());
  }
}

TEST_P(FleetServerTest, AnAgentThatClosesIsHeardToTheEnd) {
  AgentRig agent(home_, Channel());
  agent.Open();
  home_.RunAndWait([&] {
    for (uint64_t i = 1; i <= 50; ++i) agent.link->Send(BeatMessage(i));
    agent.link->Close();
  });
  EXPECT_TRUE(agent.closed.Take().ok());
  EXPECT_TRUE(server_.closed.Take().reason.ok());
  for (uint64_t i = 1; i <= 50; ++i) {
    EXPECT_EQ(server_.received.Take().message.beat->ports_exhausted, i);
  }
}

TEST_P(FleetServerTest, AnAgentThatCancelsInMidFlightIsToldApart) {
  server_.on_message = [&](StreamId stream, const AgentMessage&) {
    for (int i = 0; i < 10; ++i) server_.server.Send(stream, AckMessage(1));
  };
  AgentRig agent(home_, Channel());
  for (int i = 0; i < 50; ++i) {
    agent.Open();
    home_.RunAndWait([&] {
      for (uint64_t k = 0; k < 10; ++k) agent.link->Send(BeatMessage(k));
    });
    if (i % 2 == 0) agent.received.Take();  // else perhaps before the stream has got through
    home_.RunAndWait([&] { agent.link->Cancel("enough"); });
    EXPECT_EQ(agent.closed.Take(), absl::CancelledError("enough"));
    if (i % 2 == 0) {
      EXPECT_EQ(server_.closed.Take().reason.code(), absl::StatusCode::kCancelled);
    }
    while (!agent.received.empty()) agent.received.Take();
  }
}

TEST_P(FleetServerTest, EndsStreamsInMidFlightFromBothSides) {
  server_.on_message = [&](StreamId stream, const AgentMessage& message) {
    server_.server.Send(stream, AckMessage(1));
    if (message.beat->ports_exhausted == 50) server_.server.Close(stream, Unavailable("over"));
  };
  std::vector<std::unique_ptr<AgentRig>> agents;
  for (int i = 0; i < 20; ++i) {
    agents.push_back(std::make_unique<AgentRig>(home_, Channel()));
    AgentRig& agent = *agents.back();
    agent.on_message = [&agent, n = uint64_t{1}](const ControllerMessage&) mutable {
      agent.link->Send(BeatMessage(++n));
      if (n == 48) agent.link->Close();
    };
    agent.Open();
    agent.Send(BeatMessage(1));
  }
  // Every second one is destroyed wherever it stands.
  for (size_t i = 0; i < agents.size(); i += 2) agents[i]->Destroy();
  for (size_t i = 1; i < agents.size(); i += 2) std::ignore = agents[i]->closed.Take();
  server_.server.Stop();
  size_t open = 1;
  server_.home.RunAndWait([&] { open = server_.server.open_streams(); });
  EXPECT_EQ(open, 0u);
}

TEST_P(FleetServerTest, StopEndsAHundredOpenStreams) {
  constexpr int kStreams = 100;
  std::vector<std::unique_ptr<AgentRig>> agents;
  for (int i = 0; i < kStreams; ++i) {
    agents.push_back(std::make_unique<AgentRig>(home_, Channel()));
    agents.back()->Open();
    agents.back()->Send(BeatMessage(1));
  }
  for (int i = 0; i < kStreams; ++i) server_.received.Take();
  server_.server.Stop();
  std::set<StreamId> closed;
  for (int i = 0; i < kStreams; ++i) {
    ASSERT_FALSE(server_.closed.empty()) << "Stop returned before " << i;
    closed.insert(server_.closed.Take().stream);
    EXPECT_EQ(agents[i]->closed.Take(), Unavailable("the controller is shutting down"));
  }
  EXPECT_EQ(closed.size(), static_cast<size_t>(kStreams));
}

TEST_P(FleetServerTest, RefusesStreamsAfterStop) {
  AgentRig agent(home_, Channel());
  server_.server.Stop();
  agent.Open();
  EXPECT_EQ(agent.closed.Take().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(server_.opened.empty());
}

TEST_P(FleetServerTest, StopsWhileStreamsAreBeingOpened) {
  std::vector<std::unique_ptr<AgentRig>> agents;
  for (int i = 0; i < 50; ++i) {
    agents.push_back(std::make_unique<AgentRig>(home_, Channel()));
    agents.back()->Open();
  }
  server_.server.Stop();
  for (auto& agent : agents) EXPECT_FALSE(agent->closed.Take().ok());
}

TEST_P(FleetServerTest, SendToAStreamThatEndedDoesNothing) {
  AgentRig agent(home_, Channel());
  agent.Open();
  const StreamId stream = server_.opened.Take().stream;
  agent.Close();
  EXPECT_TRUE(server_.closed.Take().reason.ok());
  server_.Send(stream, AckMessage(1));
  server_.home.RunAndWait([&] { server_.server.Close(stream, Unavailable("late")); });
  EXPECT_TRUE(server_.closed.empty());
}

TEST(FleetServerStartTest, SaysWhatToDoWhenThePortIsInUse) {
  ServerRig first;
  IoThread home("home");
  FleetServer second(home, {});
  const absl::Status status = second.Start({first.address()});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.ToString(),
              AllOf(HasSubstr("cannot listen on " + first.address()), HasSubstr("is in use"),
                    HasSubstr("or choose another port")));
}

TEST(FleetServerStartTest, ServesSeveralAddresses) {
  ServerRig rig;
  IoThread home("home");
  Mailbox<StreamId> opened;
  FleetServer server(home, {.on_open = [&](StreamId s, std::string) { opened.Put(s); },
                            .on_message = [](StreamId, AgentMessage, BootTime) {},
                            .on_closed = [](StreamId, absl::Status) {}});
  ASSERT_TRUE(server.Start({"127.0.0.1:0", "127.0.0.1:0"}).ok());
  ASSERT_EQ(server.ports().size(), 2u);
  EXPECT_NE(server.ports()[0], server.ports()[1]);
  for (const int port : server.ports()) {
    AgentRig agent(home, MakeFleetChannel("127.0.0.1:" + std::to_string(port)));
    agent.Open();
    opened.Take();
  }
  server.Stop();
}

TEST(FleetServerStartTest, ServesInProcessWithoutAPort) {
  IoThread home("home");
  Mailbox<std::string> peers;
  FleetServer server(home, {.on_open = [&](StreamId, std::string peer) { peers.Put(peer); },
                            .on_message = [](StreamId, AgentMessage, BootTime) {},
                            .on_closed = [](StreamId, absl::Status) {}});
  ASSERT_TRUE(server.Start({}).ok());
  {
    AgentRig agent(home, server.InProcessChannel());
    agent.Open();
    EXPECT_EQ(peers.Take(), "inproc");
  }
  server.Stop();
}

TEST(FleetServerStartTest, TheSamePortCanBeServedAgainAfterStop) {
  auto first = std::make_unique<ServerRig>();
  const std::string address = first->address();
  IoThread home("home");
  AgentRig agent(home, MakeFleetChannel(address));
  agent.Open();
  agent.opened.Take();
  first.reset();
  EXPECT_EQ(agent.closed.Take().code(), absl::StatusCode::kUnavailable);
  ServerRig second(address);
  // As the agent's core does, but at once: until the channel is connected again.
  agent.on_closed = [&](absl::Status) { agent.link->Open(); };
  agent.Open();
  agent.opened.Take();
  home.RunAndWait([&] { agent.on_closed = nullptr; });
}

}  // namespace
}  // namespace broadside
