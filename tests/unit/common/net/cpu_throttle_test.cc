#include "common/net/cpu_throttle.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace broadside {
namespace {

std::string Stat(uint64_t periods, uint64_t throttled) {
  return "usage_usec 12345\nnr_periods " + std::to_string(periods) + "\nnr_throttled " +
         std::to_string(throttled) + "\nthrottled_usec 999\n";
}

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(CpuThrottleTest, ReadsTheCountsOfBothVersionsOfCgroups) {
  EXPECT_EQ(ParseCpuStat(Stat(100, 7)), (ThrottleCounts{100, 7}));
  EXPECT_EQ(ParseCpuStat("nr_periods 3\nnr_throttled 1\nthrottled_time 5\n"),
            (ThrottleCounts{3, 1}));
}

TEST(CpuThrottleTest, FindsNoLimitInATextWithoutPeriods) {
  EXPECT_EQ(ParseCpuStat(""), std::nullopt);
  EXPECT_EQ(ParseCpuStat("usage_usec 12345\nuser_usec 1\n"), std::nullopt);
  EXPECT_EQ(ParseCpuStat("nr_periods x\nnr_throttled 1\n"), std::nullopt);
  EXPECT_EQ(ParseCpuStat("nr_periods 1 2\nnr_throttled 1\n"), std::nullopt);
  EXPECT_EQ(ParseCpuStat("nr_periods\nnr_throttled 1"), std::nullopt);
}

TEST(CpuThrottleTest, GivesTheShareOfThePeriodsSinceTheLastCall) {
  const std::string path = testing::TempDir() + "cpu.stat";
  CpuThrottle throttle(path);
  Write(path, Stat(100, 50));
  EXPECT_EQ(throttle.TakeFraction(), 0);  // the first call
  Write(path, Stat(110, 55));
  EXPECT_EQ(throttle.TakeFraction(), 0.5);  // 5 of 10
  EXPECT_EQ(throttle.TakeFraction(), 0);    // no period has passed
}

TEST(CpuThrottleTest, GivesNothingWithoutTheFile) {
  CpuThrottle throttle(testing::TempDir() + "does-not-exist");
  EXPECT_EQ(throttle.TakeFraction(), 0);
  EXPECT_EQ(throttle.TakeFraction(), 0);
}

}  // namespace
}  // namespace broadside
