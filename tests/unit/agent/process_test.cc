#include "agent/process.h"

#include <gtest/gtest.h>

#include "common/core/limits.h"

namespace broadside {
namespace {

TEST(ProcessTest, HasAName) { EXPECT_NE(HostName(), ""); }

TEST(ProcessTest, HasAtLeastOneSendingThread) {
  EXPECT_GE(DefaultThreads(), 1);
  EXPECT_LE(DefaultThreads(), limits::kShardsMax);
}

}  // namespace
}  // namespace broadside
