#include "common/net/io_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "common/net/stream_gate.h"

namespace broadside {
namespace {

TEST(IoThreadTest, RunsHandlersInTheOrderOfPosting) {
  IoThread home("home");
  std::vector<int> order;
  for (int i = 0; i < 1000; ++i) {
    home.Post([&order, i] { order.push_back(i); });
  }
  home.RunAndWait([] {});
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[i], i);
}

TEST(IoThreadTest, KnowsItsOwnThread) {
  IoThread home("home");
  EXPECT_FALSE(home.IsCurrent());
  bool current = false;
  home.RunAndWait([&] { current = home.IsCurrent(); });
  EXPECT_TRUE(current);
}

TEST(IoThreadTest, RunsWhatWasPostedBeforeStop) {
  int runs = 0;
  IoThread home("home");
  for (int i = 0; i < 100; ++i) home.Post([&runs] { ++runs; });
  home.Stop();
  EXPECT_EQ(runs, 100);
}

TEST(IoThreadTest, DropsWhatIsPostedAfterStop) {
  bool ran = false;
  IoThread home("home");
  home.Stop();
  home.Post([&ran] { ran = true; });
  home.Stop();  // idempotent
  EXPECT_FALSE(ran);
}

TEST(IoThreadTest, TakesPostsOfManyThreadsWithoutALock) {
  IoThread home("home");
  int sum = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) home.Post([&sum] { ++sum; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  home.Stop();
  EXPECT_EQ(sum, 4000);  // 4 threads x 1000
}

TEST(IoThreadDeathTest, AbortsOnACallFromAnotherThread) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  IoThread home("home");
  EXPECT_DEATH(home.AssertCurrent(), "not on its home thread");
}

TEST(StreamGateTest, RefusesWhenFullAndWhenClosed) {
  StreamGate gate(1);
  EXPECT_TRUE(gate.Enter().ok());
  EXPECT_EQ(gate.Enter().code(), absl::StatusCode::kResourceExhausted);
  gate.Leave();
  gate.Close();
  EXPECT_EQ(gate.Enter().code(), absl::StatusCode::kUnavailable);
}

TEST(StreamGateTest, WaitsForTheLastStream) {
  StreamGate gate(2);
  ASSERT_TRUE(gate.Enter().ok());
  EXPECT_FALSE(gate.WaitEmpty(Millis(0)));
  std::thread stream([&gate] { gate.Leave(); });
  EXPECT_TRUE(gate.WaitEmpty(Seconds(30)));
  stream.join();
}

}  // namespace
}  // namespace broadside
