#pragma once

// Thresholds in k6's grammar: `aggregation operator number`, for example "p(99)<200", "rate<0.01",
// "count>=1000". Value types, no thread.
//
// Metrics and what they allow: http_req_duration (response time, ms), service_time (ms), send_lag
// (ms): avg, min, med, max, p(N); http_req_failed: rate (outcomes other than ok and cancelled, over
// planned - cancelled); http_reqs: count, rate (per second).

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/core/time.h"

namespace broadside {

enum class ThresholdMetric : uint8_t { kResponseTime, kServiceTime, kSendLag, kFailed, kRequests };
enum class Aggregation : uint8_t { kAvg, kMin, kMed, kMax, kPercentile, kRate, kCount };
enum class Comparison : uint8_t { kLess, kLessEqual, kGreater, kGreaterEqual, kEqual, kNotEqual };

struct Threshold {
  ThresholdMetric metric = ThresholdMetric::kResponseTime;
  std::string expression;  // as the user wrote it
  Aggregation aggregation = Aggregation::kAvg;
  double percentile = 0;  // for kPercentile, 0 to 100
  Comparison comparison = Comparison::kLess;
  double limit = 0;
  bool abort_on_fail = false;
  Millis delay_abort_eval{0};
  friend bool operator==(const Threshold&, const Threshold&) = default;
};

// The name of the metric in specs and results, e.g. "http_req_duration".
std::string_view ThresholdMetricName(ThresholdMetric metric);
absl::StatusOr<ThresholdMetric> ParseThresholdMetric(std::string_view name);

// Parses one expression; an error says what was found at which position and what is allowed for the
// metric.
absl::StatusOr<Threshold> ParseThreshold(ThresholdMetric metric, std::string_view expression);

// Whether `value` meets the threshold's comparison.
bool Holds(const Threshold& threshold, double value);

}  // namespace broadside
