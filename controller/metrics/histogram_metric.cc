#include "controller/metrics/histogram_metric.h"

namespace broadside {
namespace {

constexpr int kSchema = 1;  // 2^1 buckets per doubling
constexpr int kFirst = -13 * (1 << kSchema);
constexpr int kLast = 6 * (1 << kSchema);

// Upper bound of bucket `index` at the schema, 2^(index/2) s, in seconds: the integer nanoseconds
// of the histogram's own table.
double BoundSeconds(int index) {
  const int dense = index * (1 << (kHistogramSchema - kSchema)) - kBucketIndexOffset;
  return static_cast<double>(HistogramBoundNanos(dense)) / 1e9;
}

}  // namespace

prometheus::ClientMetric::Histogram ClassicHistogram(const Histogram& histogram) {
  prometheus::ClientMetric::Histogram metric;
  metric.sample_count = histogram.count();
  metric.sample_sum = static_cast<double>(histogram.sum_nanos()) / 1e9;
  const auto buckets = histogram.AtSchema(kSchema);
  auto next = buckets.begin();
  uint64_t cumulative = histogram.zero_count();
  metric.bucket.reserve(kLast - kFirst + 1);
  for (int index = kFirst; index <= kLast; ++index) {
    for (; next != buckets.end() && next->first <= index; ++next) cumulative += next->second;
    metric.bucket.push_back({cumulative, BoundSeconds(index)});
  }
  return metric;
}

}  // namespace broadside
