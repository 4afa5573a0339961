#pragma once

// Counts durations in base-2 exponential buckets, schema 7: bucket growth 2^(1/128), so a quantile
// is within 0.28 % of the true sample (and half a nanosecond: it is a whole number).
//
// Bucket i holds (bound[i-1], bound[i]] with bound[i] = floor(2^(i/128) * 10^9) ns, from 2^-20 s to
// 2^8 s: 3,584 buckets, a committed table of integers (buckets made from nanoseconds could not be
// converted to Prometheus' seconds, and log2() is not portable). A value of 0 up to 2^-20 s is in
// the zero bucket, one above 2^8 s in the last bucket. Exact count, sum, min and max are kept
// apart; the sum stops at 292 years (INT64_MAX ns), which still commutes and associates.
//
// Merging adds, so parts in any order give the histogram of the whole. Scaling down by one schema
// is i -> ceil(i/2), exact; Prometheus native, OpenTelemetry exponential and classic buckets follow
// exactly.
//
// Value types, not thread-safe: one owner at a time. `Histogram` is about 28 KiB; Record costs a
// few ns and never allocates after construction.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/core/time.h"

namespace broadside {

inline constexpr int kHistogramSchema = 7;
inline constexpr int kBucketsPerDoubling = 1 << kHistogramSchema;
inline constexpr int kHistogramMinExponent = -20;  // lowest bound 2^-20 s
inline constexpr int kHistogramMaxExponent = 8;    // highest bound 2^8 s
inline constexpr int kHistogramBuckets =
    (kHistogramMaxExponent - kHistogramMinExponent) * kBucketsPerDoubling;
// Bucket b of the dense array (0 .. 3583) has Prometheus' index b + kBucketIndexOffset at schema 7:
// its upper bound is 2^(index/128) s.
inline constexpr int kBucketIndexOffset = kHistogramMinExponent * kBucketsPerDoubling + 1;

// Upper bound of dense bucket b, in ns; b = -1 is the zero bucket.
int64_t HistogramBoundNanos(int b);
// The dense bucket of `nanos`; -1 for the zero bucket. Integers only: leading zeros, a guess table
// and three comparisons.
int HistogramBucketOf(int64_t nanos);

// The non-empty buckets of a histogram: what crosses the wire and goes to the store. `buckets`
// ascends and has no zero counts.
struct SparseHistogram {
  uint64_t count = 0;
  uint64_t zero_count = 0;
  int64_t sum_nanos = 0;
  int64_t min_nanos = 0;  // 0 when count is 0
  int64_t max_nanos = 0;
  std::vector<std::pair<uint16_t, uint64_t>> buckets;  // (dense bucket, count)

  // Adds `other`; linear in the number of buckets of both.
  void Merge(const SparseHistogram& other);
  // False when untrusted input breaks an invariant: order, index range, no zero counts, count =
  // zero_count + buckets without overflow, 0 <= min <= max <= sum <= max * count, and all 0 when
  // count is 0.
  bool IsConsistent() const;
  friend bool operator==(const SparseHistogram&, const SparseHistogram&) = default;
};

class Histogram {
 public:
  Histogram();
  void Record(Nanos value) { RecordMany(value, 1); }
  // Negative values are a caller's error and count as 0.
  void RecordMany(Nanos value, uint64_t times);
  void Merge(const Histogram& other);
  // REQUIRES: other.IsConsistent().
  void Merge(const SparseHistogram& other);
  void Clear();  // keeps the memory
  SparseHistogram Sparse() const;

  uint64_t count() const { return count_; }
  uint64_t zero_count() const { return zero_count_; }
  int64_t sum_nanos() const { return sum_nanos_; }
  Nanos min() const { return Nanos(count_ == 0 ? 0 : min_nanos_); }
  Nanos max() const { return Nanos(max_nanos_); }
  // Exact, rounded down, while the sum is; past 292 years of sum from the buckets, as near as a
  // quantile. Nothing for an empty histogram.
  std::optional<Nanos> Mean() const;
  std::span<const uint64_t> buckets() const { return buckets_; }

  // The q-quantile, 0 <= q <= 1: the sample of rank ceil(q * count), known within its bucket; the
  // bucket's geometric middle, held inside [min, max]. The first and the last rank are exact. In
  // the zero bucket it is off by at most 0.5 us; samples above 2^8 s are taken for 2^8 s. Nothing
  // for an empty histogram.
  std::optional<Nanos> Quantile(double q) const;
  // Like Quantile, but nothing also when fewer than 10 samples lie above the rank: such a tail is
  // noise.
  std::optional<Nanos> SupportedQuantile(double q) const;
  // How many samples are <= bound; exact when `bound` is a bucket bound. Between two bounds it
  // counts up to the lower one; samples above 2^8 s share the last bucket with those just below,
  // which then is counted only from max() on.
  uint64_t CountUpTo(Nanos bound) const;
  // Counts at a lower schema (0 <= schema <= 7) by Prometheus index: (index, count), ascending,
  // without zero counts.
  std::vector<std::pair<int, uint64_t>> AtSchema(int schema) const;

  friend bool operator==(const Histogram&, const Histogram&) = default;

 private:
  uint64_t count_ = 0;
  uint64_t zero_count_ = 0;
  int64_t sum_nanos_ = 0;
  int64_t min_nanos_ = INT64_MAX;
  int64_t max_nanos_ = 0;
  // The first and the last bucket that is not empty: what is done with a histogram costs what is in
  // it. A second of answers covers a tenth of the buckets.
  size_t first_ = kHistogramBuckets;
  size_t end_ = 0;  // one behind the last
  std::vector<uint64_t> buckets_;

  void Add(size_t bucket, uint64_t times) {
    buckets_[bucket] += times;
    first_ = std::min(first_, bucket);
    end_ = std::max(end_, bucket + 1);
  }
};

}  // namespace broadside
