#include "common/core/threshold.h"

#include <gtest/gtest.h>

#include "common/core/status.h"

namespace broadside {
namespace {

constexpr auto kTime = ThresholdMetric::kResponseTime;
constexpr auto kFailed = ThresholdMetric::kFailed;
constexpr auto kRequests = ThresholdMetric::kRequests;

TEST(ThresholdTest, ReadsTheGrammarOfK6) {
  const struct {
    ThresholdMetric metric;
    const char* text;
    Aggregation aggregation;
    double percentile;
    Comparison comparison;
    double limit;
  } kRows[] = {
      {kTime, "p(99)<200", Aggregation::kPercentile, 99, Comparison::kLess, 200},
      {kTime, "p(99.9)<200", Aggregation::kPercentile, 99.9, Comparison::kLess, 200},
      {kTime, "p(0)>=0", Aggregation::kPercentile, 0, Comparison::kGreaterEqual, 0},
      {kTime, " p( 95 ) <= 1.5 ", Aggregation::kPercentile, 95, Comparison::kLessEqual, 1.5},
      {kTime, "avg<=3", Aggregation::kAvg, 0, Comparison::kLessEqual, 3},
      {kTime, "min > 1", Aggregation::kMin, 0, Comparison::kGreater, 1},
      {kTime, "med\t<\t10", Aggregation::kMed, 0, Comparison::kLess, 10},
      {kTime, "max!=7", Aggregation::kMax, 0, Comparison::kNotEqual, 7},
      {ThresholdMetric::kServiceTime, "avg<1", Aggregation::kAvg, 0, Comparison::kLess, 1},
      {ThresholdMetric::kSendLag, "p(99)<2", Aggregation::kPercentile, 99, Comparison::kLess, 2},
      {kFailed, "rate<0.01", Aggregation::kRate, 0, Comparison::kLess, 0.01},
      {kFailed, "rate==0", Aggregation::kRate, 0, Comparison::kEqual, 0},
      {kFailed, "rate===0", Aggregation::kRate, 0, Comparison::kEqual, 0},
      {kRequests, "count>=10", Aggregation::kCount, 0, Comparison::kGreaterEqual, 10},
      {kRequests, "rate>-1", Aggregation::kRate, 0, Comparison::kGreater, -1},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<Threshold> parsed = ParseThreshold(row.metric, row.text);
    ASSERT_TRUE(parsed.ok()) << row.text << ": " << parsed.status();
    const Threshold expected{.metric = row.metric,
                             .expression = row.text,
                             .aggregation = row.aggregation,
                             .percentile = row.percentile,
                             .comparison = row.comparison,
                             .limit = row.limit};
    EXPECT_EQ(*parsed, expected) << row.text;
  }
}

TEST(ThresholdTest, SaysWhatIsWrongAndWhere) {
  const struct {
    ThresholdMetric metric;
    std::string text;
    const char* error;
  } kRows[] = {
      {kTime, "",
       "at character 1: expected one of avg, min, med, max, p(N) for http_req_duration, found the "
       "end"},
      {kTime, "p95<200",
       "at character 2: expected \"(\", as in p(99) for http_req_duration, found \"95<200\""},
      {kTime, "p(101)<200", "at character 3: percentile 101 is not within 0 to 100"},
      {kTime, "p(-1)<200", "at character 3: percentile -1 is not within 0 to 100"},
      {kTime, "p(99<200", "at character 5: expected \")\" for http_req_duration, found \"<200\""},
      {kTime, "p()<200",
       "at character 3: expected a percentile from 0 to 100 for http_req_duration, found "
       "\")<200\""},
      {kTime, "rate<1",
       "at character 1: expected one of avg, min, med, max, p(N) for http_req_duration, found "
       "\"rate<1\""},
      {kTime, "avg=3",
       "at character 4: expected one of <, <=, >, >=, ==, != for http_req_duration, found \"=3\""},
      {kTime, "avg<", "at character 5: expected a number for http_req_duration, found the end"},
      {kTime, "avg<inf", "at character 5: expected a number for http_req_duration, found \"inf\""},
      {kTime, "avg<.5", "at character 5: expected a number for http_req_duration, found \".5\""},
      {kTime, "p(95)<200ms",
       "at character 10: \"ms\" after the number; the limit of http_req_duration is milliseconds, "
       "without a suffix"},
      {kTime, "avg<1e3",
       "at character 6: \"e3\" after the number; the limit of http_req_duration is milliseconds, "
       "without a suffix"},
      {kFailed, "rate<1%",
       "at character 7: \"%\" after the number; the limit of http_req_failed is a fraction of 1, "
       "without a suffix"},
      {kFailed, "count<1",
       "at character 1: expected one of rate for http_req_failed, found \"count<1\""},
      {kRequests, "p(50)<1",
       "at character 1: expected one of count, rate for http_reqs, found \"p(50)<1\""},
      {kTime, "AVG<1",
       "at character 1: expected one of avg, min, med, max, p(N) for http_req_duration, found "
       "\"AVG<1\""},
      {kTime, "avg<1\n",
       "at character 6: \"\\x0a\" after the number; the limit of http_req_duration is "
       "milliseconds, without a suffix"},
      {kTime, std::string(201, '1'), "201 bytes exceed 200"},
  };
  for (const auto& row : kRows) {
    const absl::StatusOr<Threshold> parsed = ParseThreshold(row.metric, row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed.status().message(), row.error) << row.text;
  }
}

TEST(ThresholdTest, KnowsItsMetricsByName) {
  for (auto metric :
       {kTime, ThresholdMetric::kServiceTime, ThresholdMetric::kSendLag, kFailed, kRequests}) {
    EXPECT_EQ(ParseThresholdMetric(ThresholdMetricName(metric)).value(), metric);
  }
  EXPECT_EQ(ThresholdMetricName(kTime), "http_req_duration");
  EXPECT_EQ(ParseThresholdMetric("http_req_waiting").status().message(),
            "\"http_req_waiting\" is no metric (known: http_req_duration, service_time, send_lag, "
            "http_req_failed, http_reqs)");
}

TEST(ThresholdTest, HoldsAsItsComparisonSays) {
  const struct {
    const char* text;
    bool below, equal, above;  // for 2, 3, 4
  } kRows[] = {
      {"avg<3", true, false, false}, {"avg<=3", true, true, false},  {"avg>3", false, false, true},
      {"avg>=3", false, true, true}, {"avg==3", false, true, false}, {"avg!=3", true, false, true},
  };
  for (const auto& row : kRows) {
    const Threshold threshold = ParseThreshold(kTime, row.text).value();
    EXPECT_EQ(Holds(threshold, 2), row.below) << row.text;
    EXPECT_EQ(Holds(threshold, 3), row.equal) << row.text;
    EXPECT_EQ(Holds(threshold, 4), row.above) << row.text;
  }
}

}  // namespace
}  // namespace broadside
