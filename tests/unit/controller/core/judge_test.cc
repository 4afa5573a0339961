#include "controller/core/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broadside {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Totals Planned(int64_t planned) {
  Totals totals;
  totals.planned = planned;
  return totals;
}

double Value(ThresholdMetric metric, const char* expression, const Totals& totals,
             const RequestFigures& requests = {}) {
  return ThresholdValue(*ParseThreshold(metric, expression), totals, requests).value_or(-1);
}

TEST(ThresholdValueTest, TimesAreMilliseconds) {
  Totals totals;
  totals.response_time.RecordMany(Millis(10), 90);
  totals.response_time.RecordMany(Millis(100), 10);
  totals.send_lag.Record(Millis(3));
  EXPECT_DOUBLE_EQ(Value(ThresholdMetric::kResponseTime, "avg<1", totals),
                   19);  // (90*10 + 10*100) / 100
  EXPECT_DOUBLE_EQ(Value(ThresholdMetric::kResponseTime, "min<1", totals), 10);
  EXPECT_DOUBLE_EQ(Value(ThresholdMetric::kResponseTime, "max<1", totals), 100);
  EXPECT_NEAR(Value(ThresholdMetric::kResponseTime, "med<1", totals), 10, 0.03);
  EXPECT_NEAR(Value(ThresholdMetric::kResponseTime, "p(95)<1", totals), 100, 0.3);
  EXPECT_DOUBLE_EQ(Value(ThresholdMetric::kSendLag, "max<1", totals), 3);
  EXPECT_EQ(Value(ThresholdMetric::kServiceTime, "max<1", totals), -1) << "no data";
}

TEST(ThresholdValueTest, FailedIsAllButOkAndCancelledOverPlannedWithoutCancelled) {
  Totals totals = Planned(120);
  totals.due.outcomes[Outcome::kOk] = 90;
  totals.due.outcomes[Outcome::kTimeout] = 4;
  totals.due.outcomes[Outcome::kSkipped] = 6;
  totals.due.outcomes[Outcome::kCancelled] = 20;
  EXPECT_DOUBLE_EQ(Value(ThresholdMetric::kFailed, "rate<1", totals), 0.1);  // (4 + 6) / (120 - 20)
  EXPECT_EQ(Value(ThresholdMetric::kFailed, "rate<1", Totals{}), -1);
}

TEST(ThresholdValueTest, RequestsAreThoseThatWereMade) {
  OutcomeCounts outcomes;
  outcomes[Outcome::kOk] = 90;
  outcomes[Outcome::kConnectError] = 5;
  outcomes[Outcome::kSkipped] = 5;
  EXPECT_EQ(RequestsMade(outcomes), 95u);
}

TEST(ThresholdValueTest, TheRateIsThatOfTheSecondsOfWhichAllIsKnown) {
  const auto count = [](const RequestFigures& requests) {
    return Value(ThresholdMetric::kRequests, "count>1", {}, requests);
  };
  const auto rate = [](const RequestFigures& requests) {
    return Value(ThresholdMetric::kRequests, "rate>1", {}, requests);
  };
  const RequestFigures running{.made = 95, .known = 80, .known_s = 10};
  EXPECT_DOUBLE_EQ(count(running), 95);
  EXPECT_DOUBLE_EQ(rate(running), 8);
  EXPECT_EQ(rate({.made = 95}), -1) << "no second is known";
  const RequestFigures nothing{.known_s = 10};
  EXPECT_EQ(count(nothing), -1) << "no data";
  EXPECT_EQ(rate(nothing), -1);
  const RequestFigures over{.known_s = 10, .over = true};
  EXPECT_EQ(count(over), 0) << "none was made, and none will be";
  EXPECT_EQ(rate(over), 0);
}

TEST(JudgeThresholdsTest, AThresholdWithoutDataHolds) {
  const std::vector<ThresholdView> views =
      JudgeThresholds({*ParseThreshold(ThresholdMetric::kResponseTime, "p(99)<200")}, Totals{}, {});
  ASSERT_EQ(views.size(), 1u);
  EXPECT_TRUE(views[0].ok);
  EXPECT_FALSE(views[0].value.has_value());
}

Verdict Judged(const Totals& totals, const GeneratorHealth& health = {}) {
  return JudgeGenerator(totals, health);
}

TEST(JudgeGeneratorTest, AWellTestIsValidWithoutReasons) {
  Totals totals = Planned(1000);
  totals.due.outcomes[Outcome::kOk] = 1000;
  totals.send_lag.RecordMany(Millis(1), 1000);
  EXPECT_EQ(Judged(totals).generator, VerdictLevel::kValid);
  EXPECT_THAT(Judged(totals).reasons, IsEmpty());
}

