#include "agent/core/report_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/core/rig.h"

namespace broadside {
namespace {

TEST(ReportQueueTest, HasNothingToSayOfATestThatDidNotMove) {
  ReportQueue queue;
  queue.Add({DeltaOf("t", 0)});
  EXPECT_EQ(queue.Next()->seq, 1u);
  TestDelta same;
  same.test = "t";
  same.settled_through = 0;
  queue.Add({same});
  EXPECT_EQ(queue.Next(), nullptr);
  EXPECT_FALSE(queue.Empty());
  EXPECT_TRUE(queue.Acknowledge(1));
  EXPECT_TRUE(queue.Empty());
}

TEST(ReportQueueTest, ReportsThatATestIsSettledOrClosedWithoutNewResults) {
  ReportQueue queue;
  TestDelta delta;
  delta.test = "t";
  delta.settled_through = 3;
  queue.Add({delta});
  EXPECT_EQ(queue.Next()->tests.at(0).settled_through, 3);
  delta.closed_through = 2;
  queue.Add({delta});
  EXPECT_EQ(queue.Next()->tests.at(0).closed_through, 2);
}

TEST(ReportQueueTest, NeverTakesBackWhatIsSettled) {
  ReportQueue queue;
  queue.Add({DeltaOf("t", 5)});
  queue.Next();
  queue.Add({DeltaOf("t", 4)});  // a straggler of a delta that says less
  EXPECT_EQ(queue.Next()->tests.at(0).settled_through, 5);
}

TEST(ReportQueueTest, SplitsWhatIsTooLongForOneMessageAndSettlesWithTheLastPart) {
  ReportQueue queue;
  const auto max = static_cast<int64_t>(ReportQueue::kIntervalsMax);
  TestDelta delta = DeltaOf("t", 0);
  for (int64_t k = 1; k < 2 * max + 5; ++k) delta.Merge(DeltaOf("t", k));
  delta.closed_through = 7;
  queue.Add({delta, DeltaOf("u", 0)});

  const Report first = *queue.Next();
  ASSERT_EQ(first.tests.size(), 1u);
  EXPECT_EQ(first.tests[0].by_done.size(), ReportQueue::kIntervalsMax);
  EXPECT_EQ(first.tests[0].by_done.begin()->first, 0);
  EXPECT_TRUE(first.tests[0].by_due.empty());
  EXPECT_EQ(first.tests[0].settled_through, -1);
  EXPECT_EQ(first.tests[0].closed_through, -1);

  const Report second = *queue.Next();
  EXPECT_EQ(second.tests.at(0).by_done.begin()->first, max);
  EXPECT_EQ(second.tests.size(), 1u);

  const Report third = *queue.Next();
  ASSERT_EQ(third.tests.size(), 2u);
  EXPECT_EQ(third.tests[0].by_done.size(), 5u);
  EXPECT_EQ(third.tests[0].by_due.size(), static_cast<size_t>(2 * max + 5));
  EXPECT_EQ(third.tests[0].settled_through, 2 * max + 4);
  EXPECT_EQ(third.tests[0].closed_through, 7);
  EXPECT_EQ(third.tests[1].test, "u");
  EXPECT_EQ(queue.Next(), nullptr);
}

TEST(ReportQueueTest, LeavesATestForTheNextReportWhenThisOneIsFull) {
  ReportQueue queue;
  TestDelta full = DeltaOf("t", 0);
  for (int64_t k = 1; k < static_cast<int64_t>(ReportQueue::kIntervalsMax); ++k) {
    full.Merge(DeltaOf("t", k));
  }
  queue.Add({full, DeltaOf("u", 0)});
  EXPECT_EQ(queue.Next()->tests.size(), 1u);
  EXPECT_EQ(queue.Next()->tests.at(0).test, "u");
}

TEST(ReportQueueTest, ATestThatIsForgottenStartsAnew) {
  ReportQueue queue;
  queue.Add({DeltaOf("t", 5)});
  queue.Next();
  queue.Forget("t");
  queue.Add({DeltaOf("t", 0)});
  EXPECT_EQ(queue.Next()->tests.at(0).settled_through, 0);
}

TEST(ReportQueueTest, GoesOnAboveAnAcknowledgementOfTheFuture) {
  ReportQueue queue;
  EXPECT_FALSE(queue.Acknowledge(7));
  EXPECT_EQ(queue.next_seq(), 8u);
}

}  // namespace
}  // namespace broadside
