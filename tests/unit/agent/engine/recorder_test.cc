#include "agent/engine/recorder.h"

#include <gtest/gtest.h>

#include "common/wire/summary_proto.h"
#include "tests/unit/common/core/cases.h"

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

// What two shards saw in any order, taken in any parts, is what one would have counted.
TEST(RecorderPropertyTest, TheVersionsThatSortFirstKeepTheirNames) {
  ForEachSeed(50, [](Cases& cases) {
    DoneSummary whole;
    Recorder shards[] = {Recorder("t"), Recorder("t")};
    std::map<TestId, TestDelta> sum;
    for (int i = 0; i < 200; ++i) {
      ExchangeSample sample = Sample(0);
      std::string version = "v" + std::to_string(cases.Between(1, 40));
      if (cases.OneIn(10)) version.insert(0, "\xff");  // no UTF-8: it sorts as "?"
      sample.version = version;
      whole.AddVersion(version, 1);
      Recorder& shard = shards[cases.Between(0, 1)];
      shard.Record(sample);
      if (cases.OneIn(20)) MergeShard(shard.Take(-1), &sum);
    }
    for (Recorder& shard : shards) MergeShard(shard.Take(-1), &sum);
    EXPECT_EQ(sum.at("t").by_done.at(0).versions, whole.versions);
    EXPECT_EQ(whole.versions.size(), limits::kVersionsMax + 1);
  });
}

TEST(RecorderTest, TimeoutsAreSubCountedByPhase) {
  Recorder recorder("t");
  recorder.Open(0, 1);
  recorder.BookTimeout(0, TimeoutPhase::kBody);
  const DueSummary due = recorder.Take(-1).by_due.at(0);
  EXPECT_EQ(due.outcomes[Outcome::kTimeout], 1u);
  EXPECT_EQ(due.timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kBody)], 1u);
}

// A sample as wild as its contract lets it be.
ExchangeSample RandomSample(Cases& cases, const std::string& version) {
  ExchangeSample sample;
  sample.done_k = cases.OneIn(10) ? cases.Between(INT64_MIN, INT64_MAX) : cases.Between(-2, 8);
  sample.timed = cases.OneIn(2);
  sample.sent = cases.OneIn(2);
  sample.code = static_cast<uint16_t>(
      cases.OneIn(3) ? 0 : cases.Between(limits::kStatusMin, limits::kStatusMax));
  sample.version = version;
  sample.response_time = Nanos(cases.Logarithmic(limits::kClockNanosMax) - 1);
  sample.service_time = Nanos(cases.Logarithmic(limits::kClockNanosMax) - 1);
  sample.send_lag = Nanos(cases.Logarithmic(limits::kClockNanosMax) - 1);
  sample.bytes_sent = static_cast<uint64_t>(cases.Logarithmic(1 << 30));
  sample.bytes_received = static_cast<uint64_t>(cases.Logarithmic(1 << 30));
  return sample;
}

// The controller refuses a whole report for one field out of range, and the agent would send it for
// ever.
TEST(RecorderPropertyTest, WhateverIsRecordedIsTakenByTheController) {
  ForEachSeed(300, [](Cases& cases) {
    Recorder recorder("t");
    TestDelta sum;
    for (int64_t i = cases.Between(0, 100); i > 0; --i) {
      std::string version;
      for (int64_t n = cases.Between(0, limits::kVersionBytesMax); n > 0; --n) {
        version += static_cast<char>(cases.Between(0, 255));
      }
      recorder.Record(RandomSample(cases, cases.OneIn(10) ? "other" : version));
      if (cases.OneIn(5)) recorder.RecordResend(cases.Between(-2, 8));
      if (!cases.OneIn(20)) continue;
      const int64_t closed = cases.OneIn(3) ? INT64_MAX : cases.Between(-2, 8);
      const TestDelta delta = recorder.Take(closed);
      v1::TestSummary proto;
      ToProto(delta, &proto);
      const absl::StatusOr<TestDelta> taken = FromProto(proto);
      ASSERT_TRUE(taken.ok()) << taken.status();
      EXPECT_EQ(taken->by_done.size(), delta.by_done.size());
      sum.Merge(delta);
      proto.Clear();
      ToProto(sum, &proto);
      EXPECT_TRUE(FromProto(proto).ok()) << FromProto(proto).status();
    }
  });
}

TEST(RecorderDeathTest, ASlotCannotEndTwice) {
  Recorder recorder("t");
  recorder.Open(0, 1);
  recorder.Book(0, Outcome::kOk);
  EXPECT_DEATH(recorder.Book(0, Outcome::kReset), "check failed");
}

}  // namespace
}  // namespace broadside
