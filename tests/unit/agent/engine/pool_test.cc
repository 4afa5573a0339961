// What a failed connect is counted as, and the renewal of connections by age in times of the test's
// own. The rest of the pool is seen through the engine.

#include "agent/engine/pool.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace broadside {
namespace {

// The totals after one connect that failed so.
PoolStats StatsAfter(int error) {
  Poller poller;
  Pool pool({1, Seconds(30), true, 1}, nullptr, &poller);
  // Before the first addresses are known no socket is opened: the error is what we say.
  int opening = 0;
  Connection* connection = pool.Open(BootTime{}, &opening);
  pool.ConnectFailed(connection, error, BootTime{});
  return pool.stats();
}

TEST(PoolTest, ExhaustedPortsAreCountedAndOurOwnFault) {
  for (const int error : {EADDRNOTAVAIL, EADDRINUSE}) {
    EXPECT_EQ(StatsAfter(error).ports_exhausted, 1u) << error;
    EXPECT_TRUE(IsLocalError(error)) << error;
  }
}

TEST(PoolTest, ExhaustedDescriptorsAreCountedAndOurOwnFault) {
  for (const int error : {EMFILE, ENFILE}) {
    EXPECT_EQ(StatsAfter(error).descriptors_exhausted, 1u) << error;
    EXPECT_TRUE(IsLocalError(error)) << error;
  }
}

TEST(PoolTest, ExhaustedBuffersAreOurOwnFault) {
  for (const int error : {ENOBUFS, ENOMEM}) {
    EXPECT_TRUE(IsLocalError(error)) << error;
  }
}

TEST(PoolTest, WhatTheTargetOrTheWayToItRefusesIsNot) {
  for (const int error : {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET}) {
    const PoolStats stats = StatsAfter(error);
    EXPECT_EQ(stats.connects_failed, 1u) << error;
    EXPECT_EQ(stats.ports_exhausted + stats.descriptors_exhausted, 0u);
    EXPECT_FALSE(IsLocalError(error)) << error;
  }
}

// 40 idle connections, opened at once at time 0, of at most 10 s.
class RenewalTest : public testing::Test {
 protected:
  static constexpr size_t kSize = 40;
  static constexpr Nanos kMaxAge = Seconds(10);

  void SetUp() override {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(bind(listener_, any, size), 0);
    ASSERT_EQ(getsockname(listener_, any, &size), 0);
    ASSERT_EQ(listen(listener_, 1000), 0);
    pool_.Update({SocketAddress(any, size)});
    for (size_t i = 0; i < kSize; ++i) {
      int error = 0;
      connections_.push_back(pool_.Open(BootTime{}, &error));
      ASSERT_EQ(error, 0);
      pool_.Connected(connections_.back(), BootTime{});
    }
  }
  void TearDown() override { close(listener_); }

  size_t BeingReplaced() const {
    return static_cast<size_t>(std::count_if(
        connections_.begin(), connections_.end(),
        [](const Connection* connection) { return connection->replacement != nullptr; }));
  }

  const int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Poller poller_;
  Pool pool_{{2 * kSize, kMaxAge, true, 7}, nullptr, &poller_};
  std::vector<Connection*> connections_;
};

TEST_F(RenewalTest, FirstLivesAreSpreadOverTheAge) {
  const auto [first, last] =
      std::minmax_element(connections_.begin(), connections_.end(),
                          [](const auto* a, const auto* b) { return a->retire_at < b->retire_at; });
  // U(0.1, 1) x U(0.8, 1.2) of 10 s.
  EXPECT_GE((*first)->retire_at, BootTime(Millis(800)));
  EXPECT_LE((*last)->retire_at, BootTime(Seconds(12)));
  EXPECT_GE((*last)->retire_at - (*first)->retire_at, Nanos(Seconds(5)));
}

TEST_F(RenewalTest, ReplacementsComeAtAQuarterMoreThanTheAgeAsks) {
  // At 12 s all have passed their age; 1.25 x 40 / 10 s = 5 a second, and those being opened count.
  for (Nanos at = Seconds(12); at < Seconds(13); at += Millis(20)) {
    pool_.Maintain(BootTime(at), true);
  }
  EXPECT_GE(BeingReplaced(), 5u);
  EXPECT_LE(BeingReplaced(), 7u);
}

TEST_F(RenewalTest, TheReplacementIsThereBeforeTheOldOneGoes) {
  pool_.Maintain(BootTime(Seconds(12)), true);
  ASSERT_EQ(BeingReplaced(), 1u);
  const auto old = std::find_if(connections_.begin(), connections_.end(),
                                [](const auto* c) { return c->replacement != nullptr; });
  EXPECT_EQ((*old)->state, ConnectionState::kIdle);
  EXPECT_EQ(pool_.size(), kSize + 1);
  pool_.Connected((*old)->replacement, BootTime(Seconds(12)));
  EXPECT_EQ((*old)->state, ConnectionState::kClosed);
  EXPECT_EQ(pool_.size(), kSize);
  EXPECT_EQ(pool_.stats().replaced, 1u);
}

TEST_F(RenewalTest, TheServerHasASecondToCloseFirst) {
  Connection* connection = pool_.TakeIdle(BootTime{});
  pool_.Linger(connection, BootTime{});
  pool_.Maintain(BootTime(Millis(999)), false);
  EXPECT_EQ(connection->state, ConnectionState::kLingering);
  pool_.Maintain(BootTime(Seconds(1)), false);
  EXPECT_EQ(connection->state, ConnectionState::kClosed);
}

}  // namespace
}  // namespace broadside
