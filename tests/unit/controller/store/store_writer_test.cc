#include "controller/store/store_writer.h"

#include <gtest/gtest.h>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "controller/store/store_file.h"
#include "controller/store/store_reader.h"
#include "controller/store/store_schema.h"
#include "tests/unit/controller/store/random_records.h"
#include "tests/unit/controller/store/store_world.h"

namespace broadside {
namespace {

class StoreWriterTest : public testing::Test {
 protected:
  void Write(const StoreBatch& batch) {
    const absl::Status status = writer_.Write(batch);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Add(const TestId& id) {
    StoreBatch batch;
    batch.tests.push_back(RandomTestRecord(random_, id));
    Write(batch);
  }
  int64_t Count(const std::string& table) {
    return *file_->database().QueryInt("SELECT count(*) FROM " + table);
  }
  // Sweeps until nothing is left; the number of slices.
  int SweepAll() {
    for (int slices = 0;; ++slices) {
      const absl::StatusOr<bool> more = writer_.Sweep();
      EXPECT_TRUE(more.ok()) << more.status();
      if (!more.ok() || !*more) return slices;
    }
  }

  std::mt19937_64 random_{1};
  std::unique_ptr<StoreFile> file_ = *StoreFile::Open(":memory:");
  LedgerFold fold_;
  StoreWriter writer_{file_->database(), fold_};
};

TEST_F(StoreWriterTest, StatementsAreCompiledOnce) {
  StoreReader reader(file_->database());
  StoreWorld world(1);
  const int64_t before = file_->database().statements_prepared();
  for (int i = 0; i < 50; ++i) {
    Write(world.Step());
    SweepAll();
    for (const auto& [id, known] : world.tests()) {
      ASSERT_TRUE(reader.Test(id).ok());
      ASSERT_TRUE(reader.Updates(id, 0, 10).ok());
    }
  }
  EXPECT_EQ(file_->database().statements_prepared(), before);
}

TEST_F(StoreWriterTest, TheLedgerHasOneRowACommitAndASnapshotReplacesThem) {
  Add("t");
  for (int i = 1; i <= 3 * kLedgerCommitsMax; ++i) {
    StoreBatch batch;
    for (uint64_t agent = 0; agent < 20; ++agent)
      batch.ledger.push_back({{0, agent}, static_cast<uint64_t>(i), "t", {{i, 1}}, i - 5});
    Write(batch);
    // Row 61 is a snapshot, and with it the 60 before it go.
    EXPECT_EQ(Count("ledger"), (i - 1) % kLedgerCommitsMax + 1) << i;
  }
  StoreReader reader(file_->database());
  StoredState state;
  LedgerFold fold;
  ASSERT_TRUE(reader.Load(&state, &fold).ok());
  EXPECT_EQ(state.acked, fold_.Acked());
  ASSERT_EQ(state.ledger.size(), 20u);
  EXPECT_EQ(state.ledger[0].settled_through, 3 * kLedgerCommitsMax - 5);
  EXPECT_EQ(state.ledger[0].reported.size(), 5u);
}

TEST_F(StoreWriterTest, AnEndedTestKeepsItsResultsAndLosesItsPlan) {
  Add("t");
  StoreBatch batch;
  batch.tests.push_back(RandomTestRecord(random_, "t"));
  batch.tests[0].state = TestState::kFinished;
  batch.partitions.push_back({"t", 0, RandomOwners(random_)});
  for (int64_t k = 0; k < 12'000; ++k)
    batch.segments.push_back({"t", k, {k, k + 1}, 0, SegmentKind::kPlanned});
  batch.intervals.push_back({"t", RandomInterval(random_, 1, 1)});
  batch.changes.push_back({"t", RandomChange(random_, 2)});
  batch.ledger.push_back({{1, 1}, 1, "t", {{1, 1}}, -1});
  batch.ended = {"t"};
  Write(batch);
  EXPECT_GE(SweepAll(), 4);  // 3 slices of at most 5,000 segments, one of partitions
  EXPECT_EQ(Count("segments"), 0);
  EXPECT_EQ(Count("partitions"), 0);
  EXPECT_EQ(Count("intervals"), 1);
  EXPECT_EQ(Count("changes"), 1);
  EXPECT_EQ(Count("garbage"), 0);
  EXPECT_TRUE(fold_.Entries().empty());
  EXPECT_EQ(fold_.Acked().size(), 1u);
}

TEST_F(StoreWriterTest, NothingOfADeletedTestStaysAndTheFileShrinks) {
  Add("other");
  Add("t");
  StoreBatch batch;
  IntervalView interval = RandomInterval(random_, 0, 1);
  for (char c = 'a'; c < 'a' + 16; ++c) interval.done.versions[std::string(64, c)] = 1;  // 1 KiB
  interval.done.versions.erase(interval.done.versions.begin());
  for (int64_t k = 0; k < 15'000; ++k) {
    batch.intervals.push_back({"t", interval});
    batch.intervals.back().interval.k = k;
    batch.changes.push_back({"t", {static_cast<uint64_t>(k), ChangeKind::kState, {}, "x"}});
  }
  batch.intervals.push_back({"other", interval});
  Write(batch);
  const int64_t pages = *file_->database().QueryInt("PRAGMA page_count");
  batch = {};
  batch.deleted = {"t"};
  Write(batch);
  EXPECT_GE(SweepAll(), 15'000 / 500 + 3);
  EXPECT_EQ(Count("tests"), 1);
  EXPECT_EQ(Count("specs"), 1);
  EXPECT_EQ(Count("intervals"), 1);
  EXPECT_EQ(Count("changes"), 0);
  EXPECT_EQ(Count("garbage"), 0);
  EXPECT_GT(pages, 3000);
  EXPECT_LE(*file_->database().QueryInt("PRAGMA freelist_count"), 2560);
  EXPECT_LT(*file_->database().QueryInt("PRAGMA page_count"), 2700);
}

TEST_F(StoreWriterTest, ADeletedTestThatHadEndedIsRemovedWhole) {
  Add("t");
  StoreBatch batch;
  batch.intervals.push_back({"t", RandomInterval(random_, 1, 1)});
  batch.ended = {"t"};
  Write(batch);
  batch = {};
  batch.deleted = {"t"};
  Write(batch);  // before the first sweep
  SweepAll();
  EXPECT_EQ(Count("intervals"), 0);
  EXPECT_EQ(Count("garbage"), 0);
}

TEST_F(StoreWriterTest, TheOldestChangesGoAtTheLimit) {
  Add("t");
  uint64_t revision = 0;
  for (int i = 0; i < 6; ++i) {
    StoreBatch batch;
    for (int j = 0; j < 20'000; ++j)
      batch.changes.push_back({"t", {++revision, ChangeKind::kState, {}, "x"}});
    Write(batch);
  }
  EXPECT_EQ(Count("changes"), limits::kAuditRowsMax);
  EXPECT_EQ(*file_->database().QueryInt("SELECT min(revision) FROM changes"),
            120'000 - limits::kAuditRowsMax + 1);
}

TEST_F(StoreWriterTest, AFullFileIsAnErrorThatSaysWhatToDoAndChangesNothing) {
  Add("t");
  const int64_t pages = *file_->database().QueryInt("PRAGMA page_count");
  ASSERT_TRUE(file_->database().QueryInt(Concat("PRAGMA max_page_count = ", pages + 10)).ok());
  StoreBatch batch;
  for (int64_t k = 0; k < 1000; ++k)
    batch.intervals.push_back({"t", RandomInterval(random_, k, 1)});
  const absl::Status status = writer_.Write(batch);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            ":memory:: database or disk is full (SQLite error 13): free space on its volume");
  EXPECT_EQ(Count("intervals"), 0);
}

}  // namespace
}  // namespace broadside
