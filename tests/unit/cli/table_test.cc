#include "cli/table.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(TableTest, MakesColumnsAsWideAsTheirWidestCell) {
  Table table({{"NAME"}, {"OK", true}, {"STATE"}});
  EXPECT_EQ(table.Render(), "NAME  OK  STATE\n");
  table.Add({"a", "1,000", "x"});
  table.Add({"longer", "2", "running"});
  EXPECT_EQ(table.Render(),
            "NAME       OK  STATE\n"
            "a       1,000  x\n"
            "longer      2  running\n");
}

TEST(TableTest, CountsCharactersAndLetsNoOrderThrough) {
  Table table({{"NAME"}, {"STATE"}});
  table.Add({"gr\u00fc\u00df", "ok"});
  table.Add({"a\x1b[2J", "ok"});
  EXPECT_EQ(table.Render(),
            "NAME   STATE\n"
            "gr\u00fc\u00df   ok\n"
            "a?[2J  ok\n");
}

}  // namespace
}  // namespace broadside
