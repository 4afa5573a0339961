#include "agent/process.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/core/limits.h"

namespace broadside {
namespace {

TEST(ProcessTest, HasAName) { EXPECT_NE(HostName(), ""); }

TEST(ProcessTest, HasAtLeastOneSendingThread) {
  EXPECT_GE(DefaultThreads(), 1);
  EXPECT_LE(DefaultThreads(), limits::kShardsMax);
}

TEST(ProcessTest, RaisesTheLimitOfDescriptorsToTheHardLimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit lowered{before.rlim_max / 2, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);
  EXPECT_EQ(RaiseDescriptorLimit(), before.rlim_max);
}

}  // namespace
}  // namespace broadside
