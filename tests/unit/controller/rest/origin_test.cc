#include "controller/rest/origin.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

HttpRequest Post(HttpHeaders headers) {
  headers.emplace_back("host", "here:8080");
  return {.method = "POST", .path = "/api/v1/tests", .headers = std::move(headers)};
}

TEST(OriginTest, TakesClientsThatAreNoBrowsers) { EXPECT_FALSE(IsForeign(Post({}))); }

TEST(OriginTest, TakesItsOwnPage) {
  EXPECT_FALSE(IsForeign(Post({{"origin", "http://here:8080"}})));
  EXPECT_FALSE(IsForeign(Post({{"sec-fetch-site", "same-origin"}})));
  EXPECT_FALSE(IsForeign(Post({{"sec-fetch-site", "none"}})));  // the user himself
  // Behind a proxy that asks under another name.
  EXPECT_FALSE(
      IsForeign(Post({{"origin", "https://load.example"}, {"x-forwarded-host", "load.example"}})));
  EXPECT_FALSE(
      IsForeign(Post({{"origin", "https://load.example"}, {"sec-fetch-site", "same-origin"}})));
}

TEST(OriginTest, KnowsThePagesOfOthers) {
  EXPECT_TRUE(IsForeign(Post({{"origin", "http://elsewhere"}})));
  EXPECT_TRUE(IsForeign(Post({{"origin", "http://here:9090"}})));
  EXPECT_TRUE(IsForeign(Post({{"origin", "null"}})));
  EXPECT_TRUE(IsForeign(Post({{"sec-fetch-site", "cross-site"}})));
  // Another port of the same site is another page.
  EXPECT_TRUE(IsForeign(Post({{"sec-fetch-site", "same-site"}, {"origin", "http://here:9090"}})));
}

TEST(OriginTest, LetsEverybodyRead) {
  HttpRequest request = Post({{"origin", "http://elsewhere"}});
  request.method = "GET";
  EXPECT_FALSE(IsForeign(request));
}

}  // namespace
}  // namespace broadside
