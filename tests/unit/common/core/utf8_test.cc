#include "common/core/utf8.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(Utf8Test, TakesCodePointsOfEveryLength) {
  std::string_view text = "a\u00e9\u20ac\U0001F680";
  EXPECT_EQ(NextCodePoint(text), U'a');
  EXPECT_EQ(NextCodePoint(text), U'\u00e9');
  EXPECT_EQ(NextCodePoint(text), U'\u20ac');
  EXPECT_EQ(NextCodePoint(text), U'\U0001F680');
  EXPECT_EQ(NextCodePoint(text), std::nullopt);
}

TEST(Utf8Test, RefusesWhatRfc3629Excludes) {
  const struct {
    std::string_view text;
    const char* why;
  } kRows[] = {
      {"\x80", "a continuation byte alone"},
      {"\xc0\x80", "an overlong NUL"},
      {"\xc1\xbf", "an overlong U+007F"},
      {"\xe0\x9f\xbf", "an overlong U+07FF"},
      {"\xf0\x8f\xbf\xbf", "an overlong U+FFFF"},
      {"\xed\xa0\x80", "the surrogate U+D800"},
      {"\xf4\x90\x80\x80", "U+110000"},
      {"\xf5\x80\x80\x80", "a lead byte that does not exist"},
      {"\xff", "0xff"},
      {"\xe2\x82", "a cut sequence"},
      {"\xe2\x28\xa1", "a sequence with a wrong second byte"},
  };
  for (const auto& row : kRows) {
    std::string_view rest = row.text;
    EXPECT_EQ(NextCodePoint(rest), std::nullopt) << row.why;
    EXPECT_EQ(rest, row.text) << row.why;
    EXPECT_FALSE(IsValidUtf8(row.text)) << row.why;
  }
}

// Encode and decode agree for every scalar value.
TEST(Utf8Test, ReadsEveryScalarValue) {
  int cases = 0;
  for (char32_t c = 1; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text;
    if (c < 0x80) {
      text = {static_cast<char>(c)};
    } else if (c < 0x800) {
      text = {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
    } else if (c < 0x10000) {
      text = {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f)),
              static_cast<char>(0x80 | (c & 0x3f))};
    } else {
      text = {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3f)),
              static_cast<char>(0x80 | (c >> 6 & 0x3f)), static_cast<char>(0x80 | (c & 0x3f))};
    }
    std::string_view rest = text;
    ASSERT_EQ(NextCodePoint(rest), c);
    ASSERT_TRUE(rest.empty());
    ++cases;
  }
  RecordProperty("cases", cases);
}

TEST(Utf8Test, CallsUnprintableWhatTerminalsWouldObey) {
  for (char32_t c :
       {U'\n', U'\x1b', U'\x7f', U'\x85', U'\u2028', U'\u202e', U'\u2066', U'\ufffe'}) {
    EXPECT_FALSE(IsPrintable(c)) << static_cast<uint32_t>(c);
  }
  for (char32_t c : {U' ', U'~', U'\u00a0', U'\u00e9', U'\u200d', U'\ufffd', U'\U0001F680'}) {
    EXPECT_TRUE(IsPrintable(c)) << static_cast<uint32_t>(c);
  }
}

TEST(Utf8Test, EscapesWhatWouldBreakTheLine) {
  EXPECT_EQ(Escaped("/headers/a\"b\\c"), "/headers/a\"b\\c") << "printable text stays";
  EXPECT_EQ(Escaped("a\r\nb\x1b[31m"), "a\\x0d\\x0ab\\x1b[31m");
  EXPECT_EQ(Escaped("\xff\u00e9\u2028"), "\\xff\u00e9\\xe2\\x80\\xa8");
  EXPECT_EQ(Escaped(Escaped("a\n")), "a\\x0a") << "once is enough";
}

TEST(Utf8Test, QuotesForErrorMessages) {
  EXPECT_EQ(Quoted("plain"), "\"plain\"");
  EXPECT_EQ(Quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(Quoted("a\r\n\x1b[31m"), "\"a\\x0d\\x0a\\x1b[31m\"");
  EXPECT_EQ(Quoted("\xff\u00e9"), "\"\\xff\u00e9\"");
  EXPECT_EQ(Quoted("abcdef", 3), "\"abc...\"");
}

}  // namespace
}  // namespace broadside
