#include "common/core/threshold.h"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

struct MetricRow {
  ThresholdMetric metric;
  std::string_view name;
  std::string_view allowed;  // for people
  std::string_view unit;     // of the limit
};

constexpr std::string_view kTrend = "avg, min, med, max, p(N)";
constexpr std::array<MetricRow, 5> kMetrics = {{
    {ThresholdMetric::kResponseTime, "http_req_duration", kTrend, "milliseconds"},
    {ThresholdMetric::kServiceTime, "service_time", kTrend, "milliseconds"},
    {ThresholdMetric::kSendLag, "send_lag", kTrend, "milliseconds"},
    {ThresholdMetric::kFailed, "http_req_failed", "rate", "a fraction of 1"},
    {ThresholdMetric::kRequests, "http_reqs", "count, rate", "a plain number"},
}};

const MetricRow& RowOf(ThresholdMetric metric) { return kMetrics[static_cast<size_t>(metric)]; }

constexpr std::array<std::pair<std::string_view, Aggregation>, 7> kAggregations = {{
    {"avg", Aggregation::kAvg},
    {"min", Aggregation::kMin},
    {"med", Aggregation::kMed},
    {"max", Aggregation::kMax},
    {"p", Aggregation::kPercentile},
    {"rate", Aggregation::kRate},
    {"count", Aggregation::kCount},
}};

// Longer operators first, so that "<=" is not read as "<".
constexpr std::array<std::pair<std::string_view, Comparison>, 7> kComparisons = {{
    {"===", Comparison::kEqual},
    {"==", Comparison::kEqual},
    {"!=", Comparison::kNotEqual},
    {"<=", Comparison::kLessEqual},
    {">=", Comparison::kGreaterEqual},
    {"<", Comparison::kLess},
    {">", Comparison::kGreater},
}};

bool Allows(ThresholdMetric metric, Aggregation aggregation) {
  switch (aggregation) {
    case Aggregation::kRate:
      return metric == ThresholdMetric::kFailed || metric == ThresholdMetric::kRequests;
    case Aggregation::kCount:
      return metric == ThresholdMetric::kRequests;
    default:
      return metric != ThresholdMetric::kFailed && metric != ThresholdMetric::kRequests;
  }
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

// Reads `aggregation operator number` from left to right. Positions in errors count characters
// from 1.
class Parser {
 public:
  Parser(ThresholdMetric metric, std::string_view text) : row_(RowOf(metric)), text_(text) {}

  absl::StatusOr<Threshold> Parse() {
    Threshold threshold;
    threshold.metric = row_.metric;
    threshold.expression = std::string(text_);
    if (absl::Status s = ParseAggregation(threshold); !s.ok()) return s;
    if (absl::Status s = ParseComparison(threshold); !s.ok()) return s;
    SkipSpaces();
    const std::optional<double> limit = Number();
    if (!limit) return Expected("a number");
    threshold.limit = *limit;
    SkipSpaces();
    if (at_ < text_.size()) {
      return InvalidArgument("at character ", at_ + 1, ": ", Quoted(text_.substr(at_)),
                             " after the number; the limit of ", row_.name, " is ", row_.unit,
                             ", without a suffix");
    }
    return threshold;
  }

 private:
  absl::Status ParseAggregation(Threshold& threshold) {
    SkipSpaces();
    const size_t begin = at_;
    while (at_ < text_.size() && IsLower(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    std::optional<Aggregation> found;
    for (const auto& [name, aggregation] : kAggregations) {
      if (name == word) found = aggregation;
    }
    if (!found || !Allows(row_.metric, *found)) {
      at_ = begin;
      return Expected(Concat("one of ", row_.allowed));
    }
    threshold.aggregation = *found;
    return *found == Aggregation::kPercentile ? ParsePercentile(threshold) : absl::OkStatus();
  }

  absl::Status ParsePercentile(Threshold& threshold) {
    if (!Take("(")) return Expected("\"(\", as in p(99)");
    SkipSpaces();
    const size_t begin = at_;
    const std::optional<double> percentile = Number();
    if (!percentile) return Expected("a percentile from 0 to 100");
    if (*percentile < 0 || *percentile > 100) {
      return InvalidArgument("at character ", begin + 1, ": percentile ",
                             text_.substr(begin, at_ - begin), " is not within 0 to 100");
    }
    threshold.percentile = *percentile;
    SkipSpaces();
    if (!Take(")")) return Expected("\")\"");
    return absl::OkStatus();
  }

  absl::Status ParseComparison(Threshold& threshold) {
    SkipSpaces();
    for (const auto& [symbol, comparison] : kComparisons) {
      if (Take(symbol)) {
        threshold.comparison = comparison;
        return absl::OkStatus();
      }
    }
    return Expected("one of <, <=, >, >=, ==, !=");
  }

  // Sign, digits, fraction: as k6, so no exponents, no "inf".
  std::optional<double> Number() {
    size_t end = at_;
    if (end < text_.size() && text_[end] == '-') ++end;
    const size_t digits = end;
    while (end < text_.size() && IsDigit(text_[end])) ++end;
    if (end == digits) return std::nullopt;
    if (end + 1 < text_.size() && text_[end] == '.' && IsDigit(text_[end + 1])) {
      ++end;
      while (end < text_.size() && IsDigit(text_[end])) ++end;
    }
    double value = 0;
    const auto result = std::from_chars(text_.data() + at_, text_.data() + end, value);
    if (result.ec != std::errc() || !std::isfinite(value)) return std::nullopt;
    at_ = end;
    return value;
  }

  bool Take(std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void SkipSpaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  absl::Status Expected(std::string_view what) const {
    const std::string found =
        at_ < text_.size() ? Quoted(text_.substr(at_)) : std::string("the end");
    return InvalidArgument("at character ", at_ + 1, ": expected ", what, " for ", row_.name,
                           ", found ", found);
  }

  const MetricRow& row_;
  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string_view ThresholdMetricName(ThresholdMetric metric) { return RowOf(metric).name; }

absl::StatusOr<ThresholdMetric> ParseThresholdMetric(std::string_view name) {
  std::string known;
  for (const MetricRow& row : kMetrics) {
    if (row.name == name) return row.metric;
    known += known.empty() ? "" : ", ";
    known += row.name;
  }
  return InvalidArgument(Quoted(name), " is no metric (known: ", known, ")");
}

absl::StatusOr<Threshold> ParseThreshold(ThresholdMetric metric, std::string_view expression) {
  if (expression.size() > limits::kThresholdBytesMax) {
    return InvalidArgument(expression.size(), " bytes exceed ", limits::kThresholdBytesMax);
  }
  return Parser(metric, expression).Parse();
}

bool Holds(const Threshold& threshold, double value) {
  switch (threshold.comparison) {
    case Comparison::kLess:
      return value < threshold.limit;
    case Comparison::kLessEqual:
      return value <= threshold.limit;
    case Comparison::kGreater:
      return value > threshold.limit;
    case Comparison::kGreaterEqual:
      return value >= threshold.limit;
    case Comparison::kEqual:
      return value == threshold.limit;
    case Comparison::kNotEqual:
      return value != threshold.limit;
  }
  return false;
}

}  // namespace broadside
