#include "controller/rest/etag.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(EtagTest, IsTheHashOfTheBody) {
  EXPECT_EQ(EtagOf(""), "\"cbf29ce484222325\"");  // FNV-1a of nothing is its start
  EXPECT_EQ(EtagOf("a"), "\"af63dc4c8601ec8c\"");
}

TEST(EtagTest, MatchesOneOfAList) {
  for (const char* header : {"\"7\"", "W/\"7\"", "\"1\", W/\"7\"", " \"7\" ,\"1\"", "*"}) {
    EXPECT_TRUE(EtagMatches(header, "\"7\"")) << header;
  }
  for (const char* header : {"", ",", "\"6\"", "7", "\"77\"", "W/"}) {
    EXPECT_FALSE(EtagMatches(header, "\"7\"")) << header;
  }
}

}  // namespace
}  // namespace broadside
