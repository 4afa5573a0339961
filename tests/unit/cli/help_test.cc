#include "cli/help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace broadside {
namespace {

TEST(WrapTest, BreaksAtSpacesAndIndentsFurtherLines) {
  // 10 columns, of which the indent takes 4: "ab cd" (5) fits 6, "ab cd ef" (8) does not.
  EXPECT_EQ(Wrap("ab cd ef gh", 10, 4), "ab cd\n    ef gh");
  EXPECT_EQ(Wrap("", 10, 4), "");
  EXPECT_EQ(Wrap("longer-than-a-line x", 10, 4), "longer-than-a-line\n    x");
}

TEST(HelpFormatterTest, ShowsWhatAFlagTakesItsDefaultAndItsVariable) {
  CLI::App app("Does it\n\nExamples:\n  app sub 5", "app");
  app.formatter(std::make_shared<HelpFormatter>());
  CLI::App* verb = app.add_subcommand("sub", "Does that\n\nExamples:\n  app sub 5");
  std::string rate = "7";
  std::string where;
  verb->add_option("-r,--rate", rate, "per second")->capture_default_str()->option_text("RPS");
  verb->add_option("--where", where, "the place")->envname("WHERE")->option_text("URL");
  verb->add_option("id", where, "the test")->required()->option_text("ID");
  const std::string help = verb->help("app");
  EXPECT_THAT(help, testing::HasSubstr("Usage: app sub [OPTIONS] ID\n"));
  EXPECT_THAT(help, testing::HasSubstr("\n  ID                          the test (required)\n"));
  EXPECT_THAT(help, testing::HasSubstr("\n  -r, --rate RPS              per second (default 7)\n"));
  EXPECT_THAT(help, testing::HasSubstr("\n  --where URL                 the place (or $WHERE)\n"));
  // A list of verbs has the first line of each.
  EXPECT_THAT(app.help(), testing::HasSubstr("\n  sub                         Does that\n"));
}

}  // namespace
}  // namespace broadside
