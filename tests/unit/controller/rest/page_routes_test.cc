// The live page over HTTP: encodings, tags, and what a browser is told about safety.

#include <gmock/gmock.h>

#include "tests/unit/controller/rest/rest_fixture.h"
#include "web/page_assets.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::Not;

class PageRoutesTest : public RestTest {};

TEST_F(PageRoutesTest, ServesThePageAtTheRoot) {
  const Answer answer = Ask("GET", "/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(answer.body, FindPageAsset("index.html")->content);
}

TEST_F(PageRoutesTest, ServesEachPart) {
  for (const PageAsset& asset : PageAssets()) {
    const Answer answer = Ask("GET", Concat("/assets/", asset.name));
    EXPECT_EQ(answer.status, 200) << asset.name;
    EXPECT_EQ(answer.Header("Content-Type"), asset.content_type);
    EXPECT_EQ(answer.Header("Content-Encoding"), "");
    EXPECT_EQ(answer.body, asset.content);
  }
  EXPECT_EQ(Ask("GET", "/assets/nothing.js").status, 404);
  EXPECT_EQ(Ask("GET", "/assets/..%2findex.html").status, 404);
}

TEST_F(PageRoutesTest, CompressesForWhoTakesIt) {
  const Answer answer = Ask("GET", "/assets/page.js", {}, "Accept-Encoding: gzip, br\r\n");
  EXPECT_EQ(answer.Header("Content-Encoding"), "gzip");
  EXPECT_EQ(answer.Header("Vary"), "Accept-Encoding");
  EXPECT_EQ(answer.body, FindPageAsset("page.js")->gzip);
  EXPECT_EQ(answer.body.substr(0, 2), "\x1f\x8b");
}

TEST_F(PageRoutesTest, SendsNothingThatTheBrowserHas) {
  const std::string plain = Ask("GET", "/").Header("ETag");
  const std::string gzip = Ask("GET", "/", {}, "Accept-Encoding: gzip\r\n").Header("ETag");
  EXPECT_NE(plain, gzip);  // two representations
  const Answer known = Ask("GET", "/", {}, Concat("If-None-Match: ", plain, "\r\n"));
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.body, "");
  EXPECT_EQ(known.Header("ETag"), plain);
  EXPECT_EQ(known.Header("Cache-Control"), "no-cache");
  EXPECT_EQ(Ask("GET", "/", {}, Concat("If-None-Match: ", gzip, "\r\n")).status, 200);
}

TEST_F(PageRoutesTest, TellsTheBrowserToBeStrict) {
  const Answer answer = Ask("GET", "/");
  const std::string policy = answer.Header("Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("script-src 'self'"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_EQ(answer.Header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.Header("Referrer-Policy"), "no-referrer");
}

TEST_F(PageRoutesTest, LetsNoPageOfOthersChangeAnything) {
  const Answer foreign =
      Ask("POST", "/api/v1/tests", kMinimalSpec, "Origin: http://elsewhere.example\r\n");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_EQ(foreign.Header("Content-Type"), "application/problem+json");
  EXPECT_EQ(Ask("POST", "/api/v1/tests/t1/stop", {}, "Sec-Fetch-Site: cross-site\r\n").status, 403);
  EXPECT_EQ(Ask("GET", "/api/v1/agents", {}, "Origin: http://elsewhere.example\r\n").status, 200);
  EXPECT_TRUE(commands_.asked().empty());
}

}  // namespace
}  // namespace broadside
