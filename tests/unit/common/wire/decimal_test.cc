#include "common/wire/decimal.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/test_spec.h"

namespace broadside {
namespace {

using Decimal = std::variant<int64_t, DecimalError>;

TEST(DecimalTest, IsExact) {
  const struct {
    const char* text;
    int decimals;
    Decimal value;
  } kRows[] = {
      {"0", 0, 0},
      {"-0", 0, 0},
      {"0e999999999", 0, 0},
      {"42", 0, 42},
      {"5.0", 0, 5},
      {"5e3", 0, 5000},
      {"5E+3", 0, 5000},
      {"5000e-3", 0, 5},
      {"0.1", 6, 100'000},
      {"-1.50", 1, -15},
      {"1.000001", 6, 1'000'001},
      {"0.0000010", 6, 1},
      {"0.0000001", 6, DecimalError::kTooPrecise},
      {"1.5", 0, DecimalError::kTooPrecise},
      {"1e-999999999999999999999", 6, DecimalError::kTooPrecise},
      {"999999999999999999", 0, 999'999'999'999'999'999},
      {"1e17", 0, 100'000'000'000'000'000},
      {"1e18", 0, DecimalError::kTooLarge},
      {"-1e18", 0, DecimalError::kTooSmall},
      {"1e999999999999999999999", 0, DecimalError::kTooLarge},
      {"", 0, DecimalError::kNotANumber},
      {"-", 0, DecimalError::kNotANumber},
      {"1.", 0, DecimalError::kNotANumber},
      {".5", 1, DecimalError::kNotANumber},
      {"1e", 0, DecimalError::kNotANumber},
      {"1x", 0, DecimalError::kNotANumber},
      {"0x10", 0, DecimalError::kNotANumber},
      {"+1", 0, DecimalError::kNotANumber},
  };
  for (const auto& row : kRows)
    EXPECT_EQ(ParseDecimal(row.text, row.decimals), row.value) << row.text;
}

TEST(MicroRateTest, ReadsRatesExactly) {
  const struct {
    const char* text;
    MicroRate rate;
  } kRows[] = {
      {"0", 0},
      {"0.1", 100'000},
      {"1000", 1'000'000'000},
      {"1e7", 10'000'000'000'000},
      {"0.000001", 1},
      {"9999999.999999", 9'999'999'999'999},
      {"1.10", 1'100'000},
      {"0.10000000000000001", 100'000},  // the double 0.1, with 17 digits
      {"1234567.8910109999", 1'234'567'891'011},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<MicroRate> rate = ParseMicroRate(row.text);
    ASSERT_TRUE(rate.ok()) << row.text << " " << rate.status();
    EXPECT_EQ(*rate, row.rate) << row.text;
  }
}

TEST(MicroRateTest, NamesValueAndLimit) {
  const struct {
    const char* text;
    const char* error;
  } kRows[] = {
      {"0.1234567", "0.1234567 has more than 6 decimals"},
      {"0.30000000000000004", "0.30000000000000004 has more than 6 decimals"},  // 0.1 + 0.2
      {"1e-7", "1e-7 has more than 6 decimals"},
      {"20000000", "20000000 exceeds 10000000"},
      {"2e7", "20000000 exceeds 10000000"},
      {"10000000.000001", "10000000.000001 exceeds 10000000"},
      {"1e300", "1e300 exceeds 10000000"},
      {"-1", "-1 is below 0"},
      {"-1e300", "-1e300 is below 0"},
      {"1x", "\"1x\" is no number"},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<MicroRate> rate = ParseMicroRate(row.text);
    ASSERT_FALSE(rate.ok()) << row.text;
    EXPECT_EQ(rate.status().message(), row.error);
  }
}

// Both ways in which a rate is printed: decimal text, and a double as nlohmann writes it (which is
// not always the shortest).
TEST(MicroRateTest, ComesBackFromItsTextAndFromItsDouble) {
  constexpr uint32_t kSeed = 20261126;
  constexpr int kCases = 300'000;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    const int shift = static_cast<int>(random() % 40);
    const MicroRate rate = static_cast<int64_t>(random() % (limits::kMicroRateMax + 1)) >> shift;
    ASSERT_EQ(ParseMicroRate(FormatMicroRate(rate)).value(), rate)
        << "seed " << kSeed << " " << rate;
    const std::string text = nlohmann::json(static_cast<double>(rate) / kMicro).dump();
    const absl::StatusOr<MicroRate> back = ParseMicroRate(text);
    ASSERT_TRUE(back.ok()) << "seed " << kSeed << " " << text << " " << back.status();
    ASSERT_EQ(*back, rate) << "seed " << kSeed << " " << text;
  }
  RecordProperty("cases", kCases);
}

}  // namespace
}  // namespace broadside