TEST(JudgeGeneratorTest, OnePercentNotMadeIsSuspectMoreIsInvalid) {
  Totals totals = Planned(1000);
  totals.due.outcomes[Outcome::kSkipped] = 4;
  totals.due.outcomes[Outcome::kLocalError] = 3;
  totals.due.outcomes[Outcome::kUnknown] = 2;
  totals.due.outcomes[Outcome::kUnassigned] = 1;
  EXPECT_EQ(Judged(totals).generator, VerdictLevel::kSuspect);  // 10 of 1000 is not above 1 %
  totals.due.outcomes[Outcome::kUnassigned] = 2;
  EXPECT_EQ(Judged(totals).generator, VerdictLevel::kInvalid);
  EXPECT_THAT(
      Judged(totals).reasons,
      ElementsAre(HasSubstr(
          "1.10 % of the planned requests were not made or not reported (limit 1 %): 4 skipped, "
          "3 local_error, 2 unknown, 2 unassigned")));
}

TEST(JudgeGeneratorTest, TheSendLagHasTwoLimits) {
  Totals totals = Planned(100);
  totals.send_lag.RecordMany(Millis(21), 100);
  EXPECT_EQ(Judged(totals).generator, VerdictLevel::kSuspect);
  EXPECT_THAT(Judged(totals).reasons,
              ElementsAre(HasSubstr("send lag p99 is 21.0 ms (limit 20 ms)")));
  totals.send_lag.RecordMany(Millis(101), 100);
  EXPECT_EQ(Judged(totals).generator, VerdictLevel::kInvalid);
}

TEST(JudgeGeneratorTest, EachSignOfTroubleIsAReasonWithItsLimit) {
  const auto reasons = [](auto change) {
    GeneratorHealth health;
    change(health);
    const Verdict verdict = Judged(Planned(1), health);
    EXPECT_EQ(verdict.generator, VerdictLevel::kSuspect);
    return verdict.reasons;
  };
  EXPECT_THAT(reasons([](auto& h) { h.agents_lost = 2; }),
              ElementsAre("2 agents were lost (limit 0)"));
  EXPECT_THAT(reasons([](auto& h) { h.clock_error_max = Millis(51); }),
              ElementsAre(HasSubstr("51.0 ms (limit 50 ms)")));
  EXPECT_THAT(reasons([](auto& h) { h.cpu_saturated_s = 6; }),
              ElementsAre(HasSubstr("a sending thread was above 95 % CPU for 6 s")));
  EXPECT_THAT(reasons([](auto& h) { h.controller_cpu_saturated_s = 6; }),
              ElementsAre("the controller was above 95 % CPU for 6 s (limit 5 s)"));
  EXPECT_THAT(reasons([](auto& h) { h.loop_delay_max = Millis(600); }),
              ElementsAre(HasSubstr("an agent's event loop was 600 ms late")));
  EXPECT_THAT(reasons([](auto& h) { h.controller_loop_delay_max = Millis(600); }),
              ElementsAre(HasSubstr("the controller's event loop")));
  EXPECT_THAT(reasons([](auto& h) { h.throttled_max = 0.5; }),
              ElementsAre(HasSubstr("throttled in 50 %")));
  EXPECT_THAT(reasons([](auto& h) { h.controller_throttled_max = 0.5; }),
              ElementsAre(HasSubstr("the controller was throttled")));
  EXPECT_THAT(reasons([](auto& h) { h.ports_exhausted = 3; }),
              ElementsAre("an agent ran out of local ports 3 times (limit 0)"));
  EXPECT_THAT(reasons([](auto& h) { h.descriptors_exhausted = 1; }),
              ElementsAre("an agent ran out of file descriptors 1 time (limit 0)"));
}

TEST(JudgeGeneratorTest, LostAgentsAreNamed) {
  GeneratorHealth health;
  health.agents_lost = 1;
  health.lost_first = {"a"};
  EXPECT_THAT(Judged(Planned(1), health).reasons, ElementsAre("1 agent was lost (limit 0): a"));
  health.agents_lost = 5;
  health.lost_first = {"a", "b", "c"};
  EXPECT_THAT(Judged(Planned(1), health).reasons,
              ElementsAre("5 agents were lost (limit 0): a, b, c and 2 more"));
}

TEST(JudgeGeneratorTest, OneRequestThatWasNotMadeIsAReasonWithItsLimit) {
  Totals totals = Planned(1000);
  totals.due.outcomes[Outcome::kSkipped] = 1;
  totals.due.outcomes[Outcome::kLocalError] = 2;
  EXPECT_THAT(Judged(totals).reasons,
              ElementsAre("1 request was skipped (limit 0): not sent within max_lateness",
                          "2 requests failed in the generator itself (limit 0): local_error"));
}

TEST(JudgeGeneratorTest, AnUncertainClockIsInvalid) {
  GeneratorHealth health;
  health.clock_error_max = Millis(251);
  EXPECT_EQ(Judged(Planned(1), health).generator, VerdictLevel::kInvalid);
}

}  // namespace
}  // namespace broadside
