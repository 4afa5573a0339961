// Whom an agent serves: one store, and of it the newest controller.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/core/rig.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(AgentCoreIdentityTest, TellsInItsHelloWhomItServed) {
  Rig rig;
  rig.Connect(WelcomeOf("store-a", 3));
  rig.Break();
  const Hello hello = rig.Greet();
  EXPECT_EQ(hello.store_uuid, "store-a");
  EXPECT_EQ(hello.epoch, 3u);
}

TEST(AgentCoreIdentityTest, ComesBackToTheSameProcess) {
  Rig rig;
  rig.Connect(WelcomeOf("store-a", 3, 11));
  rig.Break();
  rig.Connect(WelcomeOf("store-a", 3, 11));
  EXPECT_TRUE(rig.core.Status(rig.now).connected);
}

TEST(AgentCoreIdentityTest, FollowsAHigherEpochOfItsStore) {
  Rig rig;
  rig.Connect(WelcomeOf("store-a", 3, 11));
  rig.Break();
  rig.Connect(WelcomeOf("store-a", 4, 12));
  EXPECT_TRUE(rig.core.Status(rig.now).connected);
}

TEST(AgentCoreIdentityTest, RefusesAnOlderEpochOfItsStore) {
  Rig rig;
  rig.Connect(WelcomeOf("store-a", 3));
  rig.Break();
  const auto effects = rig.Connect(WelcomeOf("store-a", 2));
  EXPECT_TRUE(Logged(effects, "controller_refused", "epoch 2 of store store-a, but epoch 3"));
  EXPECT_THAT(Of<CloseStream>(effects), SizeIs(1));
  EXPECT_FALSE(rig.core.Status(rig.now).connected);
}

TEST(AgentCoreIdentityTest, RefusesASecondProcessWithTheSameEpoch) {
  Rig rig;
  rig.Connect(WelcomeOf("store-a", 3, 11));
  rig.Break();
  EXPECT_TRUE(Logged(rig.Connect(WelcomeOf("store-a", 3, 12)), "controller_refused",
                     "the store was copied"));
}

TEST(AgentCoreIdentityTest, RefusesAnotherStoreWhileSlotsAreUnfinished) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 2);
  rig.Break();
  const auto effects = rig.Connect(WelcomeOf("store-b"));
  EXPECT_TRUE(Logged(effects, "controller_refused", "slots of store store-a are unfinished"));
  EXPECT_THAT(Of<ForgetTest>(effects), IsEmpty());
}

TEST(AgentCoreIdentityTest, TakesAnotherStoreWhenNothingIsHeld) {
  Rig rig;
  rig.Connect(WelcomeOf("store-a", 3));
  rig.Break();
  EXPECT_TRUE(Logged(rig.Connect(WelcomeOf("store-b", 1)), "controller_changed", "store-b"));
  EXPECT_TRUE(rig.core.Status(rig.now).connected);
}

TEST(AgentCoreIdentityTest, WaitsALittleForTheStoreThatItOwesReports) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Seconds(2));  // report 1 is sent and not acknowledged
  rig.Break();
  EXPECT_TRUE(Logged(rig.Connect(WelcomeOf("store-b")), "controller_refused",
                     "1 reports for store store-a are not delivered"));
  rig.speaks = false;
  rig.Wait(AgentCore::kForeignStoreGrace);
  const auto effects = rig.Connect(WelcomeOf("store-b"));
  EXPECT_TRUE(Logged(effects, "controller_changed", "1 reports for store store-a"));
  ASSERT_THAT(Of<ForgetTest>(effects), SizeIs(1));
  EXPECT_TRUE(rig.core.Status(rig.now).connected);
}

TEST(AgentCoreIdentityTest, NumbersItsReportsFromOneForANewStore) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Seconds(2));
  rig.Acknowledge(1);
  rig.Break();
  rig.ConnectWithClock(WelcomeOf("store-b"));
  rig.Give("u", 1);
  rig.Result(DeltaOf("u", 0));
  EXPECT_THAT(Numbers(rig.Wait(Seconds(2))), ElementsAre(1));
}

}  // namespace
}  // namespace broadside
