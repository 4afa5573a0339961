#include "cli/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_code.h"
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
