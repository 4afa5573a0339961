#include "cli/progress.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(CutToTest, CountsCharactersAndNeverSplitsOne) {
  EXPECT_EQ(CutTo("running", 4), "runn");
  EXPECT_EQ(CutTo("running", 7), "running");
  EXPECT_EQ(CutTo("running", 99), "running");
  EXPECT_EQ(CutTo("running", 0), "");
  EXPECT_EQ(CutTo("\u00fc\u00df\u20acx", 3), "\u00fc\u00df\u20ac");
}

}  // namespace
}  // namespace broadside
