// Without keep-alive a rate that would exhaust the agents' ports is refused: 28,232 ports / 60 s =
// 470 a second each.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TestSpec WithoutKeepalive(int64_t rps) {
  TestSpec spec = ConstantSpec(rps, 60);
  spec.connections.keepalive = false;
  return spec;
}

TEST(ControllerCorePortsTest, ARateThatExhaustsThePortsIsAFieldErrorWithTheNumber) {
  FakeFleet fleet;
  fleet.Join("a");
  fleet.Join("b");
  const CommandResult refused = fleet.Start(WithoutKeepalive(941));  // 2 x 470 + 1
  EXPECT_EQ(refused.code, CommandCode::kInvalid);
  ASSERT_THAT(refused.fields, SizeIs(1));
  EXPECT_EQ(refused.fields[0].pointer, "/connections/keepalive");
  EXPECT_THAT(refused.fields[0].detail, HasSubstr("at most 940 requests a second"));
  EXPECT_EQ(fleet.Start(WithoutKeepalive(940)).code, CommandCode::kOk);
}

TEST(ControllerCorePortsTest, TheHighestRateOfTheCurveCounts) {
  FakeFleet fleet;
  fleet.Join("a");
  TestSpec spec = WithoutKeepalive(10);
  spec.load.stages.push_back({1000, 10 * kMicro, 471 * kMicro});
  EXPECT_EQ(fleet.Start(spec).code, CommandCode::kInvalid);
  spec.load.stages.back().rate_to = 470 * kMicro;
  EXPECT_EQ(fleet.Start(spec).code, CommandCode::kOk);
}

TEST(ControllerCorePortsTest, WithKeepaliveAnyRateIsTaken) {
  FakeFleet fleet;
  fleet.Join("a");
  EXPECT_EQ(fleet.Start(ConstantSpec(100'000, 60)).code, CommandCode::kOk);
}

TEST(ControllerCorePortsTest, ATestThatWaitsForItsAgentsCountsThoseItWaitsFor) {
  FakeFleet fleet;
  EXPECT_EQ(fleet.Start(WithoutKeepalive(471)).code, CommandCode::kInvalid);  // 1 x 470
  TestSpec spec = WithoutKeepalive(1410);                                     // 3 x 470
  spec.agents.min = 3;
  const CommandResult started = fleet.Start(spec);
  ASSERT_EQ(started.code, CommandCode::kOk);
  EXPECT_EQ(fleet.Rate(started.test->id, 1411).code, CommandCode::kConflict);
  EXPECT_EQ(fleet.Rate(started.test->id, 1400).code, CommandCode::kOk);
}

TEST(ControllerCorePortsTest, ALiveRateAboveIsAConflictAndTheTestGoesOn) {
  FakeFleet fleet;
  fleet.Join("a");
  fleet.Join("b");
  const TestId id = fleet.Start(WithoutKeepalive(100)).test->id;
  fleet.Run(Seconds(5));
  const CommandResult refused = fleet.Rate(id, 941);
  EXPECT_EQ(refused.code, CommandCode::kConflict);
  EXPECT_THAT(refused.detail, HasSubstr("at most 940 requests a second"));
  EXPECT_EQ(fleet.View(id)->state, TestState::kRunning);
  EXPECT_EQ(fleet.Rate(id, 940).code, CommandCode::kOk);
}

TEST(ControllerCorePortsTest, ADrainingAgentsPortsDoNotCount) {
  FakeFleet fleet;
  fleet.Join("a");
  fleet.Join("b").draining = true;
  fleet.Beat(fleet.agent(1));
  EXPECT_EQ(fleet.Start(WithoutKeepalive(471)).code, CommandCode::kInvalid);
  EXPECT_EQ(fleet.Start(WithoutKeepalive(470)).code, CommandCode::kOk);
}

}  // namespace
}  // namespace broadside
