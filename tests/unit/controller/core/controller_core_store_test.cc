// What the core is told of tests that only the store has.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/core/fake_fleet.h"

namespace broadside {
namespace {

using testing::SizeIs;

TEST(ControllerCoreTest, AnIdempotencyKeyThatOnlyTheStoreKnowsGivesTheTestOfThen) {
  FakeFleet fleet;
  fleet.Join("a");
  auto then = std::make_shared<TestView>();
  then->id = "t-then";
  const auto ask = [&](uint64_t hash) {
    return fleet.core().Step(StartAsked{1, "t-new", {ConstantSpec(1, 1), "key", hash}, then, 7},
                             fleet.now());
  };
  const ControllerEffects same = ask(7);
  ASSERT_THAT(same.replies, SizeIs(1));
  EXPECT_TRUE(same.replies[0].result.replayed);
  EXPECT_EQ(same.replies[0].result.test, then);
  const ControllerEffects other = ask(8);
  ASSERT_THAT(other.replies, SizeIs(1));
  EXPECT_EQ(other.replies[0].result.code, CommandCode::kKeyReused);
  EXPECT_EQ(fleet.core().running_tests(), 0u);
}

TEST(ControllerCoreTest, ExpiredTestsAreForgottenWithTheirKeysAndRunningOnesAreNot) {
  FakeFleet fleet;
  fleet.Join("a");
  const TestId ended = fleet.Start(ConstantSpec(100, 3), "key", 1).test->id;
  fleet.Run(Seconds(10));
  const TestId running = fleet.Start(ConstantSpec(100, 30)).test->id;
  fleet.Do(TestsExpired{{ended, running, "t-unknown-here"}});
  fleet.Run(Seconds(1));
  EXPECT_FALSE(fleet.view().tests.contains(ended));
  EXPECT_TRUE(fleet.view().tests.contains(running));
  EXPECT_FALSE(fleet.Start(ConstantSpec(100, 3), "key", 1).replayed);
}

}  // namespace
}  // namespace broadside
