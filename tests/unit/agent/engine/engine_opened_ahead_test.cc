// Connections that are opened before the first slot is due, and belong to none.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/wild_server.h"
#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

using wild::Close;
using wild::Counters;
using wild::ReadRequest;
using wild::Script;
using wild::Send;
using wild::WildServer;

constexpr Nanos kLongLead = Seconds(60);  // no slot becomes due in the test
const std::string kGood = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

TEST(OpenedAheadTest, AsManyAsTheFirstSegmentNeedsAtTwentyMilliseconds) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  EngineHarness harness(SpecFor(server.port(), 500, Seconds(1)));
  harness.StartIn(kLongLead);
  harness.GrantAll();
  // 500 a second x 20 ms = 10 busy at a time.
  ASSERT_TRUE(server.WaitFor([](const Counters& c) { return c.accepted >= 10; }));
  // One more would come 20 ms later: 100 collections, 2 ms apart, would see it.
  int collections = 0;
  harness.CollectUntil([&] { return ++collections == 100; });
  EXPECT_EQ(harness.stats().connections_open, 10u);
  EXPECT_EQ(server.counters().accepted, 10);
  EXPECT_EQ(server.counters().requests_read, 0);
}

TEST(OpenedAheadTest, AtLeastOneAShard) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  // 12 slots x 20 ms are less than one connection, over 3 shards.
  EngineHarness harness(SpecFor(server.port(), 12, Seconds(1)), EngineOptions{.shards = 3});
  harness.StartIn(kLongLead);
  harness.GrantAll();
  EXPECT_TRUE(server.WaitFor([](const Counters& c) { return c.accepted == 3; }));
  EXPECT_EQ(server.counters().requests_read, 0);
}

TEST(OpenedAheadTest, AtMostTheLimit) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  TestSpec spec = SpecFor(server.port(), 5000, Seconds(1));  // x 20 ms = 100
  spec.connections.max_per_agent = 4;
  EngineHarness harness(spec, EngineOptions{.shards = 2});
  harness.StartIn(Millis(300));
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(server.counters().accepted, 4);
}

TEST(OpenedAheadTest, ACutClosesThem) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  EngineHarness harness(SpecFor(server.port(), 500, Seconds(1)));
  harness.StartIn(kLongLead);
  harness.GrantAll();
  ASSERT_TRUE(server.WaitFor([](const Counters& c) { return c.accepted >= 1; }));
  harness.Cut();
  EXPECT_TRUE(server.WaitFor([](const Counters& c) { return c.open == 0; }));
}

TEST(OpenedAheadTest, TheFirstRequestOnOneIsNotResent) {
  // It is no reused connection: the server refuses every request, and each is sent once.
  WildServer server(Script{ReadRequest{}, Close{}});
  EngineHarness harness(SpecFor(server.port(), 100, Millis(100)));
  harness.StartIn(Millis(300));
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "reset 10");
  EXPECT_EQ(harness.totals().done.resends, 0u);
  EXPECT_EQ(server.counters().requests_read, 10);
}

// A port that listens and answers no further connect: its backlog is full.
class FullBacklog {
 public:
  FullBacklog() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 0), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    for (int& fd : waiting_) {
      fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      // Under way: it ends when the backlog has room, which it never has.
      static_cast<void>(connect(fd, reinterpret_cast<sockaddr*>(&address), size));
    }
  }
  ~FullBacklog() {
    for (const int fd : waiting_) close(fd);
    close(listener_);
  }
  uint16_t port() const { return port_; }

 private:
  const int listener_;
  std::array<int, 3> waiting_{};
  uint16_t port_ = 0;
};

TEST(OpenedAheadTest, ASlotTakesOverOneThatIsNotThereYet) {
  const FullBacklog target;
  TestSpec spec = SpecFor(target.port(), 10, Millis(100));
  spec.connections.max_per_agent = 1;
  spec.timeout = Millis(200);
  spec.max_lateness = Millis(100);
  EngineHarness harness(spec);
  harness.StartIn(Millis(300));
  ASSERT_TRUE(harness.Run());
  // Without a connection the slot would be skipped.
  EXPECT_EQ(harness.Outcomes(), "timeout 1");
  EXPECT_EQ(harness.totals().timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kConnect)], 1u);
}

}  // namespace
}  // namespace broadside
