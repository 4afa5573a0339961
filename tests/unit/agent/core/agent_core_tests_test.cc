// Tests that an agent holds: start, grants, cut, release, final.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/core/rig.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

ControllerMessage Grants(TestId test, std::vector<int64_t> ks) {
  ControllerMessage message;
  TestGrant grant{.test = std::move(test), .grants = {}};
  for (const int64_t k : ks) grant.grants.push_back(GrantOf(k));
  message.grants.push_back(std::move(grant));
  return message;
}

std::vector<int64_t> Extended(const Effects& effects) {
  std::vector<int64_t> ks;
  for (const ExtendTest& extend : Of<ExtendTest>(effects)) ks.push_back(extend.grant.segment.k);
  return ks;
}

ControllerMessage Cut(TestId test) {
  ControllerMessage message;
  message.cuts.push_back(std::move(test));
  return message;
}

TEST(AgentCoreTestsTest, StartsATestAndPassesItsGrants) {
  Rig rig;
  rig.ConnectWithClock();
  const auto effects = rig.Give("t", 3);
  ASSERT_THAT(Of<StartTest>(effects), SizeIs(1));
  EXPECT_EQ(Of<StartTest>(effects)[0].test, "t");
  EXPECT_THAT(Extended(effects), ElementsAre(0, 1, 2));
}

TEST(AgentCoreTestsTest, StartsATestOnlyOnce) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 3);
  EXPECT_THAT(Of<StartTest>(rig.Give("t", 0)), IsEmpty());
}

TEST(AgentCoreTestsTest, IgnoresGrantsThatItHas) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 3);
  EXPECT_THAT(Extended(rig.Say(Grants("t", {1, 2, 3, 3, 5, 4}))), ElementsAre(3, 5));
}

TEST(AgentCoreTestsTest, IgnoresAGrantOfATestThatItDoesNotHold) {
  Rig rig;
  rig.ConnectWithClock();
  const auto effects = rig.Say(Grants("t", {0}));
  EXPECT_THAT(Extended(effects), IsEmpty());
  EXPECT_TRUE(Logged(effects, "grant_without_test", "test t"));
}

TEST(AgentCoreTestsTest, SaysInBeatsAndHelloHowFarItsPlanReaches) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 3);
  const Beat beat = Messages(rig.Wait(Seconds(1))).at(0).beat.value();
  EXPECT_THAT(beat.plans, ElementsAre(Beat::Plan{"t", 2}));
  rig.Break();
  const Hello hello = rig.Greet();
  ASSERT_THAT(hello.tests, SizeIs(1));
  EXPECT_EQ(hello.tests[0].test, "t");
  EXPECT_EQ(hello.tests[0].plan_through, 2);
  EXPECT_EQ(hello.tests[0].last_hash, GrantHash(GrantOf(2)));
  EXPECT_EQ(hello.tests[0].tau_error, Millis(1));
  const BootTime t0 = Of<StartTest>(rig.all)[0].clock.ToBoot(TestTime{});
  EXPECT_EQ(hello.tests[0].tau, TestTime(rig.now - t0));
}

TEST(AgentCoreTestsTest, CutsATestAndSaysWhenItIsDone) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 3);
  const auto cut = rig.Say(Cut("t"));
  EXPECT_THAT(Of<CutTest>(cut), SizeIs(1));
  EXPECT_THAT(Messages(cut), IsEmpty());
  const auto done = Messages(rig.Do(TestCut{"t"}));
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_THAT(done[0].cut_done, ElementsAre("t"));
  EXPECT_TRUE(done[0].beat.has_value());
}

TEST(AgentCoreTestsTest, CutsATestOnlyOnceButAnswersEachTime) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 3);
  rig.Say(Cut("t"));
  EXPECT_THAT(Messages(rig.Say(Cut("t"))), IsEmpty());  // not done yet
  rig.Do(TestCut{"t"});
  const auto again = rig.Say(Cut("t"));
  EXPECT_THAT(Of<CutTest>(again), IsEmpty());
  EXPECT_THAT(Messages(again).at(0).cut_done, ElementsAre("t"));
}

TEST(AgentCoreTestsTest, SaysAtOnceThatATestItDoesNotHoldIsCut) {
  Rig rig;
  rig.ConnectWithClock();
  EXPECT_THAT(Messages(rig.Say(Cut("t"))).at(0).cut_done, ElementsAre("t"));
}

