#include "controller/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "common/core/status.h"
#include "tests/unit/controller/store/random_records.h"
#include "tests/unit/controller/store/store_rig.h"
#include "tests/unit/controller/store/store_world.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TestRecord TestOf(const TestId& id) {
  std::mt19937_64 random(1);
  return RandomTestRecord(random, id);
}

StoreBatch BatchOf(const TestRecord& test) {
  StoreBatch batch;
  batch.tests.push_back(test);
  return batch;
}

TEST(StoreTest, ANewStoreIsEmptyAndHasAnIdentity) {
  const StoreDirectory directory;
  const OpenStore open = MustOpen(directory.path() + "/made/on/the/way");
  EXPECT_EQ(open.state.store_uuid.size(), 32u);
  EXPECT_EQ(open.state.epoch, 1u);
  EXPECT_THAT(open.state.unended, IsEmpty());
  EXPECT_THAT(open.state.ended, IsEmpty());
  EXPECT_THAT(open.state.acked, IsEmpty());
  EXPECT_THAT(open.state.ledger, IsEmpty());
}

TEST(StoreTest, TheEpochRisesAtEachOpenAndTheUuidStays) {
  const StoreDirectory directory;
  const std::string uuid = MustOpen(directory.path()).state.store_uuid;
  for (uint64_t epoch = 2; epoch < 6; ++epoch) {
    const OpenStore open = MustOpen(directory.path());
    EXPECT_EQ(open.state.epoch, epoch);
    EXPECT_EQ(open.state.store_uuid, uuid);
  }
}

TEST(StoreTest, TwoStoresHaveTwoUuids) {
  EXPECT_NE(MustOpen(":memory:").state.store_uuid, MustOpen(":memory:").state.store_uuid);
}

TEST(StoreTest, ReadsSeeTheWritesBeforeThemWithoutWaiting) {
  const OpenStore open = MustOpen(":memory:");
  std::vector<std::string> seen;
  TestRecord test = TestOf("t-1");
  for (uint64_t i = 0; i < 50; ++i) {
    test.revision = i;
    open.store->Write(BatchOf(test), [&seen](const absl::Status& status) {
      seen.push_back(status.ok() ? "written" : "error");
    });
    open.store->ReadTest("t-1", [&seen, i](const std::optional<TestRecord>& record) {
      seen.push_back(record && record->revision == i ? "read" : "stale");
    });
  }
  open.store->Stop();
  ASSERT_EQ(seen.size(), 100u);
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i % 2 == 0 ? "written" : "read");
}

TEST(StoreTest, AReopenGivesWhatAModelOfTheWritesHolds) {
  constexpr uint64_t kSeeds = 40;
  int batches = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const StoreDirectory directory;
    StoreWorld world(seed);
    for (int life = 0; life < 4; ++life) {
      const OpenStore open = MustOpen(directory.path());
      ASSERT_EQ(Difference(open.state, world.Expected()), "")
          << "seed " << seed << ", life " << life;
      for (int i = 0; i < 15; ++i, ++batches) {
        open.store->Write(world.Step(), [seed](const absl::Status& status) {
          EXPECT_TRUE(status.ok()) << status << ", seed " << seed;
        });
      }
    }
  }
  RecordProperty("cases", batches);
}

TEST(StoreTest, EveryLiveRowCanBeRead) {
  const OpenStore open = MustOpen(":memory:");
  StoreWorld world(7);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(Write(*open.store, world.Step()).ok());
  for (const auto& [id, known] : world.tests()) {
    const std::optional<TestRecord> test = ReadTest(*open.store, id);
    ASSERT_TRUE(test.has_value());
    EXPECT_EQ(Difference(*test, known.test), "");
    const IntervalPage page = ReadIntervals(*open.store, id, 0, 1000);
    ASSERT_TRUE(page.found);
    ASSERT_EQ(page.items.size(), known.intervals.size());
    for (const auto& interval : page.items)
      EXPECT_EQ(*interval, known.intervals.at(interval->k).interval);
  }
  EXPECT_EQ(ReadTests(*open.store, 1000).size(), world.tests().size());
}

