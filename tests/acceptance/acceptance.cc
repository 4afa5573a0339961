// Timed checks of what Broadside says about its accuracy, on loopback, with their figures. Not in
// ctest: they want a quiet machine.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "common/core/curve.h"
#include "tests/e2e/local_run.h"

namespace broadside {
namespace {

constexpr Nanos kWindow = Millis(500);

double Ms(std::optional<Nanos> nanos) {
  return nanos.has_value() ? static_cast<double>(nanos->count()) / 1e6 : -1;
}

// Of the whole windows at the target: the share within 2 % of the curve, and the worst deviation.
struct Evenness {
  double within_2_percent = 0;
  double worst = 0;
  size_t windows = 0;
};

Evenness Compare(const TargetStats& stats, const Curve& curve) {
  const auto windows = static_cast<size_t>(curve.EndMs() / 500);
  const std::vector<double> counts = WindowCounts(stats, kWindow, windows);
  Evenness evenness;
  for (size_t i = 0; i < windows; ++i) {
    const auto from = static_cast<int64_t>(i) * 500;
    const double planned =
        static_cast<double>(curve.At(from + 500) - curve.At(from)) / static_cast<double>(kMicro);
    const double off = std::abs(counts[i] - planned) / planned;
    evenness.worst = std::max(evenness.worst, off);
    evenness.within_2_percent += off <= 0.02;
    ++evenness.windows;
  }
  evenness.within_2_percent /= static_cast<double>(evenness.windows);
  return evenness;
}

TEST(Acceptance, WindowsOfHalfASecondFollowTheCurve) {
  const std::vector<std::pair<const char*, std::vector<Stage>>> profiles = {
      {"1,237.7 rps", {{8000, 1'237'700'000, 1'237'700'000}}},
      {"700 to 3,100 rps", {{8000, 700'000'000, 3'100'000'000}}},
      {"2,911.5 to 613.25 rps", {{8000, 2'911'500'000, 613'250'000}}},
  };
  std::printf("%-24s %7s %8s %9s %12s %8s\n", "profile", "agents", "threads", "planned",
              "within 2 %", "worst");
  for (const auto& [name, stages] : profiles) {
    for (const auto& [agents, threads] :
         {std::pair(1, 1), {1, 3}, {3, 1}, {3, 2}, {7, 1}, {7, 3}}) {
      const LocalRunResult run = RunLocally(SpecOf(stages), {.agents = agents, .threads = threads});
      const Curve curve = Curve::FromStages(stages);
      const Evenness evenness = Compare(run.target, curve);
      std::printf("%-24s %7d %8d %9ld %10.1f %% %6.2f %%\n", name, agents, threads,
                  run.test->totals.planned, evenness.within_2_percent * 100, evenness.worst * 100);
      EXPECT_EQ(run.test->totals.planned, curve.TotalSlots());
      EXPECT_EQ(run.target.slots_distinct, static_cast<uint64_t>(curve.TotalSlots()));
      EXPECT_EQ(run.target.slots_duplicates, 0u);
      EXPECT_GE(evenness.within_2_percent, 0.9);
      EXPECT_LE(evenness.worst, 0.05);
    }
  }
}

// The fixed overhead of generator, loopback and target: the same test against a target without
// latency.
TEST(Acceptance, AnExponentialLatencyComesOutAsItIs) {
  LocalRunOptions options{.slot_header = false};
  const std::vector<Stage> stages = {{30'000, 2'000'000'000, 2'000'000'000}};
  const LocalRunResult bare = RunLocally(SpecOf({{10'000, 2'000'000'000, 2'000'000'000}}), options);
  options.target.latency = {.kind = LatencyKind::kExponential, .base = Millis(20)};
  const LocalRunResult run = RunLocally(SpecOf(stages), options);
  std::printf("%6s %12s %12s %12s %10s\n", "", "expected ms", "overhead ms", "measured ms", "off");
  for (const double q : {0.5, 0.9, 0.99}) {
    const double expected = -20 * std::log(1 - q);
    // The median of the bare run: the overhead of a request that did not meet a disturbance.
    const double overhead = Ms(bare.test->totals.response_time.Quantile(0.5));
    const double measured = Ms(run.test->totals.response_time.Quantile(q));
    const double off = (measured - expected - overhead) / expected;
    std::printf("p%-5g %12.3f %12.3f %12.3f %8.2f %%\n", q * 100, expected, overhead, measured,
                off * 100);
    EXPECT_LE(std::abs(off), 0.02);
  }
}

// The highest rate that one shard keeps, found by doubling and bisection over short tests.
double Saturation() {
  const auto keeps = [](int64_t rps) {
    LocalRunOptions options{.slot_header = false};
    const LocalRunResult run = RunLocally(SpecOf({{4000, rps * kMicro, rps * kMicro}}), options);
    const bool kept = run.test->verdict.generator == VerdictLevel::kValid;
    std::printf("  %ld rps: %s, lag p99 %.2f ms\n", rps, kept ? "kept" : "not kept",
                Ms(run.test->totals.send_lag.Quantile(0.99)));
    return kept;
  };
  int64_t low = 10'000;
  int64_t high = 20'000;
  while (high < 400'000 && keeps(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > low / 10) {
    const int64_t middle = (low + high) / 2;
    (keeps(middle) ? low : high) = middle;
  }
  return static_cast<double>(low);
}

TEST(Acceptance, AtHalfTheSaturationTheLagIsSmallAndBeyondItTheVerdictSaysSo) {
  const double saturation = Saturation();
  const auto half = static_cast<int64_t>(saturation / 2);
  LocalRunOptions options{.slot_header = false};
  const LocalRunResult calm = RunLocally(SpecOf({{10'000, half * kMicro, half * kMicro}}), options);
  const double p50 = Ms(calm.test->totals.send_lag.Quantile(0.5));
  const double p99 = Ms(calm.test->totals.send_lag.Quantile(0.99));
  std::printf("saturation %.0f rps; at %ld rps: lag p50 %.3f ms, p99 %.3f ms\n", saturation, half,
              p50, p99);
  EXPECT_LT(p50, 0.1);
  EXPECT_LT(p99, 2);
  const auto full = static_cast<int64_t>(saturation * 1.25);
  const LocalRunResult over = RunLocally(SpecOf({{10'000, full * kMicro, full * kMicro}}), options);
  EXPECT_NE(over.test->verdict.generator, VerdictLevel::kValid);
  std::printf("at %ld rps:\n", full);
  for (const std::string& reason : over.test->verdict.reasons)
    std::printf("  - %s\n", reason.c_str());
  EXPECT_THAT(over.test->verdict.reasons,
              testing::Contains(testing::AnyOf(testing::HasSubstr("send lag p99"),
                                               testing::HasSubstr("above 95 % CPU"))));
}

}  // namespace
}  // namespace broadside
