#include "agent/core/capacity_estimate.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

class CapacityEstimateTest : public testing::Test {
 protected:
  CapacityEstimateTest() { estimate_.Add(now_, 0, sent_); }

  // Load in steps of 500 ms; an even number of seconds ends with a window.
  void Run(int seconds, double cpu, uint64_t rate) {
    for (int i = 0; i < 2 * seconds; ++i) {
      now_ += Millis(500);
      sent_ += rate / 2;
      estimate_.Add(now_, cpu, sent_);
    }
  }

  BootTime now_{Seconds(1000)};
  uint64_t sent_ = 12'345;
  CapacityEstimate estimate_;
};

TEST_F(CapacityEstimateTest, NothingBeforeAFullWindow) {
  EXPECT_EQ(estimate_.rps(), std::nullopt);
  Run(1, 0.5, 1000);
  EXPECT_EQ(estimate_.rps(), std::nullopt);
  Run(1, 0.5, 1000);
  EXPECT_TRUE(estimate_.rps().has_value());
}

TEST_F(CapacityEstimateTest, IsTheRateAtAFullThread) {
  Run(4, 0.25, 5000);
  EXPECT_NEAR(estimate_.rps().value(), 20'000, 1e-6);
}

TEST_F(CapacityEstimateTest, IsOfTheLastWindow) {
  Run(4, 0.25, 5000);
  Run(4, 0.9, 90'000);
  EXPECT_NEAR(estimate_.rps().value(), 100'000, 1e-6);
}

TEST_F(CapacityEstimateTest, IdleWindowsTellNothing) {
  Run(4, 0.05, 5000);
  EXPECT_EQ(estimate_.rps(), std::nullopt);
  Run(4, 0.5, 5000);
  Run(10, 0.02, 20);
  EXPECT_NEAR(estimate_.rps().value(), 10'000, 1e-6);
  Run(10, 0.9, 0);  // busy with something else than requests
  EXPECT_NEAR(estimate_.rps().value(), 10'000, 1e-6);
}

TEST_F(CapacityEstimateTest, AFractionAboveOneIsAFullThread) {
  Run(4, 1.2, 100'000);
  EXPECT_NEAR(estimate_.rps().value(), 100'000, 1e-6);
}

}  // namespace
}  // namespace broadside
