#include "common/wire/duration.h"

#include <gtest/gtest.h>

#include <random>

#include "common/core/limits.h"
#include "common/core/status.h"

namespace broadside {
namespace {

TEST(DurationTest, ReadsGosForm) {
  const struct {
    const char* text;
    int64_t ms;
  } kRows[] = {
      {"0", 0},
      {"0s", 0},
      {"1m30s", 90'000},
      {"250ms", 250},
      {"1.5s", 1'500},
      {".5s", 500},
      {"1.s", 1'000},
      {"2h45m", 9'900'000},  // 2 * 3600 s + 45 * 60 s
      {"1000us", 1},
      {"1000\u00b5s", 1},
      {"1000\u03bcs", 1},
      {"500000ns500us", 1},  // 0.5 ms + 0.5 ms
      {"0.001s", 1},
      {"0.000125h", 450},  // 0.000125 * 3600 s
      {"1.50000000000000s", 1'500},
      {"000000000000001s", 1'000},
      {"168h", 604'800'000},
      {"30s1m", 90'000},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<Millis> parsed = ParseDuration(row.text);
    ASSERT_TRUE(parsed.ok()) << row.text << ": " << parsed.status();
    EXPECT_EQ(parsed->count(), row.ms) << row.text;
  }
}

TEST(DurationTest, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* error;
  } kRows[] = {
      {"", "\"\" is no duration (such as 30s, 1m30s or 250ms)"},
      {"30", "\"30\" has no unit (such as 30s, 1m30s or 250ms)"},
      {"1m30", "\"1m30\" has no unit (such as 30s, 1m30s or 250ms)"},
      {"s", "\"s\" is no duration (such as 30s, 1m30s or 250ms)"},
      {".s", "\".s\" is no duration (such as 30s, 1m30s or 250ms)"},
      {"-1s", "\"-1s\" is negative"},
      {"+1s", "\"+1s\" is no duration (such as 30s, 1m30s or 250ms)"},
      {"1 s", "\"1 s\" has an unknown unit (units: ns, us, ms, s, m, h)"},
      {"1d", "\"1d\" has an unknown unit (units: ns, us, ms, s, m, h)"},
      {"1S", "\"1S\" has an unknown unit (units: ns, us, ms, s, m, h)"},
      {"1e3s", "\"1e3s\" has an unknown unit (units: ns, us, ms, s, m, h)"},
      {"1us", "\"1us\" is no whole number of milliseconds"},
      {"1.5ms", "\"1.5ms\" is no whole number of milliseconds"},
      {"0.0000000001h", "\"0.0000000001h\" is no whole number of milliseconds"},
      {"99999999999h", "\"99999999999h\" is too long"},
      {"1s ", "\"1s \" is no duration (such as 30s, 1m30s or 250ms)"},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<Millis> parsed = ParseDuration(row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed.status().message(), row.error);
  }
}

TEST(DurationTest, HoldsTheLargestTermsWithoutOverflow) {
  std::string text;
  for (int i = 0; i < 9; ++i) text += "9999999999h";  // 99 bytes
  EXPECT_EQ(ParseDuration(text).value().count(), 9 * 9'999'999'999 * 3'600'000);
}

TEST(DurationTest, WritesTheShortestForm) {
  const struct {
    int64_t ms;
    const char* text;
  } kRows[] = {{0, "0s"},
               {1, "1ms"},
               {250, "250ms"},
               {1'000, "1s"},
               {1'500, "1.5s"},
               {1'001, "1.001s"},
               {60'000, "1m"},
               {90'000, "1m30s"},
               {3'600'000, "1h"},
               {3'600'001, "1h0.001s"},
               {604'800'000, "168h"}};
  for (const auto& row : kRows) EXPECT_EQ(FormatDuration(Millis(row.ms)), row.text);
}

TEST(DurationTest, ReadsBackWhatItWrites) {
  constexpr uint32_t kSeed = 20261125;
  constexpr int kCases = 100'000;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    const int shift = static_cast<int>(random() % 30);
    const Millis duration(static_cast<int64_t>(random() % limits::kTestDurationMax.count()) >>
                          shift);
    ASSERT_EQ(ParseDuration(FormatDuration(duration)).value(), duration)
        << "seed " << kSeed << " case " << i << " " << duration.count() << " ms";
  }
  RecordProperty("cases", kCases);
}

}  // namespace
}  // namespace broadside