TEST(AgentCoreTestsTest, KeepsACutThatWasDoneWithoutAControllerUntilItAsksAgain) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 3);
  rig.Say(Cut("t"));
  rig.Break();
  EXPECT_THAT(Messages(rig.Do(TestCut{"t"})), IsEmpty());
  rig.Connect();
  ControllerMessage message;
  message.tests.push_back({"t", RigSpec(), rig.now, true});
  EXPECT_THAT(Messages(rig.Say(message)).at(0).cut_done, ElementsAre("t"));
}

TEST(AgentCoreTestsTest, CutsATestBeforeItsGrantsWhenItStartsAsStopping) {
  Rig rig;
  rig.Connect();
  ControllerMessage message = Grants("t", {0, 1});
  message.tests.push_back({"t", RigSpec(), rig.now, true});
  EXPECT_THAT(Messages(rig.Say(message)).at(0).cut_done, ElementsAre("t"));
  Effects effects;
  for (int i = 0; i < 16; ++i) effects = rig.Exchange(Millis(1), Millis(1), Millis(0));
  ASSERT_GE(effects.size(), 4u);
  EXPECT_TRUE(std::holds_alternative<StartTest>(effects[0]));
  EXPECT_TRUE(std::holds_alternative<CutTest>(effects[1]));
  EXPECT_TRUE(std::holds_alternative<ExtendTest>(effects[2]));
}

TEST(AgentCoreTestsTest, ForgetsATestThatIsFinal) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 3);
  ControllerMessage message;
  message.finals = {"t", "never-held"};
  EXPECT_THAT(Of<ForgetTest>(rig.Say(message)), SizeIs(1));
  EXPECT_EQ(rig.core.Status(rig.now).tests, 0u);
  EXPECT_THAT(Messages(rig.Do(TestCut{"t"})), IsEmpty());
}

TEST(AgentCoreTestsTest, ForgetsInSilenceATestThatNeverStarted) {
  Rig rig;
  rig.Connect();
  rig.Give("t", 3);
  ControllerMessage message;
  message.finals = {"t"};
  EXPECT_THAT(Of<ForgetTest>(rig.Say(message)), IsEmpty());
}

TEST(AgentCoreTestsTest, TakesNoMoreTestsThanItsBound) {
  Rig rig;
  rig.ConnectWithClock();
  for (size_t i = 0; i < AgentCore::kTestsHeldMax; ++i) rig.Give("t" + std::to_string(i), 1);
  const auto effects = rig.Give("one-more", 1);
  EXPECT_TRUE(Logged(effects, "test_not_taken", "one-more"));
  EXPECT_THAT(Of<StartTest>(effects), IsEmpty());
}

// All of "t" is settled and reported, nothing acknowledged, when the stream breaks.
void LoseControllerOfADryTest(Rig& rig) {
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Seconds(2));
  rig.Break();
}

TEST(AgentCoreTestsTest, KeepsATestThatRanDryWhileTheControllerIsAway) {
  Rig rig;
  LoseControllerOfADryTest(rig);
  EXPECT_THAT(Of<ForgetTest>(rig.Wait(Seconds(200))), IsEmpty());
  EXPECT_THAT(rig.Greet().tests, SizeIs(1));
}

TEST(AgentCoreTestsTest, ForgetsADryTestWhenTheControllerStaysAway) {
  Rig rig;
  rig.ConnectWithClock();
  rig.Give("t", 1);
  rig.Give("unfinished", 1);
  rig.Result(DeltaOf("t", 0));
  rig.Wait(Seconds(2));
  rig.Acknowledge(1);
  rig.Break();
  rig.closes = {"t"};  // an engine goes on closing intervals, which is nothing that is owed
  // 5 min gap + L + T = 6 s + 10 s
  EXPECT_THAT(Of<ForgetTest>(rig.Wait(Seconds(315))), IsEmpty());
  const auto effects = rig.Wait(Seconds(2));
  ASSERT_THAT(Of<ForgetTest>(effects), SizeIs(1));
  EXPECT_EQ(Of<ForgetTest>(effects)[0].test, "t");
  EXPECT_TRUE(Logged(effects, "test_forgotten", "no controller for 316 s"));
}

// The controller would take it for one that never got its grants.
TEST(AgentCoreTestsTest, KeepsADryTestWhoseResultsAreOwed) {
  Rig rig;
  LoseControllerOfADryTest(rig);
  EXPECT_THAT(Of<ForgetTest>(rig.Wait(Seconds(400))), IsEmpty());
  EXPECT_THAT(rig.Greet().tests, SizeIs(1));
}

}  // namespace
}  // namespace broadside
