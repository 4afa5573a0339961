// Sparse histograms from outside: what is inconsistent is seen, and nothing that is called
// consistent breaks anything.

#include <gtest/gtest.h>

#include "common/core/histogram.h"
#include "tests/unit/common/core/cases.h"

namespace broadside {
namespace {

SparseHistogram Good() {
  SparseHistogram sparse;
  sparse.count = 6;
  sparse.zero_count = 1;
  sparse.sum_nanos = 10'000;
  sparse.min_nanos = 100;
  sparse.max_nanos = 5'000;
  sparse.buckets = {{10, 2}, {20, 3}};
  return sparse;
}

void ExpectBad(void (*spoil)(SparseHistogram&)) {
  SparseHistogram sparse = Good();
  spoil(sparse);
  EXPECT_FALSE(sparse.IsConsistent());
}

TEST(HistogramHostileTest, AGoodOneIsConsistentAndSoIsAnEmptyOne) {
  EXPECT_TRUE(Good().IsConsistent());
  EXPECT_TRUE(SparseHistogram{}.IsConsistent());
}

TEST(HistogramHostileTest, BucketsAscendWithoutRepetition) {
  ExpectBad([](SparseHistogram& s) { s.buckets = {{20, 3}, {10, 2}}; });
  ExpectBad([](SparseHistogram& s) { s.buckets = {{10, 2}, {10, 3}}; });
}

TEST(HistogramHostileTest, ABucketOutsideOfTheTableIsRefused) {
  ExpectBad([](SparseHistogram& s) { s.buckets[1].first = kHistogramBuckets; });
  ExpectBad([](SparseHistogram& s) { s.buckets[1].first = UINT16_MAX; });
}

TEST(HistogramHostileTest, CountsAddUpWithoutOverflow) {
  ExpectBad([](SparseHistogram& s) { s.count = 7; });
  ExpectBad([](SparseHistogram& s) { s.buckets.emplace_back(30, 0); });
  // 2^64 - 4 + 10 = 6 modulo 2^64.
  ExpectBad([](SparseHistogram& s) { s.buckets = {{10, UINT64_MAX - 3}, {20, 9}}; });
}

TEST(HistogramHostileTest, SumMinAndMaxArePossible) {
  ExpectBad([](SparseHistogram& s) { s.min_nanos = -1; });
  ExpectBad([](SparseHistogram& s) { s.min_nanos = 5'001; });
  ExpectBad([](SparseHistogram& s) { s.sum_nanos = -1; });
  ExpectBad([](SparseHistogram& s) { s.sum_nanos = 4'999; });   // less than the largest sample
  ExpectBad([](SparseHistogram& s) { s.sum_nanos = 30'001; });  // more than 6 * 5,000
}

TEST(HistogramHostileTest, AnEmptyOneHasNoFigures) {
  SparseHistogram sparse;
  sparse.max_nanos = 1;
  EXPECT_FALSE(sparse.IsConsistent());
  sparse = {};
  sparse.sum_nanos = 1;
  EXPECT_FALSE(sparse.IsConsistent());
}

TEST(HistogramHostileTest, WhateverIsConsistentCanBeUsed) {
  // Random damage to a good one; what passes is merged and asked everything (under the sanitizers,
  // too).
  int consistent = 0;
  ForEachSeed(5000, [&consistent](Cases& cases) {
    SparseHistogram sparse = Good();
    for (int64_t i = cases.Between(1, 3); i > 0; --i) {
      const auto value =
          cases.OneIn(2) ? static_cast<uint64_t>(cases.Between(0, 10)) : cases.Next();
      switch (cases.Between(0, 6)) {
        case 0:
          sparse.count = value;
          break;
        case 1:
          sparse.zero_count = value;
          break;
        case 2:
          sparse.sum_nanos = static_cast<int64_t>(value);
          break;
        case 3:
          sparse.min_nanos = static_cast<int64_t>(value);
          break;
        case 4:
          sparse.max_nanos = static_cast<int64_t>(value);
          break;
        case 5:
          sparse.buckets[0].second = value;
          sparse.count = sparse.zero_count + value + 3;
          break;
        default:
          sparse.buckets[1].first = static_cast<uint16_t>(value);
          break;
      }
    }
    if (!sparse.IsConsistent()) return;
    ++consistent;
    Histogram histogram;
    histogram.Merge(sparse);
    histogram.Merge(sparse);
    SparseHistogram twice = sparse;
    twice.Merge(sparse);
    EXPECT_EQ(histogram.Sparse(), twice);
    if (sparse.count < UINT64_MAX / 2) {
      EXPECT_TRUE(twice.IsConsistent());
    }
    const Nanos median = histogram.Quantile(0.5).value_or(histogram.min());
    EXPECT_TRUE(histogram.min() <= median && median <= histogram.max());
    EXPECT_LE(histogram.CountUpTo(Nanos(1'000)), histogram.count());
  });
  EXPECT_GT(consistent, 100);
}

TEST(HistogramHostileDeathTest, MergingABucketOutsideOfTheTableIsABrokenInvariant) {
  SparseHistogram sparse = Good();
  sparse.buckets[1].first = kHistogramBuckets;
  EXPECT_DEATH(Histogram().Merge(sparse), "index");
}

}  // namespace
}  // namespace broadside
