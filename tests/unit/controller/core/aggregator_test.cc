#include "controller/core/aggregator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broadside {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TestDelta Delta(int64_t due_k, uint64_t due, int64_t done_k, uint64_t done) {
  TestDelta delta;
  if (due > 0) delta.by_due[due_k].outcomes[Outcome::kOk] = due;
  if (done > 0) {
    DoneSummary& summary = delta.by_done[done_k];
    summary.completed = done;
    summary.codes[200] = done;
    Histogram time;
    time.RecordMany(Millis(5), done);
    summary.response_time = time.Sparse();
  }
  return delta;
}

TEST(AggregatorTest, OutcomesCountOnceTheirSecondHasBegunAnswersAtOnce) {
  Aggregator sums;
  sums.Append(0, 10);
  sums.Append(1, 10);
  sums.Begin(0);
  sums.Add(Delta(1, 3, 1, 3));  // an agent whose clock is a little ahead
  EXPECT_EQ(sums.totals().planned, 10);
  EXPECT_EQ(sums.totals().due.outcomes.Total(), 0u);
  EXPECT_EQ(sums.totals().done.completed, 3u);
  sums.Begin(1);
  EXPECT_EQ(sums.totals().planned, 20);
  EXPECT_EQ(sums.totals().due.outcomes[Outcome::kOk], 3u);
}

TEST(AggregatorTest, AClosedFigureNeverChangesThoughCountersRise) {
  Aggregator sums;
  sums.Append(0, 10);
  sums.Begin(0);
  sums.Add(Delta(0, 9, 0, 9));
  sums.Close(0, 0.5);
  sums.Add(Delta(0, 1, 0, 1));
  EXPECT_EQ(sums.Find(0)->closed_completed, 9u);
  EXPECT_EQ(sums.Find(0)->done.completed, 10u);
  EXPECT_EQ(sums.last_closed().closed_completed, 9u);
  EXPECT_EQ(sums.last_closed().coverage, 0.5);
}

TEST(AggregatorTest, EachChangeOfAnIntervalIsTakenOnceWithARisingRevision) {
  Aggregator sums;
  uint64_t revision = 7;
  sums.Append(0, 10);
  sums.Append(1, 10);
  sums.Begin(0);
  EXPECT_THAT(sums.TakeDirty(revision), SizeIs(1)) << "the second has not begun";
  EXPECT_EQ(revision, 8u);
  EXPECT_THAT(sums.TakeDirty(revision), IsEmpty());
  sums.Add(Delta(0, 1, 0, 1));
  const auto taken = sums.TakeDirty(revision);
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0]->revision, 9u);
}

TEST(AggregatorTest, AnswersAfterTheLastPlannedSecondHaveSecondsOfTheirOwn) {
  Aggregator sums;
  sums.Append(0, 10);
  sums.Begin(0);
  sums.Add(Delta(0, 10, 2, 10));
  ASSERT_NE(sums.Find(2), nullptr);
  EXPECT_EQ(sums.Find(2)->planned, 0);
  uint64_t revision = 0;
  EXPECT_THAT(sums.TakeDirty(revision), SizeIs(2));
}

TEST(AggregatorTest, WhatComesForADroppedSecondIsInTheTotalsAlone) {
  Aggregator sums;
  uint64_t revision = 0;
  sums.Append(0, 10);
  sums.Begin(0);
  sums.Add(Delta(0, 10, 0, 9));
  sums.Close(0, 1);
  sums.Settle(0);
  sums.TakeDirty(revision);
  sums.Drop(0);
  EXPECT_EQ(sums.Find(0), nullptr);
  sums.Add(Delta(0, 0, 0, 1));
  EXPECT_EQ(sums.totals().done.completed, 10u);
  EXPECT_EQ(sums.Find(0), nullptr);
}

TEST(AggregatorTest, BookedSlotsOfAFutureSecondWaitForItsBeginning) {
  Aggregator sums;
  sums.Append(0, 10);
  sums.Book(0, Outcome::kUnassigned, 10);
  sums.Book(0, Outcome::kUnknown, 0);
  EXPECT_EQ(sums.totals().due.outcomes.Total(), 0u);
  sums.Begin(0);
  EXPECT_EQ(sums.totals().due.outcomes[Outcome::kUnassigned], 10u);
}

TEST(AggregatorTest, OutcomesOfAFutureSecondAreForTheStoreAloneUntilItBegins) {
  Aggregator sums;
  uint64_t revision = 0;
  sums.Append(0, 10);
  sums.Append(1, 10);
  sums.Append(2, 10);
  sums.Begin(0);
  sums.Add(Delta(1, 3, 1, 3));
  EXPECT_THAT(sums.TakeDirty(revision), SizeIs(1));
  const auto early = sums.TakeEarly();
  ASSERT_THAT(early, SizeIs(1)) << "nothing is known of second 2";
  EXPECT_EQ(early[0]->k, 1);
  EXPECT_EQ(early[0]->revision, 0u);
  EXPECT_EQ(early[0]->due.outcomes[Outcome::kOk], 3u);
  EXPECT_THAT(sums.TakeEarly(), IsEmpty()) << "unchanged since";
  sums.Add(Delta(1, 2, 1, 2));
  sums.Begin(1);
  EXPECT_THAT(sums.TakeEarly(), IsEmpty()) << "it is shown now";
  EXPECT_THAT(sums.TakeDirty(revision), SizeIs(1));
}

TEST(AggregatorTest, RestoredSumsAreTheSums) {
  Aggregator sums;
  sums.Append(0, 10);
  sums.Append(1, 10);
  sums.Begin(1);
  sums.Add(Delta(0, 10, 0, 10));
  sums.Add(Delta(1, 4, 1, 4));
  sums.Close(0, 1);
  sums.Settle(0);
  Aggregator restored;
  restored.Restore(sums.totals().planned, sums.totals().due, sums.DoneTotals(),
                   {*sums.Find(0), *sums.Find(1)}, 1, sums.Find(0));
  EXPECT_EQ(restored.totals().planned, 20);
  EXPECT_EQ(restored.totals().due, sums.totals().due);
  EXPECT_EQ(restored.DoneTotals(), sums.DoneTotals());
  EXPECT_EQ(restored.closed_through(), 0);
  restored.Add(Delta(1, 6, 1, 6));
  EXPECT_EQ(restored.Find(1)->done.completed, 10u);
  EXPECT_EQ(restored.totals().due.outcomes[Outcome::kOk], 20u);
}

}  // namespace
}  // namespace broadside
