#include "common/core/fleet_messages.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(IncarnationTest, ReadsAs32HexDigitsInTheOrderOfItsBytes) {
  EXPECT_EQ(ToString(Incarnation{0x0123456789abcdef, 0xfedcba9876543210}),
            "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(ToString(Incarnation{0, 1}), "00000000000000000000000000000001");
}

TEST(IncarnationTest, ComesBackFromItsText) {
  const Incarnation incarnation{0xdeadbeef00000001, 0x8000000000000000};
  EXPECT_EQ(IncarnationFromString(ToString(incarnation)), incarnation);
  EXPECT_EQ(IncarnationFromString("DEADBEEF000000018000000000000000"), incarnation);
}

TEST(IncarnationTest, IsNoOtherText) {
  for (const char* text :
       {"", "0", "0000000000000000000000000000000", "000000000000000000000000000000000",
        "0000000000000000000000000000000g", "0x000000000000000000000000000000",
        " 0000000000000000000000000000001", "-0000000000000000000000000000001"}) {
    EXPECT_EQ(IncarnationFromString(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace broadside
