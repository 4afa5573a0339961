#include "common/core/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "common/core/check.h"

namespace broadside {
namespace {

#include "common/core/histogram_bounds.inc"

constexpr int64_t kZeroBound = kBounds[0];
constexpr int64_t kLastBound = kBounds[kHistogramBuckets];
static_assert(kLastBound == 256'000'000'000, "2^8 s");

// 128 * log2(v / 10^9) = 128 * log2(v) - 3826.85; minus the index of the lowest bound, -2560.
// Rounded so that a guess is never too high.
constexpr int kGuessOffset = 1267;

int64_t AddSaturated(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t MultiplySaturated(int64_t value, uint64_t times) {
  int64_t product = 0;
  return __builtin_mul_overflow(value, times, &product) ? INT64_MAX : product;
}

// The geometric middle of the whole numbers in bucket b: it has the same relative distance to both
// ends.
double MiddleNanos(int b) {
  return std::sqrt(static_cast<double>(HistogramBoundNanos(b - 1) + 1) *
                   static_cast<double>(HistogramBoundNanos(b)));
}

// ceil(q * count), in [1, count]. A q such as 0.07 is a little above or below what was meant: the
// product is lowered by a few units of its last place, so that 0.07 * 100 is rank 7.
uint64_t RankOf(double q, uint64_t count) {
  const double exact = q * static_cast<double>(count);
  const double rank = std::ceil(exact - exact * 4e-15);
  if (!(rank >= 1)) return 1;
  return rank >= static_cast<double>(count) ? count : static_cast<uint64_t>(rank);
}

}  // namespace

int64_t HistogramBoundNanos(int b) { return kBounds[static_cast<size_t>(b) + 1]; }

int HistogramBucketOf(int64_t nanos) {
  if (nanos <= kZeroBound) return -1;
  if (nanos > kLastBound) return kHistogramBuckets - 1;
  const auto value = static_cast<uint64_t>(nanos);
  const int exponent = 63 - std::countl_zero(value);  // 9 to 37
  const uint64_t mantissa = (value >> (exponent - kHistogramSchema)) % kBucketsPerDoubling;
  const int guess = exponent * kBucketsPerDoubling + kLogGuess[mantissa] - kGuessOffset;
  // A cell of the guess table is at most 1.44 buckets wide and rounding costs less than one: at
  // most three bounds lie between.
  const int64_t* bound = kBounds.data() + guess + 1;
  return guess + (nanos > bound[0] ? 1 : 0) + (nanos > bound[1] ? 1 : 0) +
         (nanos > bound[2] ? 1 : 0);
}

void SparseHistogram::Merge(const SparseHistogram& other) {
  if (other.count == 0) return;
  min_nanos = count == 0 ? other.min_nanos : std::min(min_nanos, other.min_nanos);
  max_nanos = std::max(max_nanos, other.max_nanos);
  count += other.count;
  zero_count += other.zero_count;
  sum_nanos = AddSaturated(sum_nanos, other.sum_nanos);
  std::vector<std::pair<uint16_t, uint64_t>> merged;
  merged.reserve(buckets.size() + other.buckets.size());
  auto a = buckets.begin();
  for (const auto& [index, times] : other.buckets) {
    while (a != buckets.end() && a->first < index) merged.push_back(*a++);
    merged.emplace_back(index, times);
    if (a != buckets.end() && a->first == index) merged.back().second += (a++)->second;
  }
  merged.insert(merged.end(), a, buckets.end());
  buckets = std::move(merged);
}

bool SparseHistogram::IsConsistent() const {
  uint64_t total = zero_count;
  int previous = -1;
  for (const auto& [index, times] : buckets) {
    if (index <= previous || index >= kHistogramBuckets || times == 0) return false;
    if (__builtin_add_overflow(total, times, &total)) return false;
    previous = index;
  }
  if (total != count) return false;
  if (count == 0) return sum_nanos == 0 && min_nanos == 0 && max_nanos == 0;
  return 0 <= min_nanos && min_nanos <= max_nanos && max_nanos <= sum_nanos &&
         sum_nanos <= MultiplySaturated(max_nanos, count);
}

Histogram::Histogram() : buckets_(kHistogramBuckets) {}

void Histogram::RecordMany(Nanos value, uint64_t times) {
  if (times == 0) return;
  const int64_t nanos = std::max<int64_t>(value.count(), 0);
  count_ += times;
  sum_nanos_ = AddSaturated(sum_nanos_, MultiplySaturated(nanos, times));
  min_nanos_ = std::min(min_nanos_, nanos);
  max_nanos_ = std::max(max_nanos_, nanos);
  const int bucket = HistogramBucketOf(nanos);
  if (bucket < 0) {
    zero_count_ += times;
  } else {
    Add(static_cast<size_t>(bucket), times);
  }
}

void Histogram::Merge(const Histogram& other) {
  count_ += other.count_;
  zero_count_ += other.zero_count_;
  sum_nanos_ = AddSaturated(sum_nanos_, other.sum_nanos_);
  min_nanos_ = std::min(min_nanos_, other.min_nanos_);
  max_nanos_ = std::max(max_nanos_, other.max_nanos_);
  for (size_t b = other.first_; b < other.end_; ++b) buckets_[b] += other.buckets_[b];
  first_ = std::min(first_, other.first_);
  end_ = std::max(end_, other.end_);
}

void Histogram::Merge(const SparseHistogram& other) {
  if (other.count == 0) return;
  count_ += other.count;
  zero_count_ += other.zero_count;
  sum_nanos_ = AddSaturated(sum_nanos_, other.sum_nanos);
  min_nanos_ = std::min(min_nanos_, other.min_nanos);
  max_nanos_ = std::max(max_nanos_, other.max_nanos);
  for (const auto& [index, times] : other.buckets) {
    BS_CHECK(index < kHistogramBuckets) << index;
    Add(index, times);
  }
}

void Histogram::Clear() {
  count_ = 0;
  zero_count_ = 0;
  sum_nanos_ = 0;
  min_nanos_ = INT64_MAX;
  max_nanos_ = 0;
  for (size_t b = first_; b < end_; ++b) buckets_[b] = 0;
  first_ = kHistogramBuckets;
  end_ = 0;
}

SparseHistogram Histogram::Sparse() const {
  SparseHistogram sparse{count_, zero_count_, sum_nanos_, min().count(), max_nanos_, {}};
  for (size_t b = first_; b < end_; ++b) {
    if (buckets_[b] != 0) sparse.buckets.emplace_back(static_cast<uint16_t>(b), buckets_[b]);
  }
  return sparse;
}

std::optional<Nanos> Histogram::Mean() const {
  if (count_ == 0) return std::nullopt;
  if (sum_nanos_ < INT64_MAX)
    return Nanos(static_cast<int64_t>(static_cast<uint64_t>(sum_nanos_) / count_));
  double sum = 0;
  for (size_t b = first_; b < end_; ++b) {
    sum += static_cast<double>(buckets_[b]) * MiddleNanos(static_cast<int>(b));
  }
  return std::clamp(Nanos(std::llround(sum / static_cast<double>(count_))), min(), max());
}

std::optional<Nanos> Histogram::Quantile(double q) const {
  if (count_ == 0) return std::nullopt;
  const uint64_t rank = RankOf(q, count_);
  // The ends are known exactly.
  if (rank == count_) return max();
  if (rank == 1) return min();
  uint64_t below = zero_count_;
  size_t next = first_;
  while (below < rank && next < end_) below += buckets_[next++];
  const double nanos = next == first_ ? static_cast<double>(kZeroBound) / 2
                                      : MiddleNanos(static_cast<int>(next) - 1);
  return std::clamp(Nanos(std::llround(nanos)), min(), max());
}

std::optional<Nanos> Histogram::SupportedQuantile(double q) const {
  constexpr uint64_t kSamplesAbove = 10;
  if (count_ == 0 || count_ - RankOf(q, count_) < kSamplesAbove) return std::nullopt;
  return Quantile(q);
}

uint64_t Histogram::CountUpTo(Nanos bound) const {
  if (count_ == 0 || bound < min()) return 0;
  if (bound >= max()) return count_;
  if (bound.count() < kZeroBound) return 0;
  uint64_t total = zero_count_;
  // The last bucket has no upper end: it is complete only from max() on, which is the case above.
  for (int b = 0; b + 1 < kHistogramBuckets && HistogramBoundNanos(b) <= bound.count(); ++b) {
    total += buckets_[static_cast<size_t>(b)];
  }
  return total;
}

std::vector<std::pair<int, uint64_t>> Histogram::AtSchema(int schema) const {
  BS_CHECK(0 <= schema && schema <= kHistogramSchema) << schema;
  const int shift = kHistogramSchema - schema;
  std::vector<std::pair<int, uint64_t>> scaled;
  for (int b = 0; b < kHistogramBuckets; ++b) {
    const uint64_t times = buckets_[static_cast<size_t>(b)];
    if (times == 0) continue;
    // ceil(i / 2^shift): the shift rounds down, for negative i too.
    const int index = (b + kBucketIndexOffset + (1 << shift) - 1) >> shift;
    if (scaled.empty() || scaled.back().first != index) scaled.emplace_back(index, 0);
    scaled.back().second += times;
  }
  return scaled;
}

}  // namespace broadside
