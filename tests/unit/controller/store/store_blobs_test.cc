#include "controller/store/store_blobs.h"

#include <gtest/gtest.h>

#include "common/core/limits.h"
#include "tests/unit/common/wire/random_spec.h"
#include "tests/unit/controller/store/random_records.h"

namespace broadside {
namespace {

constexpr int kSeeds = 300;

std::vector<LedgerRecord> RandomLedger(std::mt19937_64& random) {
  std::vector<LedgerRecord> records;
  for (int64_t i = Random(random, 10); i > 0; --i) {
    LedgerRecord record{RandomIncarnationOf(random), random(), {}, {}, Random(random, 100) - 1};
    if (Random(random, 3) != 0) record.test = "t-" + std::to_string(Random(random, 3));
    for (int64_t k = Random(random, 3); k < 20; k += 1 + Random(random, 10))
      record.reported.emplace_back(k, RandomOfAnySize(random, limits::kCountMax));
    records.push_back(record);
  }
  return records;
}

bool Same(const LedgerRecord& a, const LedgerRecord& b) {
  return a.incarnation == b.incarnation && a.seq == b.seq && a.test == b.test &&
         a.reported == b.reported && a.settled_through == b.settled_through;
}

TEST(StoreBlobsTest, EveryBlobGivesBackWhatWasPutIn) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937_64 random(seed);
    const TestRecord test = RandomTestRecord(random, "t");
    TestRecord read = test;
    read.reason.clear();
    read.stopped_after.reset();
    read.pieces.clear();
    read.due = {};
    read.done = {};
    read.verdict = {};
    read.health = {};
    read.quarantined.clear();
    read.lost.clear();
    read.thresholds.clear();
    read.agents.clear();
    ASSERT_TRUE(ReadResultBlob(ResultBlob(test), &read).ok()) << "seed " << seed;
    EXPECT_EQ(Difference(read, test), "") << "seed " << seed;

    const std::vector<Owner> owners = RandomOwners(random);
    EXPECT_EQ(*ReadPartitionBlob(PartitionBlob(owners)), owners) << "seed " << seed;

    const IntervalView interval = RandomInterval(random, 3, 4);
    IntervalView read_interval;
    read_interval.k = 3;
    read_interval.revision = 4;
    ASSERT_TRUE(ReadIntervalBlob(IntervalBlob(interval), &read_interval).ok()) << "seed " << seed;
    EXPECT_EQ(read_interval, interval) << "seed " << seed;

    const std::vector<LedgerRecord> ledger = RandomLedger(random);
    const auto read_ledger = *ReadLedgerBlob(LedgerBlob(ledger));
    EXPECT_TRUE(
        std::equal(ledger.begin(), ledger.end(), read_ledger.begin(), read_ledger.end(), Same))
        << "seed " << seed;
  }
  RecordProperty("cases", kSeeds);
}

TEST(StoreBlobsTest, ADamagedBlobIsAnErrorOrAnotherRecordAndNeverACrash) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937_64 random(seed);
    TestRecord test = RandomTestRecord(random, "t");
    IntervalView interval = RandomInterval(random, 3, 4);
    std::vector<std::string> blobs = {ResultBlob(test), PartitionBlob(RandomOwners(random)),
                                      IntervalBlob(interval), LedgerBlob(RandomLedger(random))};
    for (std::string& blob : blobs) Damage(random, blob);
    for (const absl::Status& status :
         {ReadResultBlob(blobs[0], &test), ReadPartitionBlob(blobs[1]).status(),
          ReadIntervalBlob(blobs[2], &interval), ReadLedgerBlob(blobs[3]).status()}) {
      EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kDataLoss)
          << status << ", seed " << seed;
    }
  }
  RecordProperty("cases", kSeeds);
}

TEST(StoreBlobsTest, ABlobOfAnotherVersionIsAnError) {
  std::string blob = PartitionBlob({});
  blob[0] = 2;
  EXPECT_EQ(ReadPartitionBlob(blob).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadPartitionBlob("").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace broadside
