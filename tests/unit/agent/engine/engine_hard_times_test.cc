// When the generator itself is in trouble: frozen past deadlines, or out of descriptors.

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <future>
#include <thread>

#include "tests/support/wild_server.h"
#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

using wild::Close;
using wild::Hang;
using wild::Pause;
using wild::ReadRequest;
using wild::Script;
using wild::Send;
using wild::WildServer;

const std::string kGood = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const std::string kEndsWithItsConnection = "HTTP/1.1 200 OK\r\n\r\nhi";

// Holds the only shard in a callback for so long, as a stopped process would be. Returns when that
// has begun.
void Freeze(EngineHarness& harness, Millis duration) {
  const auto begun = std::make_shared<std::promise<void>>();
  harness.engine().Collect([duration, begun](std::vector<TestDelta>, const EngineStats&) {
    begun->set_value();
    // tidy: allow(sleep) the frozen shard is the thing tested
    std::this_thread::sleep_for(duration);
  });
  begun->get_future().wait();
}

// One slot with a timeout of 500 ms; the server answers `delay` after it read the request, and the
// shard is frozen from then on for 1 s.
std::string OutcomeWhenFrozen(Millis delay, const std::string& answer = kGood) {
  Script script{ReadRequest{}, Pause{delay}, Send{answer}};
  if (answer == kEndsWithItsConnection) script.emplace_back(Close{});
  WildServer server(std::move(script));
  TestSpec spec = SpecFor(server.port(), 10, Millis(100));
  spec.timeout = Millis(500);
  EngineHarness harness(spec);
  harness.GrantAll();
  EXPECT_TRUE(server.WaitFor([](const wild::Counters& c) { return c.requests_read == 1; }));
  Freeze(harness, Millis(1000));
  EXPECT_TRUE(harness.CollectUntilSettled());
  return harness.Outcomes();
}

TEST(HardTimesTest, WhatWasReceivedBeforeTheDeadlineCountsThoughTheShardWasFrozen) {
  // Arrives at 50 ms, the deadline is at 500 ms, the shard looks again after 1 s.
  EXPECT_EQ(OutcomeWhenFrozen(Millis(50)), "ok 1");
}

TEST(HardTimesTest, SoDoesAnAnswerThatEndsWithItsConnection) {
  EXPECT_EQ(OutcomeWhenFrozen(Millis(50), kEndsWithItsConnection), "ok 1");
}

TEST(HardTimesTest, AnAnswerAfterTheDeadlineIsATimeoutThoughItIsReadFirst) {
  // Arrives at 800 ms, the deadline is at 500 ms, the shard looks again after 1 s.
  EXPECT_EQ(OutcomeWhenFrozen(Millis(800)), "timeout 1");
  EXPECT_EQ(OutcomeWhenFrozen(Millis(800), kEndsWithItsConnection), "timeout 1");
}

TEST(HardTimesTest, DeadlinesAreKeptThoughEachTurnHasMoreEventsThanItCanTake) {
  // While the shard is frozen, 300 connections get a part of an answer and pass their deadline:
  // more than Poller::kEventsMax, and the first turn after it must end them all.
  WildServer server(Script{ReadRequest{}, Pause{Millis(1000)}, Send{"HTTP/1.1 2"}, Hang{}});
  TestSpec spec = SpecFor(server.port(), 3000, Millis(100));
  spec.timeout = Seconds(2);
  EngineHarness harness(spec);
  harness.GrantAll();
  ASSERT_TRUE(server.WaitFor([](const wild::Counters& c) { return c.requests_read == 300; }));
  Freeze(harness, Millis(2500));
  harness.Collect();  // asked before the parts came, so it is read in that turn
  EXPECT_EQ(harness.Outcomes(), "timeout 300");
}

TEST(HardTimesTest, WithoutDescriptorsASlotIsALocalError) {
#if defined(__SANITIZE_ADDRESS__)
  // UBSan looks at memory through a pipe, and takes an object for a wrong one when it gets none.
  // tidy: allow(disabled_test) a sanitizer needs the descriptors that this test takes away
  GTEST_SKIP() << "needs a build without sanitizers";
#endif
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  EngineHarness harness(SpecFor(server.port(), 100, Millis(50)));
  harness.Collect();  // the shard is up
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(STDERR_FILENO);
  close(next);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool settled = harness.Run();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(settled);
  EXPECT_EQ(harness.Outcomes(), "local_error 5");
  EXPECT_GE(harness.stats().descriptors_exhausted, 5u);
  EXPECT_LE(harness.stats().descriptors_exhausted, 6u);  // one was to be opened ahead
}

// Moves the calling thread, and those that it starts, to a network of its own with so many local
// ports. False where that is not allowed.
bool EnterNetworkWithPorts(int ports) {
  if (unshare(CLONE_NEWNET) != 0) return false;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  close(fd);
  std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
  range << 40'000 << ' ' << 40'000 + ports - 1 << std::endl;
  return up && range.good();
}

TEST(HardTimesTest, WithoutPortsASlotIsALocalError) {
  bool entered = false;
  std::string outcomes;
  EngineStats stats;
  std::thread([&] {
    // The server takes one; 3 connections to it can be. (The kernel tries an even number of ports.)
    entered = EnterNetworkWithPorts(4);
    if (!entered) return;
    WildServer server(Script{ReadRequest{}, Hang{}});
    TestSpec spec = SpecFor(server.port(), 100, Millis(100));
    spec.timeout = Millis(500);
    EngineHarness harness(spec);
    EXPECT_TRUE(harness.Run());
    outcomes = harness.Outcomes();
    stats = harness.stats();
  }).join();
  // tidy: allow(disabled_test) it takes CAP_SYS_ADMIN; pool_test has the booking without it
  if (!entered) GTEST_SKIP() << "no right to have a network of its own";
  EXPECT_EQ(outcomes, "timeout 3, local_error 7");
  EXPECT_EQ(stats.ports_exhausted, 7u);
}

}  // namespace
}  // namespace broadside
