#include "common/core/summary.h"

#include <gtest/gtest.h>

#include "common/core/limits.h"
#include "tests/unit/common/core/cases.h"

namespace broadside {
namespace {

// One thing that happened, as it enters a delta.
struct Event {
  int64_t due_k = 0;
  int64_t done_k = 0;
  Outcome outcome = Outcome::kOk;
  TimeoutPhase phase = TimeoutPhase::kConnect;
  uint16_t code = 200;
  std::string version;
  Nanos response{0};
};

Event RandomEvent(Cases& cases, int64_t versions) {
  Event event;
  event.due_k = cases.Between(0, 5);
  event.done_k = event.due_k + cases.Between(0, 2);
  event.outcome = static_cast<Outcome>(cases.Between(0, kOutcomeCount - 1));
  event.phase = static_cast<TimeoutPhase>(cases.Between(0, kTimeoutPhaseCount - 1));
  event.code = static_cast<uint16_t>(cases.Between(200, 204));
  event.version = "v" + std::to_string(cases.Between(0, versions));
  event.response = Nanos(cases.Logarithmic(300'000'000'000));
  return event;
}

void Book(const Event& event, TestDelta& delta) {
  DueSummary& due = delta.by_due[event.due_k];
  ++due.outcomes[event.outcome];
  if (event.outcome == Outcome::kTimeout) ++due.timeouts_by_phase[static_cast<size_t>(event.phase)];
  DoneSummary one;
  one.completed = event.outcome == Outcome::kOk ? 1 : 0;
  one.codes[event.code] = 1;
  one.AddVersion(event.version, 1);
  one.bytes_sent = 10;
  one.bytes_received = 100 + event.code;
  one.resends = event.code == 204 ? 1 : 0;
  Histogram histogram;
  histogram.Record(event.response);
  one.response_time = histogram.Sparse();
  one.service_time = histogram.Sparse();
  if (WasSent(event.outcome)) one.send_lag = histogram.Sparse();
  delta.by_done[event.done_k].Merge(one);
}

TestDelta Delta() {
  TestDelta delta;
  delta.test = "t";
  return delta;
}

TEST(SummaryTest, AddingADueSummaryAddsOutcomesAndPhases) {
  DueSummary a, b;
  a.outcomes[Outcome::kTimeout] = 2;
  a.timeouts_by_phase[1] = 2;
  b.outcomes[Outcome::kTimeout] = 3;
  b.timeouts_by_phase[1] = 1;
  b.timeouts_by_phase[4] = 2;
  a.Merge(b);
  EXPECT_EQ(a.outcomes[Outcome::kTimeout], 5u);
  EXPECT_EQ(a.timeouts_by_phase, (std::array<uint64_t, kTimeoutPhaseCount>{0, 3, 0, 0, 2}));
}

TEST(SummaryTest, ADeltaIsEmptyUntilItHasAnInterval) {
  TestDelta delta = Delta();
  EXPECT_TRUE(delta.Empty());
  delta.by_done[3];
  EXPECT_FALSE(delta.Empty());
}

TEST(SummaryTest, SettledAndClosedNeverGoBack) {
  TestDelta a = Delta(), b = Delta();
  a.settled_through = 5;
  b.settled_through = 4;
  b.closed_through = 7;
  a.Merge(b);
  EXPECT_EQ(a.settled_through, 5);
  EXPECT_EQ(a.closed_through, 7);
}

TEST(SummaryTest, ANewDeltaTakesTheTestOfTheFirst) {
  TestDelta sum;
  sum.Merge(Delta());
  EXPECT_EQ(sum.test, "t");
}

TEST(SummaryDeathTest, DeltasOfDifferentTestsAreNotAdded) {
  TestDelta a = Delta();
  TestDelta b;
  b.test = "u";
  EXPECT_DEATH(a.Merge(b), "t and u");
}

TEST(SummaryTest, VersionsBeyondTheLimitAreCountedAsOther) {
  DoneSummary done;
  for (int i = 10; i < 10 + 20; ++i) done.AddVersion("v" + std::to_string(i), 2);
  // 20 names, 16 kept: 4 of 2 each are other.
  EXPECT_EQ(done.versions.size(), limits::kVersionsMax + 1);
  EXPECT_EQ(done.versions.at("other"), 8u);
  EXPECT_EQ(done.versions.at("v25"), 2u);
  EXPECT_EQ(done.versions.count("v26"), 0u);
}

TEST(SummaryTest, AVersionNamedOtherIsOther) {
  DoneSummary done;
  done.AddVersion("other", 3);
  // Names that sort before and after "other".
  for (int i = 0; i < 17; ++i) done.AddVersion(std::string(1, static_cast<char>('a' + i)), 1);
  EXPECT_EQ(done.versions.at("other"), 4u);
  EXPECT_EQ(done.versions.count("p"), 1u);
  EXPECT_EQ(done.versions.count("q"), 0u);
}

TEST(SummaryTest, ALongVersionIsCut) {
  DoneSummary done;
  done.AddVersion(std::string(100, 'x'), 1);
  EXPECT_EQ(done.versions.begin()->first, std::string(limits::kVersionBytesMax, 'x'));
}

TEST(SummaryPropertyTest, AnySplitInAnyOrderGivesTheSameTotals) {
  ForEachSeed(200, [](Cases& cases) {
    const int64_t versions = cases.OneIn(2) ? 5 : 40;  // below and above the limit of names
    TestDelta whole = Delta();
    std::vector<TestDelta> parts(static_cast<size_t>(cases.Between(1, 6)), Delta());
    for (int64_t i = cases.Between(0, 150); i > 0; --i) {
      const Event event = RandomEvent(cases, versions);
      Book(event, whole);
      Book(event, parts[static_cast<size_t>(cases.Between(0, std::ssize(parts) - 1))]);
    }
    TestDelta forwards = Delta(), backwards = Delta(), tail = Delta();
    for (size_t i = 0; i < parts.size(); ++i) {
      forwards.Merge(parts[i]);
      backwards.Merge(parts[parts.size() - 1 - i]);
      if (i > 0) tail.Merge(parts[i]);
    }
    TestDelta tree = parts[0];
    tree.Merge(tail);
    EXPECT_EQ(forwards, whole);
    EXPECT_EQ(backwards, whole);
    EXPECT_EQ(tree, whole);
  });
}

}  // namespace
}  // namespace broadside
