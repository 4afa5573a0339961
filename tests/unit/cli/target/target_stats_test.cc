#include "cli/target/target_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace broadside {
namespace {

using testing::ElementsAre;

SteadyTime At(Nanos since) { return SteadyTime(since); }

TEST(TargetStatsTest, BinsAreTenMillisecondsOfTheClockFromTheFirstRequest) {
  TargetCounters counters;
  for (const int64_t us : {1'005'999, 1'009'999, 1'010'000, 1'035'000}) {
    counters.OnRequest(At(std::chrono::microseconds(us)), 10, std::nullopt);
  }
  const TargetStats stats = counters.Snapshot();
  EXPECT_EQ(stats.first_bin, 100);  // 1.005999 s / 10 ms
  EXPECT_THAT(stats.bins, ElementsAre(2, 1, 0, 1));
  EXPECT_EQ(stats.requests, 4u);
  EXPECT_EQ(stats.bytes_received, 40u);
}

TEST(TargetStatsTest, RequestsAfterOneHourAreSummed) {
  TargetCounters counters;
  counters.OnRequest(At(Nanos(0)), 1, std::nullopt);
  counters.OnRequest(At(std::chrono::hours(1) - Nanos(1)), 1, std::nullopt);
  counters.OnRequest(At(std::chrono::hours(1)), 1, std::nullopt);
  counters.OnRequest(At(std::chrono::hours(100)), 1, std::nullopt);
  const TargetStats stats = counters.Snapshot();
  EXPECT_EQ(stats.bins.size(), 360'000u);  // 3600 s / 10 ms
  EXPECT_EQ(stats.bins.back(), 1u);
  EXPECT_EQ(stats.overflow, 2u);
}

TEST(TargetStatsTest, SlotsAreCountedOnceAndThenAsDuplicates) {
  TargetCounters counters;
  for (const int64_t slot : {0, 63, 64, 63, 9'999'999, 10'000'000, -1, 0}) {
    counters.OnRequest(At(Nanos(0)), 1, slot);
  }
  const TargetStats stats = counters.Snapshot();
  EXPECT_EQ(stats.slots_distinct, 4u);
  EXPECT_EQ(stats.slots_duplicates, 2u);
  EXPECT_EQ(stats.slots_out_of_range, 2u);
  EXPECT_EQ(stats.slots_max, 9'999'999);
}

TEST(TargetStatsTest, ResetClearsAllButTheGauges) {
  TargetCounters counters;
  ASSERT_TRUE(counters.OnOpen());
  counters.OnRequest(At(Seconds(1)), 1, 7);
  counters.OnRequest(At(Seconds(1)), 1, 8);
  counters.OnAnswer(200, 5);
  counters.Reset();
  TargetStats stats = counters.Snapshot();
  EXPECT_EQ(stats.requests, 0u);
  EXPECT_TRUE(stats.by_status.empty());
  EXPECT_TRUE(stats.bins.empty());
  EXPECT_EQ(stats.slots_max, -1);
  EXPECT_EQ(stats.connections_opened, 0u);
  EXPECT_EQ(stats.connections_open, 1u);
  EXPECT_EQ(stats.pending, 1u);
  EXPECT_EQ(counters.first_request(), std::nullopt);
  counters.OnRequest(At(Seconds(2)), 1, 7);
  stats = counters.Snapshot();
  EXPECT_EQ(stats.first_bin, 200);
  EXPECT_EQ(stats.slots_distinct, 1u);
}

TEST(TargetStatsTest, JsonHasEveryFigure) {
  TargetCounters counters;
  ASSERT_TRUE(counters.OnOpen());
  counters.OnRequest(At(Seconds(1)), 30, 3);
  counters.OnRequest(At(Seconds(1) + Millis(10)), 30, 3);
  counters.OnAnswer(200, 50);
  counters.OnAnswer(503, 60);
  EXPECT_EQ(nlohmann::json::parse(ToJson(counters.Snapshot())), nlohmann::json::parse(R"({
    "requests": 2, "by_status": {"200": 1, "503": 1}, "pending": 0, "dropped": 0,
    "bad_requests": 0, "bytes": {"received": 60, "sent": 110},
    "connections": {"opened": 1, "open": 1, "refused": 0},
    "bin_ms": 10, "first_bin": 100, "bins": [1, 1], "overflow": 0,
    "slots": {"distinct": 1, "duplicates": 1, "max": 3, "out_of_range": 0}})"));
}

TEST(TargetStatsTest, ThreadsLoseNoCount) {
  TargetCounters counters;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&counters] {
      for (int i = 0; i < 10'000; ++i) {
        counters.OnRequest(At(Millis(i % 100 * 10)), 1, i);
        counters.OnAnswer(200, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const TargetStats stats = counters.Snapshot();
  EXPECT_EQ(stats.requests, 40'000u);
  EXPECT_EQ(stats.by_status.at(200), 40'000u);
  EXPECT_EQ(stats.slots_distinct, 10'000u);
  EXPECT_EQ(stats.slots_duplicates, 30'000u);
  uint64_t in_bins = 0;
  for (const uint32_t bin : stats.bins) in_bins += bin;
  EXPECT_EQ(in_bins, 40'000u);
}

}  // namespace
}  // namespace broadside
