#include "cli/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "cli/exit_code.h"
#include "cli/progress.h"
#include "common/core/status.h"
#include "controller/rest/view_json.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::Not;

TestView MakeTest(TestState state) {
  TestView test;
  test.id = "t-1";
  test.state = state;
  auto spec = std::make_shared<TestSpec>();
  spec->name = "checkout";
  test.spec = std::move(spec);
  return test;
}

TestView WithThreshold(TestView test, bool ok) {
  test.thresholds.push_back(
      {*ParseThreshold(ThresholdMetric::kResponseTime, "p(99)<200"), 250.0, ok});
  return test;
}

int Code(const TestView& test) { return ExitCodeOf(TestJson(test)); }

TEST(ExitCodeTest, IsTheFirstThatApplies) {
  TestView invalid = MakeTest(TestState::kFinished);
  invalid.verdict.generator = VerdictLevel::kInvalid;
  EXPECT_EQ(Code(MakeTest(TestState::kStopped)), 105);
  EXPECT_EQ(Code(MakeTest(TestState::kFailed)), 1);
  EXPECT_EQ(Code(MakeTest(TestState::kInconsistent)), 1);
  EXPECT_EQ(Code(invalid), 97);
  EXPECT_EQ(Code(WithThreshold(invalid, false)), 97);
  EXPECT_EQ(Code(WithThreshold(MakeTest(TestState::kFinished), false)), 99);
  EXPECT_EQ(Code(WithThreshold(MakeTest(TestState::kFinished), true)), 0);
  TestView stopped = WithThreshold(MakeTest(TestState::kStopped), false);
  stopped.verdict.generator = VerdictLevel::kInvalid;
  EXPECT_EQ(Code(stopped), 105);
}

TEST(ExitCodeTest, OfATestThatAThresholdStoppedIsThatOfTheThreshold) {
  TestView test = WithThreshold(MakeTest(TestState::kStopped), false);
  test.reason = Concat(kThresholdCrossed, "http_req_duration p(99)<200");
  EXPECT_EQ(Code(test), 99);
  test.verdict.generator = VerdictLevel::kInvalid;
  EXPECT_EQ(Code(test), 97);
}

TEST(ExitCodeTest, IsGoodForASuspectGenerator) {
  TestView test = MakeTest(TestState::kFinished);
  test.verdict.generator = VerdictLevel::kSuspect;
  EXPECT_EQ(Code(test), 0);
}

TEST(SummaryTest, CountsAsSentWhatItsRateCounts) {
  TestView test = MakeTest(TestState::kFinished);
  for (int i = 0; i < 10; ++i) test.totals.send_lag.Record(Millis(1));
  test.sent_rate = 5;
  EXPECT_THAT(RenderSummary(TestJson(test), {}), testing::ContainsRegex("sent +10 +5\\.0/s"));
}

TEST(SummaryTest, DrawsTheResponseTimeByDoublings) {
  TestView test = MakeTest(TestState::kFinished);
  for (int i = 0; i < 4; ++i) test.totals.response_time.Record(Millis(3));
  test.totals.response_time.Record(Millis(9));
  const std::string text = RenderSummary(TestJson(test), {});
  // 3 ms is in the doubling up to 2^-8 s = 3.906 ms, 9 ms in that up to 2^-6 s = 15.62 ms.
  EXPECT_THAT(text, testing::ContainsRegex("<= 3\\.906 ms .* 4\n"));
  EXPECT_THAT(text, testing::ContainsRegex("<= 15\\.62 ms .* 1\n"));
}

TEST(SummaryTest, FitsEightyColumnsWhateverTheOutcomes) {
  TestView test = MakeTest(TestState::kFinished);
  for (size_t i = 0; i < kOutcomeCount; ++i)
    test.totals.due.outcomes[static_cast<Outcome>(i)] = 70'000'000;
  test.totals.planned = 980'000'000;
  test.totals.done.codes = {{200, 999'999'999}};
  test.totals.done.bytes_sent = test.totals.done.bytes_received = 999'900'000'000;
  for (int i = 0; i < 20; ++i) {
    test.totals.response_time.Record(Seconds(250));
    test.totals.service_time.Record(Seconds(250));
    test.totals.send_lag.Record(Seconds(1));
  }
  std::istringstream text(RenderSummary(TestJson(test), {}));
  for (std::string line; std::getline(text, line);) {
    EXPECT_EQ(CutTo(line, 80), line);
  }
}

