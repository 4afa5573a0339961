#include "common/core/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "common/core/limits.h"
#include "tests/unit/common/core/cases.h"

namespace broadside {
namespace {

constexpr int64_t kTopNanos = 256'000'000'000;  // 2^8 s

// From 0 to past the last bound, small and large values equally frequent.
int64_t RandomNanos(Cases& cases) {
  if (cases.OneIn(10))
    return HistogramBoundNanos(static_cast<int>(cases.Between(-1, 3583))) + cases.Between(-1, 1);
  return cases.Logarithmic(300'000'000'000) - 1;
}

std::vector<int64_t> RandomSamples(Cases& cases, int64_t count_max) {
  std::vector<int64_t> samples(static_cast<size_t>(cases.Between(0, count_max)));
  for (int64_t& sample : samples) sample = RandomNanos(cases);
  return samples;
}

Histogram Of(const std::vector<int64_t>& samples) {
  Histogram histogram;
  for (const int64_t sample : samples) histogram.Record(Nanos(sample));
  return histogram;
}

TEST(HistogramTest, BoundsAreThePowersOfTwoSecondsAndTheirRoots) {
  EXPECT_EQ(HistogramBoundNanos(-1), 953);                  // 2^-20 s = 953.67 ns
  EXPECT_EQ(HistogramBoundNanos(0), 958);                   // 2^(-2559/128) s = 958.85 ns
  EXPECT_EQ(HistogramBoundNanos(2559 - 128), 500'000'000);  // 2^-1 s
  EXPECT_EQ(HistogramBoundNanos(2559), 1'000'000'000);
  EXPECT_EQ(HistogramBoundNanos(2559 + 64), 1'414'213'562);  // sqrt(2) s
  EXPECT_EQ(HistogramBoundNanos(3583), kTopNanos);
  for (int b = 0; b < kHistogramBuckets; ++b) {
    ASSERT_LT(HistogramBoundNanos(b - 1), HistogramBoundNanos(b)) << b;
  }
}

TEST(HistogramTest, ABucketBeginsBehindABoundAndHoldsTheNext) {
  for (int b = 0; b < kHistogramBuckets; ++b) {
    ASSERT_EQ(HistogramBucketOf(HistogramBoundNanos(b - 1) + 1), b);
    ASSERT_EQ(HistogramBucketOf(HistogramBoundNanos(b)), b);
  }
}

TEST(HistogramTest, EveryValueIsInTheBucketThatASearchFinds) {
  // Each cell of the guess table (128 to a doubling) at its ends, and random values in it.
  int64_t count = 0;
  Cases cases(1);
  for (int exponent = 9; exponent <= 37; ++exponent) {
    for (int64_t m = 0; m < 128; ++m) {
      const int64_t low = (128 + m) << (exponent - 7);
      const int64_t high = ((128 + m + 1) << (exponent - 7)) - 1;
      for (const int64_t value : {low, high, cases.Between(low, high), cases.Between(low, high)}) {
        int b = 0;
        for (int step = 2048; step > 0; step /= 2) {
          if (b + step < kHistogramBuckets && HistogramBoundNanos(b + step - 1) < value) b += step;
        }
        const int expected = value <= HistogramBoundNanos(-1) ? -1 : b;
        ASSERT_EQ(HistogramBucketOf(value), expected) << value;
        ++count;
      }
    }
  }
  RecordProperty("cases", static_cast<int>(count));
}

TEST(HistogramTest, ValuesOutsideGoToTheEnds) {
  EXPECT_EQ(HistogramBucketOf(0), -1);
  EXPECT_EQ(HistogramBucketOf(953), -1);
  EXPECT_EQ(HistogramBucketOf(954), 0);
  EXPECT_EQ(HistogramBucketOf(kTopNanos + 1), kHistogramBuckets - 1);
  EXPECT_EQ(HistogramBucketOf(INT64_MAX), kHistogramBuckets - 1);
}

TEST(HistogramTest, AnEmptyHistogramHasNoFigures) {
  const Histogram histogram;
  EXPECT_EQ(histogram.Mean(), std::nullopt);
  EXPECT_EQ(histogram.Quantile(0.5), std::nullopt);
  EXPECT_EQ(histogram.SupportedQuantile(0), std::nullopt);
  EXPECT_EQ(histogram.CountUpTo(Seconds(1)), 0u);
  EXPECT_EQ(histogram.min(), Nanos(0));
  EXPECT_EQ(histogram.max(), Nanos(0));
  EXPECT_EQ(histogram.Sparse(), SparseHistogram{});
  EXPECT_TRUE(histogram.AtSchema(0).empty());
}

TEST(HistogramTest, CountSumMinAndMaxAreExact) {
  const Histogram histogram = Of({5'000'000, 1'000, 0, 3'000'001});
  EXPECT_EQ(histogram.count(), 4u);
  EXPECT_EQ(histogram.zero_count(), 1u);
  EXPECT_EQ(histogram.sum_nanos(), 8'001'001);
  EXPECT_EQ(histogram.min(), Nanos(0));
  EXPECT_EQ(histogram.max(), Nanos(5'000'000));
  EXPECT_EQ(histogram.Mean(), Nanos(2'000'250));  // 8,001,001 / 4 = 2,000,250.25
}

TEST(HistogramTest, ANegativeValueCountsAsZero) {
  const Histogram histogram = Of({-5});
  EXPECT_EQ(histogram, Of({0}));
}

TEST(HistogramTest, RecordingNoneChangesNothing) {
  Histogram histogram;
  histogram.RecordMany(Seconds(1), 0);
  EXPECT_EQ(histogram, Histogram());
}

TEST(HistogramTest, ClearGivesAnEmptyOne) {
  Histogram histogram = Of({0, 1'000'000, 2'000'000});
  histogram.Clear();
  EXPECT_EQ(histogram, Histogram());
}

TEST(HistogramTest, ASumBeyond292YearsStopsThereAndTheMeanComesFromTheBuckets) {
  // 9,300,000,000 times 1 s is 294.7 years.
  Histogram histogram;
  histogram.RecordMany(Seconds(1), 9'300'000'000);
  EXPECT_EQ(histogram.sum_nanos(), INT64_MAX);
  EXPECT_EQ(histogram.Mean(), Nanos(Seconds(1)));  // held inside [min, max]
  histogram.RecordMany(Seconds(3), 9'300'000'000);
  EXPECT_NEAR(static_cast<double>(histogram.Mean()->count()), 2e9, 2e9 * 0.0028);
  Histogram twice = histogram;
  twice.Merge(histogram);
  EXPECT_EQ(twice.sum_nanos(), INT64_MAX);
  EXPECT_TRUE(twice.Sparse().IsConsistent());
}

TEST(HistogramTest, TheRankOfAQuantileIsNotSpoiledByRounding) {
  // 0.07 * 100 is 7.000000000000001 in floating point: rank 7, which is 7 ms.
  Histogram histogram;
  for (int ms = 1; ms <= 100; ++ms) histogram.Record(Millis(ms));
  for (int percent = 1; percent <= 100; ++percent) {
    const Nanos value = *histogram.Quantile(percent / 100.0);
    EXPECT_NEAR(static_cast<double>(value.count()), percent * 1e6, percent * 1e6 * 0.0028)
        << percent;
  }
  EXPECT_EQ(histogram.Quantile(0), Nanos(Millis(1)));
  EXPECT_EQ(histogram.Quantile(1), Nanos(Millis(100)));
}

TEST(HistogramTest, ATailOfFewerThanTenSamplesIsRefused) {
  Histogram histogram;
  histogram.RecordMany(Millis(1), 999);
  EXPECT_EQ(histogram.SupportedQuantile(0.99), std::nullopt);  // rank 990: 9 above
  histogram.RecordMany(Millis(1), 1);
  EXPECT_TRUE(histogram.SupportedQuantile(0.99).has_value());  // rank 990 of 1000: 10 above
  EXPECT_EQ(histogram.SupportedQuantile(1), std::nullopt);
}

TEST(HistogramTest, SamplesInTheZeroBucketAreWithinHalfAMicrosecond) {
  const Histogram histogram = Of({0, 0, 700, 900, 5'000});
  const int64_t median = histogram.Quantile(0.5)->count();
  EXPECT_LE(std::abs(median - 700), 500);
}

TEST(HistogramTest, ASampleAbove256SecondsIsOnlyCountedFromTheMaximumOn) {
  // 255.9 s and 300 s share the last bucket.
  const Histogram histogram = Of({255'900'000'000, 300'000'000'000, 1'000'000});
  EXPECT_EQ(histogram.CountUpTo(Nanos(kTopNanos)), 1u);
  EXPECT_EQ(histogram.CountUpTo(Seconds(300)), 3u);
  EXPECT_EQ(Of({255'900'000'000, 1'000'000}).CountUpTo(Nanos(kTopNanos)), 2u);
}

TEST(HistogramTest, BetweenBoundsItCountsUpToTheLowerOne) {
  const Histogram histogram = Of({100, 800, 954, 960, 2'000});
  EXPECT_EQ(histogram.CountUpTo(Nanos(99)), 0u);
  EXPECT_EQ(histogram.CountUpTo(Nanos(850)), 0u);
  EXPECT_EQ(histogram.CountUpTo(Nanos(953)), 2u);
  EXPECT_EQ(histogram.CountUpTo(Nanos(957)), 2u);
  EXPECT_EQ(histogram.CountUpTo(Nanos(958)), 3u);
}

TEST(HistogramDeathTest, TheSchemaIsBetweenZeroAndSeven) {
  EXPECT_DEATH(Histogram().AtSchema(8), "schema");
  EXPECT_DEATH(Histogram().AtSchema(-1), "schema");
}

TEST(HistogramPropertyTest, PartsInAnyOrderGiveTheHistogramOfTheWhole) {
  ForEachSeed(300, [](Cases& cases) {
    const std::vector<int64_t> samples = RandomSamples(cases, 2000);
    std::vector<Histogram> parts(static_cast<size_t>(cases.Between(1, 6)));
    for (const int64_t sample : samples) {
      parts[static_cast<size_t>(cases.Between(0, std::ssize(parts) - 1))].Record(Nanos(sample));
    }
    // Forwards, backwards, as a tree, and in sparse form: dense from sparse and sparse from sparse.
    Histogram forwards, backwards, from_sparse;
    SparseHistogram sparse;
    for (size_t i = 0; i < parts.size(); ++i) {
      forwards.Merge(parts[i]);
      backwards.Merge(parts[parts.size() - 1 - i]);
      from_sparse.Merge(parts[i].Sparse());
      sparse.Merge(parts[parts.size() - 1 - i].Sparse());
    }
    Histogram tail;
    for (size_t i = 1; i < parts.size(); ++i) tail.Merge(parts[i]);
    Histogram tree = parts[0];
    tree.Merge(tail);
    const Histogram whole = Of(samples);
    EXPECT_EQ(forwards, whole);
    EXPECT_EQ(backwards, whole);
    EXPECT_EQ(tree, whole);
    EXPECT_EQ(from_sparse, whole);
    EXPECT_EQ(sparse, whole.Sparse());
  });
}

TEST(HistogramPropertyTest, TheSparseFormIsConsistentAndGivesTheHistogramBack) {
  ForEachSeed(500, [](Cases& cases) {
    const Histogram histogram = Of(RandomSamples(cases, 500));
    const SparseHistogram sparse = histogram.Sparse();
    EXPECT_TRUE(sparse.IsConsistent());
    Histogram back;
    back.Merge(sparse);
    EXPECT_EQ(back, histogram);
    EXPECT_EQ(back.Sparse(), sparse);
  });
}

// Index j at schema s holds (2^((j-1)/2^s), 2^(j/2^s)] s, and these bounds are among those of
// schema 7.
TEST(HistogramPropertyTest, ScalingDownIsRecordingAtTheLowerSchema) {
  ForEachSeed(300, [](Cases& cases) {
    const std::vector<int64_t> samples = RandomSamples(cases, 300);
    const Histogram histogram = Of(samples);
    for (int schema = 0; schema <= kHistogramSchema; ++schema) {
      const int stride = 1 << (kHistogramSchema - schema);
      std::vector<std::pair<int, uint64_t>> direct;
      for (int j = -20 * (1 << schema) + 1; j <= 8 * (1 << schema); ++j) {
        const int upper = j * stride - kBucketIndexOffset;
        const bool last = j == 8 * (1 << schema);
        const auto in_bucket = [&](int64_t v) {
          return HistogramBoundNanos(upper - stride) < v &&
                 (last || v <= HistogramBoundNanos(upper));
        };
        const int64_t times = std::count_if(samples.begin(), samples.end(), in_bucket);
        if (times > 0) direct.emplace_back(j, static_cast<uint64_t>(times));
      }
      ASSERT_EQ(histogram.AtSchema(schema), direct) << "schema " << schema;
    }
  });
}

TEST(HistogramPropertyTest, AQuantileIsWithinItsErrorOfTheSample) {
  ForEachSeed(1000, [](Cases& cases) {
    std::vector<int64_t> samples = RandomSamples(cases, 500);
    for (int64_t& sample : samples) sample = std::min(sample, kTopNanos);
    if (samples.empty()) return;
    const Histogram histogram = Of(samples);
    std::sort(samples.begin(), samples.end());
    for (const double q : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const double rank = std::ceil(q * static_cast<double>(samples.size()) - 1e-9);
      const int64_t sample = samples[static_cast<size_t>(std::max(rank, 1.0)) - 1];
      const int64_t error = std::abs(histogram.Quantile(q)->count() - sample);
      // Half a bucket of 2^(1/128), and half a nanosecond of rounding.
      const double allowed = sample <= 953 ? 500 : static_cast<double>(sample) * 0.0028 + 0.5;
      ASSERT_LE(static_cast<double>(error), allowed) << q << " " << sample;
    }
  });
}

TEST(HistogramPropertyTest, CountsAtBoundsAreExact) {
  ForEachSeed(500, [](Cases& cases) {
    std::vector<int64_t> samples = RandomSamples(cases, 300);
    for (int64_t& sample : samples) sample = std::min(sample, kTopNanos);
    const Histogram histogram = Of(samples);
    for (int i = 0; i < 20; ++i) {
      const int64_t bound = HistogramBoundNanos(static_cast<int>(cases.Between(-1, 3583)));
      const auto below =
          std::count_if(samples.begin(), samples.end(), [bound](int64_t v) { return v <= bound; });
      ASSERT_EQ(histogram.CountUpTo(Nanos(bound)), static_cast<uint64_t>(below)) << bound;
    }
  });
}

}  // namespace
}  // namespace broadside
