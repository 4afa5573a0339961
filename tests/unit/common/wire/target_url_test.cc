#include "common/wire/target_url.h"

#include <gtest/gtest.h>

#include "common/core/status.h"

namespace broadside {
namespace {

TEST(TargetUrlTest, TakesHostPortAndPathAsGiven) {
  const struct {
    const char* url;
    const char* host;
    uint16_t port;
    const char* path;
  } kRows[] = {
      {"http://svc.shop:8080/cart", "svc.shop", 8080, "/cart"},
      {"http://svc", "svc", 80, "/"},
      {"http://svc/", "svc", 80, "/"},
      {"http://svc:/", "svc", 80, "/"},
      {"HTTP://svc/", "svc", 80, "/"},
      {"http://svc?x=1", "svc", 80, "/?x=1"},
      {"http://svc/?", "svc", 80, "/?"},
      {"http://svc/a%2Fb/../c?q=%20&r=a+b", "svc", 80, "/a%2Fb/../c?q=%20&r=a+b"},
      {"http://[::1]:81/x", "::1", 81, "/x"},
      {"http://[2001:db8::1]", "2001:db8::1", 80, "/"},
      {"http://127.0.0.1:65535/", "127.0.0.1", 65535, "/"},
      {"http://under_score.example/", "under_score.example", 80, "/"},
      {"https://svc/x", "svc", 443, "/x"},
      {"http://svc/~a/b;c=1/!$&'()*+,=:@", "svc", 80, "/~a/b;c=1/!$&'()*+,=:@"},
  };
  for (const auto& row : kRows) {
    Target target;
    const absl::Status s = ParseTargetUrl(row.url, target);
    ASSERT_TRUE(s.ok()) << row.url << ": " << s;
    EXPECT_EQ(target.url, row.url);
    EXPECT_EQ(target.host, row.host) << row.url;
    EXPECT_EQ(target.port, row.port) << row.url;
    EXPECT_EQ(target.path, row.path) << row.url;
  }
}

TEST(TargetUrlTest, SaysWhatIsWrong) {
  const struct {
    std::string url;
    const char* error;
  } kRows[] = {
      {"", "is empty"},
      {"svc/cart", "\"svc/cart\" is no URL (such as http://host:8080/path)"},
      {"/cart", "\"/cart\" is no URL (such as http://host:8080/path)"},
      {"http:///cart", "has no host"},
      {"http://", "has no host"},
      {"http://:80/", "has no host"},
      {"http:cart", "\"http:cart\" has no host (such as http://host:8080/path)"},
      {"localhost:8080/x", "scheme \"localhost\" is not supported; use http"},
      {"ftp://svc/", "scheme \"ftp\" is not supported; use http"},
      {"http://svc:0/", "port \"0\" is not within 1 to 65535"},
      {"http://svc:65536/", "port \"65536\" is not within 1 to 65535"},
      {"http://svc:99999999999999999999/",
       "port \"99999999999999999999\" is not within 1 to 65535"},
      {"http://svc:8x/", "\"http://svc:8x/\" is no URL (such as http://host:8080/path)"},
      {"http://[::1]x/", "\"http://[::1]x/\" is no URL (such as http://host:8080/path)"},
      {"http://[::1/", "\"http://[::1/\" is no URL (such as http://host:8080/path)"},
      {"http://[v1.x]/", "host \"[v1.x]\" is no IPv6 address"},
      {"http://a%20b/", "host \"a%20b\" is percent-encoded; write the name itself"},
      {"http://u:p@svc/", "has a user name or password; send an Authorization header instead"},
      {"http://svc/#top", "has a fragment (\"#\"), which is never sent"},
      {"http://svc/a b", "character 13 is not allowed in a URL: \" \"; percent-encode it"},
      {"http://svc/\r\nX: y", "character 12 is not allowed in a URL: \"\\x0d\"; percent-encode it"},
      {"http://svc/{id}", "character 12 is not allowed in a URL: \"{\"; percent-encode it"},
      {"http://m\u00fcnchen/",
       "character 9 is not allowed in a URL: \"\\xc3\"; percent-encode it, or write a host in "
       "punycode"},
      {"http://svc/%zz", "\"http://svc/%zz\" is no URL (such as http://host:8080/path)"},
      {"http://" + std::string(254, 'a') + "/", "host: 254 bytes exceed 253"},
      {"http://svc/" + std::string(8192, 'a'), "8203 bytes exceed 8192"},
  };
  for (const auto& row : kRows) {
    Target target;
    const absl::Status s = ParseTargetUrl(row.url, target);
    EXPECT_EQ(s.message(), row.error) << row.url.substr(0, 40);
    EXPECT_EQ(target, Target()) << row.url.substr(0, 40);
  }
}

}  // namespace
}  // namespace broadside