TEST(SummaryTest, ExplainsEveryOutcomeButOk) {
  for (size_t i = 1; i < kOutcomeCount; ++i) {
    TestView test = MakeTest(TestState::kFinished);
    const auto outcome = static_cast<Outcome>(i);
    test.totals.due.outcomes[outcome] = 7;
    EXPECT_THAT(RenderSummary(TestJson(test), {}),
                testing::ContainsRegex(Concat(" 7 ", OutcomeName(outcome), " +[a-z].*\n")));
  }
}

TEST(SummaryTest, SaysWhatTheTimeoutsWereWaitingFor) {
  TestView test = MakeTest(TestState::kFinished);
  EXPECT_THAT(RenderSummary(TestJson(test), {}), Not(HasSubstr("timed out in")));
  test.totals.due.outcomes[Outcome::kTimeout] = 1007;
  test.totals.due.timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kConnect)] = 7;
  test.totals.due.timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kBody)] = 1000;
  const std::string text = RenderSummary(TestJson(test), {});
  EXPECT_THAT(text, testing::ContainsRegex("timed out in +7 connect\n +1,000 body\n"));
}

TEST(SummaryTest, SaysWhyATestEndedAndHowManyAgentsItHad) {
  TestView test = MakeTest(TestState::kFailed);
  test.reason = "0 of 1 agents were ready";
  EXPECT_THAT(RenderSummary(TestJson(test), {}),
              HasSubstr("failed: 0 of 1 agents were ready  0 agents\n"));
  test = MakeTest(TestState::kFinished);
  test.agents.emplace_back();
  EXPECT_THAT(RenderSummary(TestJson(test), {}), HasSubstr("finished  1 agent\n"));
}

TEST(SummaryTest, LeavesOutTheTimesWhenThereAreNone) {
  TestView test = MakeTest(TestState::kFinished);
  EXPECT_THAT(RenderSummary(TestJson(test), {}), Not(HasSubstr("response time")));
  test.totals.response_time.Record(Millis(3));
  const std::string text = RenderSummary(TestJson(test), {});
  EXPECT_THAT(text, HasSubstr("response time"));
  EXPECT_THAT(text, HasSubstr("- : fewer than 10 requests are above it\n"));
}

TEST(SummaryTest, GivesATerminalNoOrders) {
  TestView test = MakeTest(TestState::kFinished);
  test.totals.done.versions = {{"\x1b[2J", 1}};
  test.verdict.reasons = {"a\x1b[2J"};
  EXPECT_THAT(RenderSummary(TestJson(test), {}), Not(HasSubstr("\x1b")));
}

TEST(ProgressTest, SaysHowFarTheTestIs) {
  TestView test = MakeTest(TestState::kRunning);
  auto spec = std::make_shared<TestSpec>(*test.spec);
  spec->target.url = "http://svc/";
  spec->load.stages = {{60'000, kMicro, kMicro}, {30'500, kMicro, kMicro}};
  test.spec = std::move(spec);
  test.elapsed_s = 12.1;
  test.completed_rate = 50;
  test.requests_per_second = 100;
  test.totals.due.outcomes[Outcome::kOk] = 1234;
  test.totals.due.outcomes[Outcome::kTimeout] = 3;
  EXPECT_THAT(RenderProgress(TestJson(test)),
              testing::StartsWith("running   12s of 90.5s  100/s  ok 1,234  other 3  p50 - "));
}

TEST(ProgressTest, SaysWhatAPendingTestWaitsFor) {
  TestView test = MakeTest(TestState::kPending);
  EXPECT_EQ(RenderProgress(TestJson(test)), "pending   waits for 1 ready agent");
}

TEST(SummaryTest, HasColoursOnlyWhenAsked) {
  const Json test = TestJson(MakeTest(TestState::kFinished));
  EXPECT_THAT(RenderSummary(test, {.color = false}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(RenderSummary(test, {.color = true}), HasSubstr("\x1b[32m"));
}

TEST(SummaryTest, GroupsDigits) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(60'000), "60,000");
  EXPECT_EQ(GroupDigits(-1'234'567), "-1,234,567");
}

}  // namespace
}  // namespace broadside
