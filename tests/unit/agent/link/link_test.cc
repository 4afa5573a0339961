#include "agent/link/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <tuple>

#include "tests/unit/controller/fleet/fleet_rig.h"

namespace broadside {
namespace {

using ::boost::asio::ip::tcp;
using ::testing::HasSubstr;

// A port that takes connections and never says a word.
class SilentPort {
 public:
  std::string address() const {
    return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  void Shut() { acceptor_.close(); }

 private:
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
};

TEST(LinkTest, SaysWhyTheControllerCannotBeReached) {
  SilentPort port;
  const std::string address = port.address();
  port.Shut();
  IoThread home("agent");
  AgentRig agent(home, MakeFleetChannel(address));
  agent.Open();
  const absl::Status status = agent.closed.Take();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.ToString(), HasSubstr("Connection refused"));
  EXPECT_TRUE(agent.opened.empty());
}

TEST(LinkTest, IsDestroyedWhileItConnects) {
  SilentPort port;
  IoThread home("agent");
  for (int i = 0; i < 20; ++i) {
    AgentRig agent(home, MakeFleetChannel(port.address()));
    agent.Open();
    agent.Send(HelloMessage("agent-1"));
    agent.Destroy();
    EXPECT_TRUE(agent.closed.empty());
  }
}

TEST(LinkTest, CancelsWhileItConnects) {
  SilentPort port;
  IoThread home("agent");
  AgentRig agent(home, MakeFleetChannel(port.address()));
  for (int i = 0; i < 20; ++i) {
    agent.Open();
    home.RunAndWait([&] { agent.link->Cancel("changed my mind"); });
    EXPECT_EQ(agent.closed.Take(), absl::CancelledError("changed my mind"));
  }
}

TEST(LinkTest, SendsWhatWasSentBeforeItWasOpen) {
  ServerRig server;
  IoThread home("agent");
  AgentRig agent(home, MakeFleetChannel(server.address()));
  home.RunAndWait([&] {
    agent.link->Open();
    agent.link->Send(HelloMessage("eager"));
  });
  EXPECT_EQ(server.received.Take().message.hello->name, "eager");
}

TEST(LinkTest, OpensBeforeTheFirstMessage) {
  ServerRig server;
  server.on_message = [&](StreamId stream, const AgentMessage&) {
    server.server.Send(stream, AckMessage(1));
  };
  IoThread home("agent");
  AgentRig agent(home, MakeFleetChannel(server.address()));
  for (int i = 0; i < 50; ++i) {
    Mailbox<bool> opened_first;
    agent.on_message = [&](const ControllerMessage&) {
      opened_first.Put(!agent.opened.empty());
      agent.link->Close();
    };
    agent.Open();
    agent.Send(HelloMessage("agent-1"));
    EXPECT_TRUE(opened_first.Take());
    agent.opened.Take();
    EXPECT_TRUE(agent.closed.Take().ok());
  }
}

TEST(LinkTest, DoesNothingWhenItIsClosed) {
  ServerRig server;
  IoThread home("agent");
  AgentRig agent(home, MakeFleetChannel(server.address()));
  home.RunAndWait([&] {
    agent.link->Send(HelloMessage("nobody"));
    agent.link->Close();
    agent.link->Cancel("nothing");
    EXPECT_FALSE(agent.link->is_open());
  });
  EXPECT_TRUE(server.opened.empty());
}

TEST(LinkTest, OpensAgainInOnClosed) {
  ServerRig server;
  server.on_message = [&](StreamId stream, const AgentMessage&) {
    server.server.Close(stream, Unavailable("again"));
  };
  IoThread home("agent");
  AgentRig agent(home, MakeFleetChannel(server.address()));
  Mailbox<bool> enough;
  agent.on_closed = [&, count = 0](absl::Status) mutable {
    if (++count == 100) return enough.Put(true);
    agent.link->Open();
    agent.link->Send(HelloMessage("agent-1"));
  };
  agent.Open();
  agent.Send(HelloMessage("agent-1"));
  enough.Take();
}

TEST(LinkTest, MayBeDestroyedByItsHandlers) {
  ServerRig server;
  server.on_message = [&](StreamId stream, const AgentMessage&) {
    server.server.Send(stream, AckMessage(1));
    server.server.Send(stream, AckMessage(2));
  };
  IoThread home("agent");
  Mailbox<bool> destroyed;
  AgentRig in_message(home, MakeFleetChannel(server.address()));
  in_message.on_message = [&](const ControllerMessage&) {
    in_message.link.reset();
    destroyed.Put(true);
  };
  in_message.Open();
  in_message.Send(HelloMessage("agent-1"));
  destroyed.Take();
  AgentRig in_closed(home, MakeFleetChannel(server.address()));
  in_closed.on_closed = [&](absl::Status) {
    in_closed.link.reset();
    destroyed.Put(true);
  };
  in_closed.Open();
  in_closed.Close();
  destroyed.Take();
}

TEST(LinkTest, ADestroyedLinkIsACancelForTheController) {
  ServerRig server;
  IoThread home("agent");
  AgentRig agent(home, MakeFleetChannel(server.address()));
  agent.Open();
  agent.opened.Take();
  agent.Destroy();
  EXPECT_EQ(server.closed.Take().reason.code(), absl::StatusCode::kCancelled);
}

TEST(LinkTest, EachChannelHasAConnectionOfItsOwn) {
  ServerRig server;
  IoThread home("agent");
  AgentRig first(home, MakeFleetChannel(server.address()));
  AgentRig second(home, MakeFleetChannel(server.address()));
  first.Open();
  second.Open();
  // The peers' ports differ.
  EXPECT_NE(server.opened.Take().peer, server.opened.Take().peer);
}

}  // namespace
}  // namespace broadside
