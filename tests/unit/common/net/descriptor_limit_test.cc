#include "common/net/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace broadside {
namespace {

TEST(DescriptorLimitTest, IsRaisedToTheHardLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit lowered{before.rlim_max / 2, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);
  EXPECT_EQ(RaiseDescriptorLimit(), before.rlim_max);
}

}  // namespace
}  // namespace broadside