TEST(StoreTest, NothingIsFoundOfAnUnknownOrADeletedTest) {
  const OpenStore open = MustOpen(":memory:");
  StoreBatch batch = BatchOf(TestOf("t-1"));
  ASSERT_TRUE(Write(*open.store, batch).ok());
  batch = {};
  batch.deleted = {"t-1", "t-never"};
  ASSERT_TRUE(Write(*open.store, batch).ok());
  for (const TestId id : {"t-1", "t-2"}) {
    EXPECT_FALSE(ReadTest(*open.store, id).has_value());
    EXPECT_FALSE(ReadIntervals(*open.store, id, 0, 10).found);
    EXPECT_FALSE(ReadChanges(*open.store, id, UINT64_MAX, 10).found);
    EXPECT_FALSE(ReadUpdates(*open.store, id, 0, 10).found);
  }
}

TEST(StoreTest, ARecordOfATestWithoutARowIsAnErrorAndWritesNothing) {
  const OpenStore open = MustOpen(":memory:");
  std::mt19937_64 random(1);
  StoreBatch batch = BatchOf(TestOf("t-1"));
  batch.intervals.push_back({"t-2", RandomInterval(random, 0, 1)});
  EXPECT_THAT(std::string(Write(*open.store, batch).message()), HasSubstr("t-2"));
  EXPECT_FALSE(ReadTest(*open.store, "t-1").has_value());
}

TEST(StoreTest, ASegmentIsNeverWrittenAgain) {
  const OpenStore open = MustOpen(":memory:");
  StoreBatch batch = BatchOf(TestOf("t-1"));
  batch.segments.push_back({"t-1", 3, {10, 20}, kNoPartition, SegmentKind::kPlanned});
  ASSERT_TRUE(Write(*open.store, batch).ok());
  EXPECT_FALSE(Write(*open.store, batch).ok());
}

// The limit of the size of a file stands for a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_{};
};

TEST(StoreTest, AfterAWriteErrorEveryWriteFailsReadsWorkAndWhatWasWrittenStays) {
  const StoreDirectory directory;
  std::vector<TestId> written;
  {
    const OpenStore open = MustOpen(directory.path());
    absl::Status status;
    {
      const FileSizeLimit limit(512 * 1024);
      for (int i = 0; status.ok() && i < 10'000; ++i) {
        const TestId id = Concat("t-", i);
        status = Write(*open.store, BatchOf(TestOf(id)));
        if (status.ok()) written.push_back(id);
      }
    }
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr("then restart the controller"));
    // There is room again, but the file is in doubt.
    EXPECT_EQ(Write(*open.store, BatchOf(TestOf("t-later"))), status);
    EXPECT_TRUE(ReadTest(*open.store, written.front()).has_value());
  }
  const OpenStore open = MustOpen(directory.path());
  EXPECT_EQ(open.state.unended.size(), written.size());
  EXPECT_TRUE(Write(*open.store, BatchOf(TestOf("t-later"))).ok());
}

TEST(StoreTest, StopFinishesWhatWasAskedAndDropsWhatComesAfter) {
  const OpenStore open = MustOpen(":memory:");
  std::vector<int> done;
  for (int i = 0; i < 20; ++i) {
    open.store->Write(BatchOf(TestOf(Concat("t-", i))),
                      [&done, i](const absl::Status&) { done.push_back(i); });
  }
  open.store->Stop();
  EXPECT_EQ(done.size(), 20u);
  open.store->Write(BatchOf(TestOf("t-20")), [&done](const absl::Status&) { done.push_back(20); });
  open.store->Stop();
  EXPECT_EQ(done.size(), 20u);
}

TEST(StoreTest, NothingOfAMemoryStoreIsKept) {
  ASSERT_TRUE(Write(*MustOpen(":memory:").store, BatchOf(TestOf("t-1"))).ok());
  EXPECT_THAT(MustOpen(":memory:").state.unended, IsEmpty());
}

}  // namespace
}  // namespace broadside
