#include "cli/target/request_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace broadside {
namespace {

using Result = RequestParser::Result;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// Parses one request given whole.
Request ParseWhole(std::string_view text) {
  RequestParser parser;
  EXPECT_EQ(parser.Parse(text), Result::kComplete) << parser.bad_reason();
  EXPECT_TRUE(text.empty());
  return parser.request();
}

int BadStatus(std::string_view text) {
  RequestParser parser;
  const Result result = parser.Parse(text);
  return result == Result::kBad ? parser.bad_status() : result == Result::kComplete ? 200 : 0;
}

TEST(RequestParserTest, ReadsAPlainRequest) {
  const Request request = ParseWhole(kGet);
  EXPECT_EQ(request.method, Method::kGet);
  EXPECT_EQ(request.route, Route::kOrdinary);
  EXPECT_TRUE(request.keep_alive);
  EXPECT_FALSE(request.has_slot);
  EXPECT_EQ(request.wire_bytes, kGet.size());
}

TEST(RequestParserTest, SkipsBodiesByLength) {
  const std::string text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nG\r\n\r\n";
  EXPECT_EQ(ParseWhole(text).wire_bytes, text.size());
}

TEST(RequestParserTest, SkipsChunkedBodiesWithExtensionsAndTrailers) {
  const std::string text =
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5\r\nhello\r\nA;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
  EXPECT_EQ(ParseWhole(text).wire_bytes, text.size());
}

TEST(RequestParserTest, LeavesTheNextRequest) {
  const std::string two = kGet + "HEAD";
  std::string_view input = two;
  RequestParser parser;
  ASSERT_EQ(parser.Parse(input), Result::kComplete);
  EXPECT_EQ(input, "HEAD");
}

TEST(RequestParserTest, KnowsWhetherTheConnectionIsKept) {
  const auto kept = [](const std::string& version, const std::string& fields) {
    return ParseWhole("GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n").keep_alive;
  };
  EXPECT_TRUE(kept("1.1", ""));
  EXPECT_TRUE(kept("1.1", "Connection: keep-alive, upgrade\r\n"));
  EXPECT_FALSE(kept("1.1", "connection: foo, CLOSE\r\n"));
  EXPECT_FALSE(kept("1.0", ""));
  EXPECT_TRUE(kept("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(RequestParserTest, KnowsTheControlRoutes) {
  const auto route = [](const std::string& target) {
    return ParseWhole("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n").route;
  };
  EXPECT_EQ(route("/__target/stats"), Route::kStats);
  EXPECT_EQ(route("/__target/stats?x=1"), Route::kStats);
  EXPECT_EQ(route("http://a:80/__target/stats"), Route::kStats);
  EXPECT_EQ(route("/__target/reset"), Route::kReset);
  EXPECT_EQ(route("/__target/other"), Route::kOtherControl);
  EXPECT_EQ(route("/__targets"), Route::kOrdinary);
  EXPECT_EQ(route("*"), Route::kOrdinary);
}

TEST(RequestParserTest, ReadsTheSlot) {
  const auto slot = [](const std::string& value) {
    const Request request =
        ParseWhole("GET / HTTP/1.1\r\nHost: a\r\nx-broadside-slot:" + value + "\r\n\r\n");
    EXPECT_TRUE(request.has_slot);
    return request.slot;
  };
  EXPECT_EQ(slot(" 0"), 0);
  EXPECT_EQ(slot("123456 "), 123456);
  EXPECT_EQ(slot(" -1"), -1);
  EXPECT_EQ(slot(""), -1);
  EXPECT_EQ(slot(" 9999999999999999999"), -1);  // 19 digits
}

TEST(RequestParserTest, AsksOnceForContinue) {
  std::string_view input =
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
  RequestParser parser;
  EXPECT_EQ(parser.Parse(input), Result::kNeedMore);
  EXPECT_TRUE(parser.TakeContinue());
  EXPECT_FALSE(parser.TakeContinue());
}

TEST(RequestParserTest, BadRequestsAreToldApart) {
  const auto with = [](const std::string& fields) {
    return BadStatus("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
  };
  EXPECT_EQ(BadStatus("GET /\r\n"), 400);
  EXPECT_EQ(BadStatus("GET / HTTP/1.1 \r\n"), 400);
  EXPECT_EQ(BadStatus(" / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(BadStatus("G{T / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(BadStatus("GET /a b HTTP/1.1\r\n"), 400);
  EXPECT_EQ(BadStatus("GET  HTTP/1.1\r\n"), 400);
  EXPECT_EQ(BadStatus("GET / HTTP/2.0\r\n"), 505);
  EXPECT_EQ(BadStatus("GET / http/1.1\r\n"), 400);
  EXPECT_EQ(BadStatus("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(BadStatus("GET / HTTP/1.1\r\n\r\n"), 400);  // no Host
  EXPECT_EQ(BadStatus("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(with("Host: b\r\n"), 400);
  EXPECT_EQ(with("no colon\r\n"), 400);
  EXPECT_EQ(with(": x\r\n"), 400);
  EXPECT_EQ(with("A : x\r\n"), 400);
  EXPECT_EQ(with("A: x\r\n folded\r\n"), 400);
  EXPECT_EQ(with("A: x\ry\r\n"), 400);
  EXPECT_EQ(with(std::string("A: x\0y\r\n", 8)), 400);
  EXPECT_EQ(with("Content-Length: x\r\n"), 400);
  EXPECT_EQ(with("Content-Length: -1\r\n"), 400);
  EXPECT_EQ(with("Content-Length: 1, 1\r\n"), 400);
  EXPECT_EQ(with("Content-Length: 1\r\nContent-Length: 2\r\n"), 400);
  EXPECT_EQ(with("Content-Length: 9999999999999999999\r\n"), 400);
  EXPECT_EQ(with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(with("Transfer-Encoding: gzip\r\n"), 501);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\n\r\nx\r\n"), 400);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\n\r\n\r\n"), 400);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"), 400);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n"), 400);
}

TEST(RequestParserTest, HeadersOver64KiBAreRefused) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  const auto padded = [&](size_t total) {  // "A: " + CR LF + CR LF are 7 bytes
    return start + "A: " + std::string(total - start.size() - 7, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(BadStatus(padded(65536)), 200);
  EXPECT_EQ(BadStatus(padded(65537)), 431);
  EXPECT_EQ(BadStatus(start + std::string(65536, 'x')), 431);  // before the line ends
  std::string many = start;
  while (many.size() <= 65536) many += "A: b\r\n";
  EXPECT_EQ(BadStatus(many), 431);
  EXPECT_EQ(BadStatus(std::string(65537, '\n').insert(0, "\r")), 400);
}

TEST(RequestParserTest, LongChunkLinesAreRefused) {
  EXPECT_EQ(BadStatus("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                      std::string(2000, 'x')),
            400);
}

// However the bytes of a stream are cut, the requests in it are the same.
TEST(RequestParserTest, CutsBetweenReadsDoNotMatter) {
  const std::string stream =
      kGet +
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nX-Broadside-Slot: "
      "5\r\n\r\nhello\r\n\r\nxx" +
      "PUT /__target/stats HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" +
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Broadside-Slot: 6\r\n\r\n" +
      "3\r\nabc\r\n1f;x\r\n0123456789012345678901234567890\r\n0\r\nT: u\r\n\r\n" + kGet;
  constexpr uint32_t kSeed = 20151;
  constexpr int kCases = 2000;
  std::mt19937 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    RequestParser parser;
    std::string carry;
    std::vector<uint64_t> sizes;
    std::vector<int64_t> slots;
    for (size_t at = 0; at < stream.size();) {
      const size_t length =
          std::min<size_t>(random() % (1 + random() % 60) + 1, stream.size() - at);
      carry += stream.substr(at, length);
      at += length;
      std::string_view input = carry;
      while (parser.Parse(input) == Result::kComplete) {
        sizes.push_back(parser.request().wire_bytes);
        if (parser.request().has_slot) slots.push_back(parser.request().slot);
        parser.Reset();
      }
      carry = std::string(input);
    }
    ASSERT_EQ(sizes.size(), 5u) << "seed " << kSeed << " case " << i;
    uint64_t total = 0;
    for (const uint64_t size : sizes) total += size;
    ASSERT_EQ(total, stream.size()) << "seed " << kSeed << " case " << i;
    ASSERT_EQ(slots, (std::vector<int64_t>{5, 6})) << "seed " << kSeed << " case " << i;
  }
  RecordProperty("cases", kCases);
}

// Random bytes and random changes of good requests never confuse it beyond a bad request.
TEST(RequestParserTest, SurvivesChangedRequests) {
  const std::string good =
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
  constexpr uint32_t kSeed = 42;
  constexpr int kCases = 20'000;
  std::mt19937 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    std::string text = good;
    for (uint32_t changes = random() % 8; changes > 0; --changes) {
      const size_t at = random() % text.size();
      if (random() % 2 == 0) text[at] = static_cast<char>(random());
      if (random() % 3 == 0) text.erase(at, random() % 5);
      if (random() % 3 == 0) text.insert(at, 1, "\r\n :;0"[random() % 6]);
      if (text.empty()) text = "\r";
    }
    RequestParser parser;
    std::string_view input = text;
    while (parser.Parse(input) == Result::kComplete) parser.Reset();
    ASSERT_LE(input.size(), text.size()) << "seed " << kSeed << " case " << i;
  }
  RecordProperty("cases", kCases);
}

}  // namespace
}  // namespace broadside
