// What a failed connect is counted as. The rest of the pool is seen through the engine.

#include "agent/engine/pool.h"

#include <gtest/gtest.h>

#include <cerrno>

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

TEST(PoolTest, ExhaustedBuffersAreCountedAndOurOwnFault) {
  for (const int error : {ENOBUFS, ENOMEM}) {
    EXPECT_EQ(StatsAfter(error).buffers_exhausted, 1u) << error;
    EXPECT_TRUE(IsLocalError(error)) << error;
  }
}

TEST(PoolTest, WhatTheTargetOrTheWayToItRefusesIsNot) {
  for (const int error : {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNRESET}) {
    const PoolStats stats = StatsAfter(error);
    EXPECT_EQ(stats.connects_failed, 1u) << error;
    EXPECT_EQ(stats.ports_exhausted + stats.descriptors_exhausted + stats.buffers_exhausted, 0u);
    EXPECT_FALSE(IsLocalError(error)) << error;
  }
}

}  // namespace
}  // namespace broadside
