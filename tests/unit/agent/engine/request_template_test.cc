#include "agent/engine/request_template.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TestSpec Spec() {
  TestSpec spec;
  spec.target.host = "shop";
  spec.target.port = 8080;
  spec.target.path = "/cart?x=1";
  return spec;
}

std::string Bytes(const TestSpec& spec) {
  return std::string(RequestTemplate(spec, "agent/1", false).ForSlot(0));
}

TEST(RequestTemplateTest, AGetHasHostAndUserAgentAndNoLength) {
  EXPECT_EQ(Bytes(Spec()),
            "GET /cart?x=1 HTTP/1.1\r\nHost: shop:8080\r\nUser-Agent: agent/1\r\n\r\n");
}

TEST(RequestTemplateTest, TheDefaultPortIsNotNamed) {
  TestSpec spec = Spec();
  spec.target.port = 80;
  EXPECT_NE(Bytes(spec).find("Host: shop\r\n"), std::string::npos);
}

TEST(RequestTemplateTest, AnIpv6HostIsBracketed) {
  TestSpec spec = Spec();
  spec.target.host = "::1";
  EXPECT_NE(Bytes(spec).find("Host: [::1]:8080\r\n"), std::string::npos);
}

TEST(RequestTemplateTest, TheSpecOverridesHostAndUserAgent) {
  TestSpec spec = Spec();
  spec.target.headers = {{"host", "other"}, {"USER-AGENT", "mine"}, {"Accept", "*/*"}};
  EXPECT_EQ(Bytes(spec),
            "GET /cart?x=1 HTTP/1.1\r\nhost: other\r\nUSER-AGENT: mine\r\nAccept: */*\r\n\r\n");
}

TEST(RequestTemplateTest, ABodyHasALength) {
  TestSpec spec = Spec();
  spec.target.method = "POST";
  spec.target.body = "hello";
  EXPECT_TRUE(Bytes(spec).ends_with("Content-Length: 5\r\n\r\nhello"));
}

TEST(RequestTemplateTest, AnEmptyPostHasLengthZero) {
  TestSpec spec = Spec();
  spec.target.method = "POST";
  EXPECT_TRUE(Bytes(spec).ends_with("Content-Length: 0\r\n\r\n"));
}

TEST(RequestTemplateTest, WithoutKeepaliveTheServerIsAskedToClose) {
  TestSpec spec = Spec();
  spec.connections.keepalive = false;
  EXPECT_TRUE(Bytes(spec).ends_with("Connection: close\r\n\r\n"));
}

TEST(RequestTemplateTest, TheSlotIsPatchedInPlace) {
  RequestTemplate request(Spec(), "agent/1", true);
  EXPECT_TRUE(request.ForSlot(42).ends_with("X-Broadside-Slot: 0000000000042\r\n\r\n"));
  EXPECT_TRUE(
      request.ForSlot(9'000'000'000'000).ends_with("X-Broadside-Slot: 9000000000000\r\n\r\n"));
}

TEST(RequestTemplateTest, IdempotentMethodsAreThoseOfTheRfc) {
  for (const auto& [method, idempotent] :
       std::vector<std::pair<std::string, bool>>{{"GET", true},
                                                 {"HEAD", true},
                                                 {"PUT", true},
                                                 {"DELETE", true},
                                                 {"OPTIONS", true},
                                                 {"TRACE", true},
                                                 {"POST", false},
                                                 {"PATCH", false},
                                                 {"PURGE", false}}) {
    TestSpec spec = Spec();
    spec.target.method = method;
    EXPECT_EQ(RequestTemplate(spec, "a", false).is_idempotent(), idempotent) << method;
  }
}

}  // namespace
}  // namespace broadside
