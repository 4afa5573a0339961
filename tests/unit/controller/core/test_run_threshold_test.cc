// Thresholds of a test that runs: when they are crossed, and when they stop it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using ::testing::SizeIs;

TEST(ThresholdsTest, ACrossedThresholdThatAbortsStopsTheTestAfterItsDelay) {
  FakeFleet fleet;
  FakeAgent& agent = fleet.Join("a");
  agent.outcome = Outcome::kFailed;
  TestSpec spec = ConstantSpec(100, 60);
  Threshold threshold = *ParseThreshold(ThresholdMetric::kFailed, "rate<0.01");
  threshold.abort_on_fail = true;
  threshold.delay_abort_eval = Millis(5000);
  spec.thresholds = {threshold};
  const TestId id = fleet.Start(spec).test->id;
  fleet.Run(Seconds(6));
  EXPECT_EQ(fleet.View(id)->state, TestState::kRunning) << "tau is 4 s";
  fleet.Run(Seconds(10));
  const auto view = fleet.View(id);
  EXPECT_EQ(view->state, TestState::kStopped);
  ASSERT_THAT(view->thresholds, SizeIs(1));
  EXPECT_FALSE(view->thresholds[0].ok);
  EXPECT_EQ(view->reason, "threshold crossed: http_req_failed rate<0.01");
}

// Outcomes come about a second behind the time that passes, and none in the start lead.
TEST(ThresholdsTest, AThresholdOnRequestsHoldsWhileAHealthyTestRuns) {
  for (const char* expression : {"rate>99", "rate<101", "count!=0", "count>=1"}) {
    FakeFleet fleet;
    for (const char* name : {"a", "b"}) fleet.Join(name);
    TestSpec spec = ConstantSpec(100, 60);
    spec.load.stages[0].duration_ms = 20'500;  // the last second is half a second
    Threshold threshold = *ParseThreshold(ThresholdMetric::kRequests, expression);
    threshold.abort_on_fail = true;
    spec.thresholds = {threshold};
    const TestId id = fleet.Start(spec).test->id;
    fleet.Run(Seconds(10));
    fleet.RestartController(Millis(300));
    fleet.Run(Seconds(30));
    const auto view = fleet.View(id);
    EXPECT_EQ(view->state, TestState::kFinished) << expression << ": " << view->reason;
    EXPECT_TRUE(view->thresholds.at(0).ok);
    for (const Change& change : fleet.store().Changes(id))
      EXPECT_NE(change.kind, ChangeKind::kThreshold) << change.detail;
  }
}

TEST(ThresholdsTest, ATestThatMadeNoRequestHasARateOfNone) {
  FakeFleet fleet;
  fleet.Join("a").outcome = Outcome::kSkipped;
  TestSpec spec = ConstantSpec(100, 10);
  spec.thresholds = {*ParseThreshold(ThresholdMetric::kRequests, "rate>99")};
  const TestId id = fleet.Start(spec).test->id;
  fleet.Run(Seconds(8));
  EXPECT_TRUE(fleet.View(id)->thresholds.at(0).ok) << "no data yet";
  fleet.Run(Seconds(20));
  EXPECT_EQ(fleet.View(id)->state, TestState::kFinished);
  EXPECT_FALSE(fleet.View(id)->thresholds.at(0).ok);
  EXPECT_EQ(fleet.View(id)->thresholds.at(0).value, 0);
}

}  // namespace
}  // namespace broadside
