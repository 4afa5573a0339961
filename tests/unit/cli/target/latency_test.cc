#include "cli/target/latency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/core/limits.h"

namespace broadside {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Sorted samples in milliseconds.
std::vector<double> Draw(const Latency& latency, uint64_t seed = 7, size_t count = 200'000) {
  LatencySampler sampler(latency, seed);
  std::vector<double> ms(count);
  for (double& value : ms) value = static_cast<double>(sampler.Next().count()) * 1e-6;
  std::sort(ms.begin(), ms.end());
  return ms;
}

double At(const std::vector<double>& sorted, double quantile) {
  return sorted[static_cast<size_t>(quantile * static_cast<double>(sorted.size()))];
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

TEST(LatencyTest, ParsesEveryForm) {
  EXPECT_EQ(*ParseLatency("none"), Latency{});
  EXPECT_EQ(*ParseLatency("fixed:20ms"), (Latency{LatencyKind::kFixed, Millis(20)}));
  EXPECT_EQ(*ParseLatency("exp:1.5s"), (Latency{LatencyKind::kExponential, Millis(1500)}));
  EXPECT_EQ(*ParseLatency("uniform:10ms-30ms"),
            (Latency{LatencyKind::kUniform, Millis(10), Millis(30)}));
  EXPECT_EQ(*ParseLatency("lognormal:median=20ms,sigma=0.5"),
            (Latency{LatencyKind::kLognormal, Millis(20), Nanos(0), 0.5}));
  EXPECT_EQ(*ParseLatency("lognormal:sigma=0.5,median=20ms"),
            *ParseLatency("lognormal:median=20ms,sigma=0.5"));
}

TEST(LatencyTest, ErrorsNameOptionValueAndWhatIsAllowed) {
  for (const std::string text :
       {"", "20ms", "fixed", "fixed:", "fixed:20", "fixed:-1ms", "fixed:inf", "fixed:2h", "exp:x",
        "uniform:10ms", "uniform:30ms-10ms", "uniform:10ms-30ms-40ms", "normal:20ms",
        "lognormal:20ms", "lognormal:median=20ms", "lognormal:median=20ms,sigma=-1",
        "lognormal:median=20ms,sigma=nan", "lognormal:median=20ms,sigma=1,mean=2",
        "lognormal:median=1ms,median=2ms"}) {
    const auto latency = ParseLatency(text);
    ASSERT_FALSE(latency.ok()) << text;
    EXPECT_THAT(std::string(latency.status().message()),
                AllOf(HasSubstr("--latency"), HasSubstr("'" + text + "'"),
                      HasSubstr("allowed: none, fixed:20ms")));
  }
}

TEST(LatencyTest, FixedIsAlwaysTheSame) {
  const auto ms = Draw({LatencyKind::kFixed, Millis(20)});
  EXPECT_EQ(ms.front(), 20);
  EXPECT_EQ(ms.back(), 20);
}

TEST(LatencyTest, NoneIsZero) { EXPECT_EQ(Draw({}).back(), 0); }

// Quantile q is -20 ms * ln(1 - q). 200,000 samples: the standard error of p99 is
// sqrt(0.99 * 0.01 / 200000) / (0.01 / 20 ms) = 0.45 ms, 0.5 %.
TEST(LatencyTest, ExponentialHasItsMeanAndQuantiles) {
  const auto ms = Draw({LatencyKind::kExponential, Millis(20)});
  EXPECT_NEAR(Mean(ms), 20, 20 * 0.01);
  for (const double q : {0.5, 0.9, 0.99}) {
    const double expected = -20 * std::log(1 - q);
    EXPECT_NEAR(At(ms, q), expected, expected * 0.02) << q;
  }
}

TEST(LatencyTest, UniformFillsItsRangeEvenly) {
  const auto ms = Draw({LatencyKind::kUniform, Millis(10), Millis(30)});
  EXPECT_GE(ms.front(), 10);
  EXPECT_LE(ms.back(), 30);
  for (const double q : {0.1, 0.5, 0.9}) EXPECT_NEAR(At(ms, q), 10 + 20 * q, 0.1) << q;
}

// ln of the samples is normal: quantiles at median * e^(sigma * z), z = -1.2816, 0, 1.2816, 2.3263.
TEST(LatencyTest, LognormalHasItsMedianAndSigma) {
  const auto ms = Draw({LatencyKind::kLognormal, Millis(20), Nanos(0), 0.5});
  for (const auto& [q, z] : {std::pair{0.1, -1.2816}, {0.5, 0.0}, {0.9, 1.2816}, {0.99, 2.3263}}) {
    const double expected = 20 * std::exp(0.5 * z);
    EXPECT_NEAR(At(ms, q), expected, expected * 0.02) << q;
  }
}

TEST(LatencyTest, SamplesAreNotCorrelatedWithTheNextOnes) {
  LatencySampler sampler({LatencyKind::kExponential, Millis(1)}, 3);
  double sum = 0;
  double last = static_cast<double>(sampler.Next().count()) * 1e-6 - 1;
  for (int i = 0; i < 100'000; ++i) {
    const double next = static_cast<double>(sampler.Next().count()) * 1e-6 - 1;
    sum += last * next;
    last = next;
  }
  EXPECT_NEAR(sum / 100'000, 0, 0.02);  // standard error 1 / sqrt(100000) = 0.003
}

TEST(LatencyTest, TheSameSeedGivesTheSameSamples) {
  EXPECT_EQ(Draw({LatencyKind::kExponential, Millis(20)}, 1, 100),
            Draw({LatencyKind::kExponential, Millis(20)}, 1, 100));
  EXPECT_NE(Draw({LatencyKind::kExponential, Millis(20)}, 1, 100),
            Draw({LatencyKind::kExponential, Millis(20)}, 2, 100));
}

TEST(LatencyTest, LongTailsAreCutToTheBound) {
  const auto ms = Draw({LatencyKind::kExponential, std::chrono::hours(1)}, 1, 1000);
  EXPECT_EQ(ms.back(), static_cast<double>(limits::kTargetLatencyMax / Millis(1)));
}

}  // namespace
}  // namespace broadside
