#include "common/net/log.h"

#include <gtest/gtest.h>

#include <string>

namespace broadside {
namespace {

// 2026-01-02T03:04:05.678Z
constexpr int64_t kMillis = 1767323045678;

TEST(LogTest, WritesLogfmt) {
  EXPECT_EQ(FormatLogLine(LogLevel::kInfo, "agent_joined", {{"name", "agent-1"}, {"threads", "4"}},
                          kMillis, false),
            "ts=2026-01-02T03:04:05.678Z level=info event=agent_joined name=agent-1 threads=4");
}

TEST(LogTest, WritesJson) {
  EXPECT_EQ(
      FormatLogLine(LogLevel::kError, "store_failed", {{"path", "/a b"}}, kMillis, true),
      R"({"ts":"2026-01-02T03:04:05.678Z","level":"error","event":"store_failed","path":"/a b"})");
}

TEST(LogTest, QuotesWhatLogfmtNeedsQuoted) {
  const auto value_of = [](const std::string& value) {
    const std::string line = FormatLogLine(LogLevel::kWarn, "e", {{"v", value}}, 0, false);
    return line.substr(line.find("v=", line.find("event=e")) + 2);
  };
  EXPECT_EQ(value_of("plain:80/x?y"), "plain:80/x?y");
  EXPECT_EQ(value_of(""), R"("")");
  EXPECT_EQ(value_of("two words"), R"("two words")");
  EXPECT_EQ(value_of("a=b"), R"("a=b")");
  EXPECT_EQ(value_of(R"(say "hi" \)"), R"("say \"hi\" \\")");
}

TEST(LogTest, KeepsALineALine) {
  // A value from the outside must not forge a second line.
  EXPECT_EQ(FormatLogLine(LogLevel::kInfo, "e", {{"v", "a\nlevel=error\x01"}}, 0, false),
            "ts=1970-01-01T00:00:00.000Z level=info event=e v=\"a\\nlevel=error\\u0001\"");
}

TEST(LogTest, ParsesLevels) {
  LogLevel level = LogLevel::kOff;
  EXPECT_TRUE(ParseLogLevel("debug", &level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_TRUE(ParseLogLevel("warn", &level));
  EXPECT_EQ(level, LogLevel::kWarn);
  EXPECT_FALSE(ParseLogLevel("WARN", &level));
  EXPECT_EQ(level, LogLevel::kWarn);
}

}  // namespace
}  // namespace broadside
