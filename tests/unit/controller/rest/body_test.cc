#include "controller/rest/body.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(BodyHashTest, IgnoresWhiteSpaceEscapesAndTheOrderOfKeys) {
  const uint64_t hash = BodyHash(R"({"a":[1,"x"],"b":{"c":true}})");
  EXPECT_EQ(BodyHash(" { \"b\" : { \"c\" : true }, \"a\" : [ 1, \"\\u0078\" ] }\n"), hash);
}

TEST(BodyHashTest, TellsContentsApart) {
  const char* bodies[] = {R"({})",        R"({"a":1})",    R"({"a":"1"})",      R"({"a":[1]})",
                          R"({"a":2})",   R"({"a":null})", R"({"a":true})",     R"({"a":false})",
                          R"({"b":1})",   R"({"a":[]})",   R"({"a":[[],1]})",   R"({"a":[[1]]})",
                          R"({"ab":""})", R"({"a":"b"})",  R"({"a":"","b":""})"};
  for (const char* one : bodies) {
    for (const char* other : bodies) {
      if (one == other) continue;
      EXPECT_NE(BodyHash(one), BodyHash(other)) << one << " " << other;
    }
  }
}

TEST(BodyHashTest, IsTheSameForEver) {
  // Stored with each test; a change would refuse the retry of a start that an earlier version
  // answered.
  EXPECT_EQ(BodyHash("{\"a\":[1,\"x\"]}"), 0xb46efbacc7d4806du);
  EXPECT_EQ(BodyHash("no json"), 0u);
}

}  // namespace
}  // namespace broadside
