// Reports and beats: when, which, and again after a reconnect.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/core/rig.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Connected, with a clock and one test that goes on for long.
class AgentCoreReportsTest : public testing::Test {
 protected:
  AgentCoreReportsTest() {
    rig.ConnectWithClock();
    rig.Give("t", 1000);
    rig.Wait(Seconds(1));  // to T0, from which the times of reports are counted
  }
  // One more result is reported, or waits.
  std::vector<uint64_t> ReportOne() {
    rig.Result(DeltaOf("t", k++));
    return Numbers(rig.Wait(Millis(500)));
  }
  Rig rig;
  int64_t k = 0;
};

TEST_F(AgentCoreReportsTest, NumbersReportsFromOneWithoutAGap) {
  for (uint64_t seq = 1; seq <= 5; ++seq) {
    EXPECT_THAT(ReportOne(), ElementsAre(seq));
    rig.Acknowledge(seq);
  }
}

TEST_F(AgentCoreReportsTest, EveryReportCarriesABeat) {
  rig.Result(DeltaOf("t", 0));
  for (const AgentMessage& message : Messages(rig.Wait(Seconds(1)))) {
    EXPECT_TRUE(message.beat.has_value());
  }
}

TEST_F(AgentCoreReportsTest, BeatsWhenThereIsNothingToReport) {
  const auto messages = Messages(rig.Wait(Seconds(10)));
  EXPECT_GE(messages.size(), 19u);  // every 500 ms
  EXPECT_LE(messages.size(), 21u);
  for (const AgentMessage& message : messages) EXPECT_FALSE(message.report.has_value());
}

TEST_F(AgentCoreReportsTest, SendsNoBeatBesideAReport) {
  int messages = 0;
  for (int i = 0; i < 20; ++i) {
    rig.Result(DeltaOf("t", i));
    messages += static_cast<int>(Messages(rig.Wait(Millis(500))).size());
    rig.Acknowledge(static_cast<uint64_t>(i + 1));
  }
  EXPECT_LE(messages, 21);
}

TEST_F(AgentCoreReportsTest, BeatsWhileTheEngineDoesNotAnswer) {
  rig.engine_answers = false;
  EXPECT_GE(Messages(rig.Wait(Seconds(10))).size(), 18u);
  EXPECT_LE(Of<CollectResults>(rig.all).size(), 12u);
}

TEST_F(AgentCoreReportsTest, HasAtMostFourInFlightAndMergesTheRest) {
  for (uint64_t seq = 1; seq <= 4; ++seq) EXPECT_THAT(ReportOne(), ElementsAre(seq));
  EXPECT_THAT(ReportOne(), IsEmpty());
  EXPECT_THAT(ReportOne(), IsEmpty());
  EXPECT_EQ(rig.core.Status(rig.now).reports_unacknowledged, 4u);
  rig.Acknowledge(1);
  const auto reports = Reports(rig.Wait(Millis(500)));
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].seq, 5u);
  ASSERT_THAT(reports[0].tests, SizeIs(1));
  EXPECT_THAT(reports[0].tests[0].by_due, SizeIs(2));  // intervals 4 and 5 in one
}

TEST_F(AgentCoreReportsTest, SendsWhatIsNotAcknowledgedAgainUnchangedBeforeNewOnes) {
  ReportOne();
  ReportOne();
  ReportOne();
  rig.Acknowledge(1);
  const auto before = Reports(rig.all);
  rig.Break();
  rig.Result(DeltaOf("t", k++));
  rig.Wait(Millis(100));
  const auto again = Reports(rig.Connect());
  ASSERT_GE(again.size(), 2u);
  EXPECT_EQ(again[0], before[1]);
  EXPECT_EQ(again[1], before[2]);
  const auto later = Reports(rig.Wait(Millis(600)));
  const auto& last = later.empty() ? again.back() : later.back();
  EXPECT_EQ(last.seq, 4u);
}

TEST_F(AgentCoreReportsTest, TrimsWhatAWelcomeAcknowledges) {
  ReportOne();
  ReportOne();
  ReportOne();
  rig.Break();
  Welcome welcome = WelcomeOf();
  welcome.acked_seq = 2;
  EXPECT_THAT(Numbers(rig.Connect(welcome)), ElementsAre(3));
}

