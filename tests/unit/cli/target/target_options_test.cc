#include "cli/target/target_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace broadside {
namespace {

using testing::AllOf;
using testing::HasSubstr;

auto Names(const std::string& option, const std::string& value) {
  return AllOf(HasSubstr(option), HasSubstr("'" + value + "'"), HasSubstr("allowed: "));
}

template <typename T>
std::string Message(const absl::StatusOr<T>& result) {
  return std::string(result.status().message());
}

TEST(StallTest, ParsesWithAndWithoutRepetition) {
  EXPECT_EQ(*ParseStall("at=3s,for=1s"), (Stall{Seconds(3), Seconds(1)}));
  EXPECT_EQ(*ParseStall("every=10s,for=1s,at=3s"), (Stall{Seconds(3), Seconds(1), Seconds(10)}));
}

TEST(StallTest, ErrorsNameOptionValueAndWhatIsAllowed) {
  for (const std::string text :
       {"", "3s", "at=3s", "for=1s", "at=3s,for=0s", "at=3s,for=2h", "at=-1s,for=1s",
        "at=3s,for=1s,every=1s", "at=3s,for=1s,every=0s", "at=3s,for=1s,when=2s",
        "at=3s,at=3s,for=1s", "at=3,for=1s", "at=200h,for=1s"}) {
    const auto stall = ParseStall(text);
    ASSERT_FALSE(stall.ok()) << text;
    EXPECT_THAT(Message(stall), Names("--stall", text));
  }
}

TEST(StallTest, HoldsFromItsStartUntilBeforeItsEnd) {
  const Stall stall{Seconds(3), Seconds(1)};
  EXPECT_EQ(stall.EndAt(Seconds(3) - Nanos(1)), std::nullopt);
  EXPECT_EQ(stall.EndAt(Seconds(3)), Seconds(4));
  EXPECT_EQ(stall.EndAt(Seconds(4) - Nanos(1)), Seconds(4));
  EXPECT_EQ(stall.EndAt(Seconds(4)), std::nullopt);
  EXPECT_EQ(stall.EndAt(Seconds(13)), std::nullopt);
}

TEST(StallTest, ComesAgainWhereItRepeats) {
  const Stall stall{Seconds(3), Seconds(1), Seconds(10)};
  EXPECT_EQ(stall.EndAt(Seconds(2)), std::nullopt);
  EXPECT_EQ(stall.EndAt(Seconds(13)), Seconds(14));
  EXPECT_EQ(stall.EndAt(Seconds(14)), std::nullopt);
  EXPECT_EQ(stall.EndAt(Seconds(1003) + Millis(500)), Seconds(1004));
}

TEST(StallTest, OverlappingStallsEndWithTheLast) {
  const std::vector<Stall> stalls = {{Seconds(1), Seconds(5)}, {Seconds(2), Seconds(1)}};
  EXPECT_EQ(StallEnd(stalls, Millis(2500)), Seconds(6));
  EXPECT_EQ(StallEnd(stalls, Millis(500)), std::nullopt);
  EXPECT_EQ(StallEnd({}, Seconds(1)), std::nullopt);
}

TEST(TargetOptionsTest, ParsesListenAddresses) {
  EXPECT_EQ(*ParseListenAddress("127.0.0.1:8000"), (ListenAddress{"127.0.0.1", 8000}));
  EXPECT_EQ(*ParseListenAddress("localhost:0"), (ListenAddress{"127.0.0.1", 0}));
  EXPECT_EQ(*ParseListenAddress(":65535"), (ListenAddress{"0.0.0.0", 65535}));
  EXPECT_EQ(*ParseListenAddress("[::1]:80"), (ListenAddress{"::1", 80}));
}

TEST(TargetOptionsTest, RefusesOtherListenAddresses) {
  for (const std::string text : {"", "8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                 "127.0.0.1:-1", "127.0.0.1:8k", "host:80", "::1:80", "[::1]"}) {
    EXPECT_THAT(Message(ParseListenAddress(text)), Names("--listen", text)) << text;
  }
}

TEST(TargetOptionsTest, ParsesErrorRates) {
  EXPECT_EQ(*ParseErrorRate("0"), 0);
  EXPECT_EQ(*ParseErrorRate("1"), 1);
  EXPECT_DOUBLE_EQ(*ParseErrorRate("0.01"), 0.01);
  EXPECT_DOUBLE_EQ(*ParseErrorRate("2.5%"), 0.025);
  for (const std::string text : {"", "%", "-0.1", "1.1", "101%", "nan", "x"}) {
    EXPECT_THAT(Message(ParseErrorRate(text)), Names("--error-rate", text)) << text;
  }
}

TEST(TargetOptionsTest, ParsesBodySizesUpTo64MiB) {
  EXPECT_EQ(*ParseBodySize("0"), 0u);
  EXPECT_EQ(*ParseBodySize("1024"), 1024u);
  EXPECT_EQ(*ParseBodySize("64KiB"), 65536u);
  EXPECT_EQ(*ParseBodySize("64MiB"), 67108864u);
  for (const std::string text : {"", "MiB", "65MiB", "67108865", "-1", "1.5MiB", "1kB",
                                 "99999999999999999999", "18446744073709551615KiB"}) {
    EXPECT_THAT(Message(ParseBodySize(text)), Names("--body-size", text)) << text;
  }
}

TEST(TargetOptionsTest, ParsesVersionHeaders) {
  EXPECT_EQ(*ParseVersionHeader("0.2"), (VersionHeader{"X-Version", "0.2"}));
  EXPECT_EQ(*ParseVersionHeader("X-Build: 7 b"), (VersionHeader{"X-Build", "7 b"}));
  for (const std::string text : {"", "X-Version:", ": 1", "a b: 1", "X: a\r\nY: b", "0.2\n"}) {
    const auto header = ParseVersionHeader(text);
    if (text == "0.2\n") {
      EXPECT_EQ(header->value, "0.2");  // white space around it is dropped
    } else {
      EXPECT_THAT(Message(header), Names("--version-header", text)) << text;
    }
  }
}

TEST(TargetOptionsTest, ValidateNamesTheFirstOptionOutOfBounds) {
  EXPECT_TRUE(Validate({}).ok());
  const auto message = [](const TargetOptions& options) {
    return std::string(Validate(options).message());
  };
  EXPECT_THAT(message({.threads = 0}), Names("--threads", "0"));
  EXPECT_THAT(message({.threads = 65}), Names("--threads", "65"));
  EXPECT_THAT(message({.error_rate = 1.5}), Names("--error-rate", "1.5"));
  EXPECT_THAT(message({.body_bytes = (64u << 20) + 1}), Names("--body-size", "67108865"));
  EXPECT_THAT(message({.version = {"X", "a\r\n"}}), Names("--version-header", "X: a\r\n"));
  EXPECT_THAT(message({.listen = {"nowhere", 1}}), Names("--listen", "nowhere"));
  EXPECT_THAT(message({.stalls = std::vector<Stall>(101)}), Names("--stall", "101 times"));
}

}  // namespace
}  // namespace broadside
