// Every slot of the plan is sent once, whatever the rate, the number of agents and of their
// threads.

#include <gtest/gtest.h>

#include <tuple>

#include "tests/e2e/local_run.h"

namespace broadside {
namespace {

uint64_t Count(const LocalRunResult& run, Outcome outcome) {
  return run.test->totals.due.outcomes[outcome];
}

// The plan, the books and the target agree.
void ExpectEverySlotOnce(const LocalRunResult& run, int64_t planned) {
  const TestView& test = *run.test;
  EXPECT_EQ(test.state, TestState::kFinished);
  EXPECT_TRUE(test.balanced);
  EXPECT_EQ(test.totals.planned, planned);
  EXPECT_EQ(test.totals.outstanding, 0);
  EXPECT_EQ(static_cast<int64_t>(test.totals.due.outcomes.Total()), planned);
  EXPECT_EQ(Count(run, Outcome::kOk), static_cast<uint64_t>(planned));
  EXPECT_EQ(run.target.requests, static_cast<uint64_t>(planned));
  EXPECT_EQ(run.target.slots_distinct, static_cast<uint64_t>(planned));
  EXPECT_EQ(run.target.slots_duplicates, 0u);
  EXPECT_EQ(run.target.slots_max, planned - 1);
  EXPECT_EQ(test.totals.response_time.count(), static_cast<uint64_t>(planned));
  EXPECT_EQ(test.totals.done.codes.at(200), static_cast<uint64_t>(planned));
}

using Shape = std::tuple<int, int>;  // agents, threads of each

class FleetTest : public testing::TestWithParam<Shape> {
 protected:
  LocalRunOptions Options() const {
    return {.agents = std::get<0>(GetParam()), .threads = std::get<1>(GetParam())};
  }
};

TEST_P(FleetTest, AnOddRateIsSentSlotBySlot) {
  // 733.777 rps for 3 s: C(3 s) = 2201.331 slots, so slots 0 to 2201.
  ExpectEverySlotOnce(RunLocally(SpecOf({{3000, 733'777'000, 733'777'000}}), Options()), 2202);
}

TEST_P(FleetTest, ARampWithAPauseIsSentSlotBySlot) {
  // 100 to 1,300 rps in 2 s: 1400; a pause of 0.7 s; 333.3 rps for 1.3 s: 433.29. In all 1833.29,
  // so slots 0 to 1833.
  ExpectEverySlotOnce(RunLocally(SpecOf({{2000, 100'000'000, 1'300'000'000},
                                         {700, 0, 0},
                                         {1300, 333'300'000, 333'300'000}}),
                                 Options()),
                      1834);
}

INSTANTIATE_TEST_SUITE_P(Fleets, FleetTest,
                         testing::Values(Shape{1, 1}, Shape{1, 3}, Shape{3, 1}, Shape{3, 2},
                                         Shape{7, 1}, Shape{7, 3}),
                         [](const testing::TestParamInfo<Shape>& shape) {
                           return std::to_string(std::get<0>(shape.param)) + "AgentsOf" +
                                  std::to_string(std::get<1>(shape.param)) + "Threads";
                         });

// The test's last state; blocks until it has ended.
std::shared_ptr<const TestView> RunAgainstNobody(TestSpec spec) {
  // Nobody listens on the discard port of loopback.
  spec.target.host = "127.0.0.1";
  spec.target.port = 9;
  spec.target.url = "http://127.0.0.1:9/";
  return RunTarget(std::move(spec), LocalRunOptions{});
}

TEST(FleetOutcomesTest, ATargetThatIsNotThereGivesConnectErrorsAndATestThatEnds) {
  const auto test = RunAgainstNobody(SpecOf({{1000, 100'000'000, 100'000'000}}));
  EXPECT_EQ(test->state, TestState::kFinished);
  EXPECT_EQ(test->totals.due.outcomes[Outcome::kConnectError], 100u);
  EXPECT_TRUE(test->balanced);
}

TEST(FleetOutcomesTest, ServerErrorsAreFailedAndCountedByCode) {
  LocalRunOptions options;
  options.target.error_rate = 1;
  const LocalRunResult run = RunLocally(SpecOf({{1000, 200'000'000, 200'000'000}}), options);
  EXPECT_EQ(Count(run, Outcome::kFailed), 200u);
  EXPECT_EQ(run.test->totals.done.codes.at(503), 200u);
  EXPECT_TRUE(run.test->balanced);
}

// A target that stalls for a second in the middle: the plan does not move, and the waiting is in
// the response time.
TEST(CoordinatedOmissionTest, AStallOfOneSecondIsInTheTailOfTheResponseTime) {
  LocalRunOptions options;
  options.target.stalls = {{.at = Seconds(3), .length = Seconds(1)}};
  const LocalRunResult run = RunLocally(SpecOf({{8000, 500'000'000, 500'000'000}}), options);
  EXPECT_EQ(run.test->totals.planned, 4000);
  EXPECT_EQ(Count(run, Outcome::kOk), 4000u);
  // 500 requests are due during the stall and wait 1 s to 0 s; the slowest 40 of 4000 are those
  // that wait more than 0.92 s.
  const double p99_s =
      std::chrono::duration<double>(*run.test->totals.response_time.Quantile(0.99)).count();
  const double max_s = std::chrono::duration<double>(run.test->totals.response_time.max()).count();
  EXPECT_GE(p99_s, 0.87);
  EXPECT_LE(p99_s, 0.95);
  EXPECT_GE(max_s, 0.95);
  EXPECT_LE(max_s, 1.15);
}

}  // namespace
}  // namespace broadside
