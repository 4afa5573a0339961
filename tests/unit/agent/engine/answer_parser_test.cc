#include "agent/engine/answer_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace broadside {
namespace {

using Result = AnswerParser::Result;

TEST(AnswerParserTest, TheSameAnswerInAnyTwoPiecesIsTheSame) {
  const std::string answer =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n"
      "Version: v7\r\nKeep-Alive: timeout=12, max=3\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: 1\r\n\r\n";
  AnswerParser parser;
  for (size_t cut = 1; cut < answer.size(); ++cut) {
    parser.Start(false, "version");
    EXPECT_EQ(parser.Put(answer.substr(0, cut)), Result::kMore) << cut;
    EXPECT_EQ(parser.Put(answer.substr(cut)), Result::kDone) << cut;
    EXPECT_EQ(parser.status(), 201);
    EXPECT_EQ(parser.version(), "v7");
    EXPECT_EQ(parser.idle_timeout_s(), 12);
    EXPECT_TRUE(parser.reusable());
  }
}

TEST(AnswerParserTest, AnotherAnswerStartsWithoutTheFieldsOfTheFirst) {
  AnswerParser parser;
  parser.Start(false, "V");
  EXPECT_EQ(
      parser.Put("HTTP/1.1 200 OK\r\nV: a\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n"),
      Result::kDone);
  parser.Start(false, "V");
  EXPECT_EQ(parser.Put("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Result::kDone);
  EXPECT_EQ(parser.version(), "");
  EXPECT_EQ(parser.idle_timeout_s(), std::nullopt);
}

TEST(AnswerParserTest, ALongVersionIsCut) {
  AnswerParser parser;
  parser.Start(false, "V");
  const std::string value(200, 'v');
  EXPECT_EQ(parser.Put("HTTP/1.1 200 OK\r\nV: " + value + "\r\nContent-Length: 0\r\n\r\n"),
            Result::kDone);
  EXPECT_EQ(parser.version(), value.substr(0, limits::kVersionBytesMax));
}

TEST(AnswerParserTest, ReusableFollowsTheProtocol) {
  const std::pair<std::string, bool> cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nX", false},
      {"HTTP/1.1 204 No Content\r\n\r\n", true},
  };
  for (const auto& [answer, reusable] : cases) {
    AnswerParser parser;
    parser.Start(false, "");
    EXPECT_EQ(parser.Put(answer), Result::kDone) << answer;
    EXPECT_EQ(parser.reusable(), reusable) << answer;
  }
}

TEST(AnswerParserTest, WhatIsNoHttpIsBadFromItsFirstByte) {
  for (const std::string_view text : {"X", "HTTP/2", "http/1.1 200", "\r\nHTTP/1.1 200 OK"}) {
    AnswerParser parser;
    parser.Start(false, "");
    EXPECT_EQ(parser.Put(text), Result::kBad) << text;
  }
}

TEST(AnswerParserTest, AnEndlessChunkHeaderIsBad) {
  AnswerParser parser;
  parser.Start(false, "");
  ASSERT_EQ(parser.Put("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;"), Result::kMore);
  const std::string piece(4096, 'x');
  int pieces = 0;
  while (parser.Put(piece) == Result::kMore) ASSERT_LT(++pieces, 100);
}

TEST(AnswerParserTest, AnEndWithoutAByteIsACut) {
  AnswerParser parser;
  parser.Start(false, "");
  EXPECT_EQ(parser.PutEnd(), Result::kCut);
}

// Random damage to a good answer, in random pieces: some result, no crash, and no more bytes kept
// than the limit (the sanitizers watch).
TEST(AnswerParserTest, DamagedAnswersHarmNothing) {
  const std::string good =
      "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n";
  constexpr int kCases = 5000;
  for (int seed = 0; seed < kCases; ++seed) {
    std::mt19937 random(static_cast<uint32_t>(seed));
    std::string text = good;
    for (uint32_t i = random() % 4; i > 0; --i) {
      text[random() % text.size()] = static_cast<char>(random() % 256);
    }
    AnswerParser parser;
    parser.Start(random() % 4 == 0, "content-type");
    Result result = Result::kMore;
    for (size_t at = 0; at < text.size() && result == Result::kMore;) {
      const size_t size = 1 + random() % 30;
      result = parser.Put(std::string_view(text).substr(at, size));
      at += size;
    }
    if (result == Result::kMore) parser.PutEnd();
  }
  RecordProperty("cases", kCases);
}

}  // namespace
}  // namespace broadside