TEST_F(AgentCoreReportsTest, GoesOnAboveAnAcknowledgementThatItCannotExplain) {
  ReportOne();
  EXPECT_TRUE(Logged(rig.Acknowledge(9), "report_numbers_jumped", "report 9"));
  EXPECT_THAT(ReportOne(), ElementsAre(10));
  rig.Break();
  Welcome welcome = WelcomeOf();
  welcome.acked_seq = 20;
  EXPECT_TRUE(Logged(rig.Connect(welcome), "report_numbers_jumped", "report 20"));
  EXPECT_THAT(ReportOne(), ElementsAre(21));
}

TEST_F(AgentCoreReportsTest, CollectsWhileTheControllerIsAwayAndReportsItLater) {
  rig.Break();
  for (int i = 0; i < 10; ++i) EXPECT_THAT(ReportOne(), IsEmpty());
  const auto reports = Reports(rig.Connect());
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_THAT(reports[0].tests.at(0).by_due, SizeIs(10));
  EXPECT_EQ(reports[0].tests.at(0).settled_through, 9);
}

TEST_F(AgentCoreReportsTest, ReportsAtAFixedPlaceInTheSecondOfTheTest) {
  const BootTime t0 = Of<StartTest>(rig.all)[0].clock.ToBoot(TestTime{});
  std::vector<Nanos> places;
  for (int i = 0; i < 200; ++i) {
    if (!Of<CollectResults>(rig.Wait(Millis(10))).empty()) {
      places.push_back((rig.now - t0) % Millis(500));
    }
  }
  ASSERT_THAT(places, SizeIs(4));  // 2 s
  for (const Nanos place : places) {
    EXPECT_LE(place, limits::kReportSpread + Millis(10));
    EXPECT_EQ(place, places[0]);
  }
}

TEST(AgentCoreSpreadTest, SpreadsTheReportsOfAFleetOver300Ms) {
  std::vector<Nanos> places;
  for (uint64_t i = 1; i <= 100; ++i) {
    AgentCoreOptions options = RigOptions();
    options.incarnation = {i * 0x9e3779b97f4a7c15ull, i * 0xbf58476d1ce4e5b9ull};
    Rig rig(options);
    rig.Connect();
    const BootTime welcomed = rig.now;
    rig.all.clear();
    while (Of<CollectResults>(rig.all).empty()) rig.Wait(Millis(1));
    places.push_back(rig.now - welcomed);
  }
  const auto [first, last] = std::minmax_element(places.begin(), places.end());
  EXPECT_LT(*first, Millis(30));
  EXPECT_GT(*last, Millis(270));
  EXPECT_LE(*last, Millis(301));
}

TEST_F(AgentCoreReportsTest, BeatsCarryTheWorstSinceTheLastOne) {
  rig.stats = {.loop_delay = Millis(7), .cpu_fraction = 0.5, .descriptors_exhausted = 3};
  const Beat first = Messages(rig.Wait(Millis(500))).back().beat.value();
  EXPECT_EQ(first.loop_delay, Millis(7));
  EXPECT_EQ(first.cpu_fraction, 0.5);
  EXPECT_EQ(first.descriptors_exhausted, 3u);
  rig.engine_answers = false;
  rig.Wait(Millis(490));
  rig.Do(ResultsCollected{{}, {.loop_delay = Millis(9)}});
  rig.Do(ResultsCollected{{}, {.loop_delay = Millis(2), .cpu_fraction = 0.1}});
  const Beat second = Messages(rig.Wait(Millis(500))).at(0).beat.value();
  EXPECT_GE(second.loop_delay, Millis(9));
}

TEST_F(AgentCoreReportsTest, BeatsCarryTheCapacityOnceItWasMeasured) {
  EXPECT_EQ(Messages(rig.Wait(Millis(500))).back().beat.value().capacity_rps, std::nullopt);
  for (int i = 0; i < 10; ++i) {
    rig.stats = {.cpu_fraction = 0.5, .requests_sent = 1'000'000 + 100'000u * i};
    rig.Wait(Millis(500));
  }
  const Beat beat = Messages(rig.Wait(Millis(500))).back().beat.value();
  // 200,000 a second at half a thread; collections are not exactly 500 ms apart.
  EXPECT_NEAR(beat.capacity_rps.value(), 400'000, 40'000);
}

}  // namespace
}  // namespace broadside
