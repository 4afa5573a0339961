// A slot whose connection comes late is sent by max_lateness or not at all.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

// A port that takes no connection until Open, though it listens: its backlog is full, so the kernel
// drops what asks for one, and who asks does so again after 1 s, 3 s, ...
class FullPort {
 public:
  FullPort() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(bind(listener_, Address(), size), 0);
    EXPECT_EQ(getsockname(listener_, Address(), &size), 0);
    // A backlog of 0 has room for one.
    EXPECT_EQ(listen(listener_, 0), 0);
    EXPECT_EQ(connect(filler_, Address(), size), 0);
  }
  ~FullPort() {
    close(filler_);
    close(listener_);
  }
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;

  uint16_t port() const { return ntohs(address_.sin_port); }
  // From now on there is room.
  void Open() { EXPECT_EQ(listen(listener_, 100), 0); }

 private:
  sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address_); }

  sockaddr_in address_{};
  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int filler_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

TEST(LateConnectsTest, ASlotWhoseConnectTookLongerThanMaxLatenessIsSkippedAndItsConnectionKept) {
  FullPort target;
  TestSpec spec = SpecFor(target.port(), 100, Millis(100));
  spec.timeout = Seconds(10);
  spec.max_lateness = Millis(500);  // the second try comes after 1 s
  EngineHarness harness(spec);
  harness.GrantAll();
  ASSERT_TRUE(harness.CollectUntil([&] { return harness.stats().connections_open == 10; }));
  target.Open();
  ASSERT_TRUE(harness.CollectUntilSettled());
  EXPECT_EQ(harness.Outcomes(), "skipped 10");
  EXPECT_EQ(harness.stats().requests_sent, 0u);
  EXPECT_EQ(harness.stats().connections_opened, 10u);
  EXPECT_EQ(harness.stats().connections_open, 10u);
  EXPECT_EQ(harness.totals().done.send_lag.count, 0u);
}

}  // namespace
}  // namespace broadside
