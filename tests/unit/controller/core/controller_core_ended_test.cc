// What users ask about ended tests while others delete them.

#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

constexpr RequestId kFirst = 1001;
constexpr RequestId kDelete = 1002;

// A test that was stopped, begun with Idempotency-Key "key" and a body of hash 7.
TestId EndedTest(FakeFleet& fleet) {
  fleet.Join("a");
  TestId id = fleet.Start(ConstantSpec(100, 60), "key", 7).test->id;
  fleet.Run(Seconds(5));
  fleet.Stop(id);
  fleet.Run(Seconds(20));
  EXPECT_EQ(fleet.View(id)->state, TestState::kStopped);
  return id;
}

// The answer to the first of two wishes that share a flush; the second deletes the test.
CommandResult AnswerBeforeDelete(FakeFleet& fleet, const TestId& id, const ControllerEvent& first) {
  fleet.core().Step(first, fleet.now());
  fleet.core().Step(DeleteAsked{kDelete, id, false}, fleet.now());
  const Commit commit = fleet.core().Flush(fleet.now());
  EXPECT_EQ(commit.batch.deleted.size(), 1u);
  EXPECT_EQ(commit.effects.replies.size(), 2u);
  EXPECT_EQ(commit.effects.replies[0].request, kFirst);
  EXPECT_EQ(commit.effects.replies[1].result.code, CommandCode::kOk);
  return commit.effects.replies[0].result;
}

TEST(ControllerCoreEndedTest, AStopIsAnsweredWithTheTestThatIsDeletedInTheSameFlush) {
  FakeFleet fleet;
  const TestId id = EndedTest(fleet);
  const CommandResult stopped = AnswerBeforeDelete(fleet, id, StopAsked{kFirst, id});
  EXPECT_EQ(stopped.code, CommandCode::kOk);
  ASSERT_NE(stopped.test, nullptr);
  EXPECT_EQ(stopped.test->id, id);
  EXPECT_EQ(stopped.test->state, TestState::kStopped);
}

TEST(ControllerCoreEndedTest, AUsedKeyIsAnsweredWithTheTestThatIsDeletedInTheSameFlush) {
  FakeFleet fleet;
  const TestId id = EndedTest(fleet);
  const CommandResult again = AnswerBeforeDelete(
      fleet, id, StartAsked{kFirst, "t-new", {ConstantSpec(100, 60), "key", 7}, nullptr, 0});
  EXPECT_EQ(again.code, CommandCode::kOk);
  EXPECT_TRUE(again.replayed);
  ASSERT_NE(again.test, nullptr);
  EXPECT_EQ(again.test->id, id);
}

TEST(ControllerCoreEndedTest, WhatOnlyTheStoreHasIsStoppedAndCannotChange) {
  FakeFleet fleet;
  auto stored = std::make_shared<TestView>();
  stored->id = "t-old";
  const ControllerEffects stop = fleet.core().Step(StopAsked{kFirst, "t-old", stored}, fleet.now());
  ASSERT_EQ(stop.replies.size(), 1u);
  EXPECT_EQ(stop.replies[0].result.code, CommandCode::kOk);
  EXPECT_EQ(stop.replies[0].result.test, stored);
  const ControllerEffects rate =
      fleet.core().Step(RateAsked{kFirst, "t-old", kMicro, true}, fleet.now());
  ASSERT_EQ(rate.replies.size(), 1u);
  EXPECT_EQ(rate.replies[0].result.code, CommandCode::kConflict);
}

}  // namespace
}  // namespace broadside
