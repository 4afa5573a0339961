#include "common/core/time.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace broadside {
namespace {

template <typename A, typename B>
concept CanSubtract = requires(A a, B b) {
  a - b;
};

TEST(TimeTest, InstantsOfDifferentClocksCannotBeSubtracted) {
  EXPECT_TRUE((CanSubtract<TestTime, TestTime>));
  EXPECT_FALSE((CanSubtract<TestTime, BootTime>));
  EXPECT_FALSE((CanSubtract<BootTime, WallTime>));
  EXPECT_FALSE((std::is_convertible_v<TestTime, BootTime>));
}

TEST(TimeTest, ASegmentIsASecondThatHoldsItsStart) {
  EXPECT_EQ(SegmentStart(3), TestTime(Seconds(3)));
  EXPECT_EQ(SegmentOf(SegmentStart(3)), 3);
  EXPECT_EQ(SegmentOf(SegmentStart(3) - Nanos(1)), 2);
}

TEST(TimeTest, BeforeTheStartSegmentsAreNegative) {
  EXPECT_EQ(SegmentOf(TestTime(Nanos(-1))), -1);
  EXPECT_EQ(SegmentOf(TestTime(Seconds(-1))), -1);
}

}  // namespace
}  // namespace broadside
