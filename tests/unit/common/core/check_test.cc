#include "common/core/check.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(CheckTest, WhatHoldsCostsNothingAndEvaluatesNoMessage) {
  int evaluated = 0;
  BS_CHECK(1 + 1 == 2) << ++evaluated;
  EXPECT_EQ(evaluated, 0);
}

TEST(CheckTest, ItIsOneStatement) {
  bool other = false;
  if (false)
    BS_CHECK(false) << "never";
  else
    other = true;
  EXPECT_TRUE(other);
}

TEST(CheckDeathTest, WhatBreaksSaysWhereAndWithWhichValues) {
  const int planned = 3;
  EXPECT_DEATH(BS_CHECK(planned == 4) << planned << " slots",
               "check_test.cc:[0-9]+: check failed: planned == 4 3 slots");
}

}  // namespace
}  // namespace broadside
