#include "cli/suggest.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(SuggestTest, CountsInsertsDeletesReplacementsAndSwaps) {
  EXPECT_EQ(EditDistance("rate", "rate"), 0u);
  EXPECT_EQ(EditDistance("rate", "rat"), 1u);
  EXPECT_EQ(EditDistance("rte", "rate"), 1u);
  EXPECT_EQ(EditDistance("rote", "rate"), 1u);
  EXPECT_EQ(EditDistance("rtae", "rate"), 1u);
  EXPECT_EQ(EditDistance("", "rate"), 4u);
}

TEST(SuggestTest, NamesTheNearestThatCanBeMeant) {
  EXPECT_EQ(Suggest("--agnets", {"--rate", "--agents"}), "--agents");
  EXPECT_EQ(Suggest("--xyz", {"--rate", "--agents"}), "");
  EXPECT_EQ(Suggest("controler", {"controller", "agent"}), "controller");
}

}  // namespace
}  // namespace broadside
