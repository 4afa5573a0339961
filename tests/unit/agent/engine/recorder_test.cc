#include "agent/engine/recorder.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

ExchangeSample Sample(int64_t k) {
  ExchangeSample sample;
  sample.done_k = k;
  sample.timed = sample.sent = true;
  sample.code = 200;
  sample.response_time = Millis(3);
  sample.service_time = Millis(2);
  sample.send_lag = Millis(1);
  sample.bytes_sent = 10;
  sample.bytes_received = 20;
  return sample;
}

TEST(RecorderTest, OutcomesAreBookedByDueAndSamplesByDone) {
  Recorder recorder("t");
  recorder.Open(0, 1);
  recorder.Book(0, Outcome::kOk);
  recorder.Record(Sample(1));
  const TestDelta delta = recorder.Take(0);
  EXPECT_EQ(delta.test, "t");
  EXPECT_EQ(delta.by_due.at(0).outcomes[Outcome::kOk], 1u);
  const DoneSummary& done = delta.by_done.at(1);
  EXPECT_EQ(done.completed, 1u);
  EXPECT_EQ(done.codes.at(200), 1u);
  EXPECT_EQ(done.bytes_sent, 10u);
  EXPECT_EQ(done.bytes_received, 20u);
  EXPECT_EQ(done.response_time.sum_nanos, 3'000'000);
  EXPECT_EQ(done.service_time.sum_nanos, 2'000'000);
  EXPECT_EQ(done.send_lag.sum_nanos, 1'000'000);
}

TEST(RecorderTest, ASecondTakeHasOnlyWhatIsNew) {
  Recorder recorder("t");
  recorder.Open(0, 2);
  recorder.Book(0, Outcome::kOk);
  recorder.Take(-1);
  EXPECT_TRUE(recorder.Take(-1).Empty());
  recorder.Book(0, Outcome::kReset);
  const TestDelta delta = recorder.Take(-1);
  EXPECT_EQ(delta.by_due.at(0).outcomes.Total(), 1u);
}

TEST(RecorderTest, SettledStopsBeforeTheFirstIntervalWithAnOpenSlot) {
  Recorder recorder("t");
  EXPECT_EQ(recorder.Take(-1).settled_through, -1);
  recorder.Open(3, 1);
  EXPECT_EQ(recorder.Take(-1).settled_through, 2);
  recorder.Open(4, 2);
  recorder.Book(4, Outcome::kOk, 2);
  EXPECT_EQ(recorder.Take(-1).settled_through, 2);
  recorder.Book(3, Outcome::kOk);
  EXPECT_EQ(recorder.Take(-1).settled_through, 4);
}

TEST(RecorderTest, AGrantWithoutSlotsIsSettledAtOnce) {
  Recorder recorder("t");
  recorder.Open(0, 0);
  EXPECT_EQ(recorder.Take(-1).settled_through, 0);
}

TEST(RecorderTest, ClosedNeverGoesBack) {
  Recorder recorder("t");
  EXPECT_EQ(recorder.Take(5).closed_through, 5);
  EXPECT_EQ(recorder.Take(4).closed_through, 5);
}

TEST(RecorderTest, MoreIntervalsThanAreKeptDenseLoseNothing) {
  Recorder recorder("t");
  for (int round = 0; round < 2; ++round) {
    for (int64_t k = 0; k < 20; ++k) recorder.Record(Sample(k));
  }
  const TestDelta delta = recorder.Take(-1);
  EXPECT_EQ(delta.by_done.size(), 20u);
  for (const auto& [k, done] : delta.by_done) EXPECT_EQ(done.response_time.count, 2u) << k;
}

TEST(RecorderTest, VersionsBeyondTheLimitAreOther) {
  Recorder recorder("t");
  std::vector<std::string> values;
  for (size_t i = 0; i < limits::kVersionsMax + 3; ++i) values.push_back("v" + std::to_string(i));
  for (const std::string& value : values) {
    ExchangeSample sample = Sample(0);
    sample.version = value;
    recorder.Record(sample);
  }
  const TestDelta delta = recorder.Take(-1);
  EXPECT_EQ(delta.by_done.at(0).versions.size(), limits::kVersionsMax + 1);
  EXPECT_EQ(delta.by_done.at(0).versions.at("other"), 3u);
}

TEST(RecorderTest, TimeoutsAreSubCountedByPhase) {
  Recorder recorder("t");
  recorder.Open(0, 1);
  recorder.BookTimeout(0, TimeoutPhase::kBody);
  const DueSummary due = recorder.Take(-1).by_due.at(0);
  EXPECT_EQ(due.outcomes[Outcome::kTimeout], 1u);
  EXPECT_EQ(due.timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kBody)], 1u);
}

TEST(RecorderDeathTest, ASlotCannotEndTwice) {
  Recorder recorder("t");
  recorder.Open(0, 1);
  recorder.Book(0, Outcome::kOk);
  EXPECT_DEATH(recorder.Book(0, Outcome::kReset), "check failed");
}

}  // namespace
}  // namespace broadside
