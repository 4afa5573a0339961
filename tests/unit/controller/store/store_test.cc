#include "controller/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/core/status.h"
#include "tests/unit/controller/store/random_records.h"
#include "tests/unit/controller/store/store_rig.h"
#include "tests/unit/controller/store/store_world.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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
      seen.emplace_back(status.ok() ? "written" : "error");
    });
    open.store->ReadTest(
        "t-1", [&seen, i](const absl::StatusOr<std::optional<TestRecord>>& record) {
          seen.emplace_back(record.ok() && *record && (*record)->revision == i ? "read" : "stale");
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

TEST(StoreTest, AFullDiskLetsAStoreBeOpenedForReadingUntilThereIsRoom) {
  const StoreDirectory directory;
  { ASSERT_TRUE(Write(*MustOpen(directory.path()).store, BatchOf(TestOf("t-1"))).ok()); }
  OpenStore open;
  {
    const FileSizeLimit limit(1);
    open = MustOpen(directory.path());
    EXPECT_FALSE(open.store->writable().ok());
    EXPECT_EQ(open.state.epoch, 1u) << "of the last one that could write";
    ASSERT_EQ(open.state.unended.size(), 1u);
    EXPECT_TRUE(ReadTest(*open.store, "t-1").has_value());
    EXPECT_FALSE(Write(*open.store, BatchOf(TestOf("t-2"))).ok());
    EXPECT_FALSE(Reopen(*open.store).first.ok());
    EXPECT_TRUE(ReadTest(*open.store, "t-1").has_value());
  }
  const auto [again, state] = Reopen(*open.store);
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_EQ(state->epoch, 2u);
  EXPECT_TRUE(Write(*open.store, BatchOf(TestOf("t-2"))).ok());
}

TEST(StoreTest, AnIdempotencyKeyIsFoundAmongAllTests) {
  const OpenStore open = MustOpen(":memory:");
  for (int i = 0; i < 3; ++i) {
    TestRecord test = TestOf(Concat("t-", i));
    test.idempotency_key = i == 0 ? "" : Concat("key-", i);
    ASSERT_TRUE(Write(*open.store, BatchOf(test)).ok());
  }
  const auto find = [&](const std::string& key) {
    return Answered<std::optional<TestRecord>>(
        [&](auto done) { open.store->ReadTestByKey(key, std::move(done)); });
  };
  ASSERT_TRUE(find("key-1").has_value());
  EXPECT_EQ(find("key-1")->id, "t-1");
  EXPECT_FALSE(find("key-9").has_value());
  EXPECT_FALSE(find("").has_value()) << "no key is none";
}

TEST(StoreTest, EndedTestsExpireByCountAndByAgeAndRunningOnesNever) {
  const OpenStore open = MustOpen(":memory:");
  for (int i = 0; i < 6; ++i) {  // t-0 is the oldest and runs
    TestRecord test = TestOf(Concat("t-", i));
    test.state = i == 0 ? TestState::kRunning : TestState::kFinished;
    test.created_at = WallTime(Seconds(100 + i));
    test.ended_at = i == 0 ? std::nullopt : std::optional(WallTime(Seconds(200 + i)));
    ASSERT_TRUE(Write(*open.store, BatchOf(test)).ok());
  }
  const auto expired = [&](const Retention& retention, int limit) {
    return Answered<std::vector<TestId>>(
        [&](auto done) { open.store->ReadExpired(retention, limit, std::move(done)); });
  };
  EXPECT_THAT(expired({}, 10), IsEmpty());
  EXPECT_THAT(expired({.tests = 5}, 10), IsEmpty());
  EXPECT_THAT(expired({.tests = 3}, 10), ElementsAre("t-1", "t-2"));
  EXPECT_THAT(expired({.tests = 3}, 1), SizeIs(1));
  EXPECT_THAT(expired({.ended_since = WallTime(Seconds(203))}, 10), ElementsAre("t-1", "t-2"));
  EXPECT_THAT(expired({.tests = 4, .ended_since = WallTime(Seconds(204))}, 10),
              ElementsAre("t-1", "t-2", "t-3"));
}

TEST(StoreTest, DrainsAskedByUsersOutliveTheProcess) {
  const StoreDirectory directory;
  {
    StoreBatch batch;
    batch.drains = {Incarnation{1, 2}, Incarnation{3, 4}};
    const OpenStore open = MustOpen(directory.path());
    ASSERT_TRUE(Write(*open.store, batch).ok());
    batch.drains = {Incarnation{1, 2}};  // asked again
    ASSERT_TRUE(Write(*open.store, batch).ok());
  }
  EXPECT_THAT(MustOpen(directory.path()).state.drains,
              ElementsAre(Incarnation{3, 4}, Incarnation{1, 2}));
}

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
    EXPECT_THAT(std::string(status.message()), HasSubstr("check its volume"));
    // There is room again, but the file is in doubt.
    EXPECT_EQ(Write(*open.store, BatchOf(TestOf("t-later"))), status);
    EXPECT_TRUE(ReadTest(*open.store, written.front()).has_value());
    // A restart would find what was written, and so does this.
    const auto [again, state] = Reopen(*open.store);
    EXPECT_TRUE(again.ok()) << again;
    EXPECT_EQ(state->unended.size(), written.size());
    EXPECT_EQ(state->epoch, open.state.epoch + 1);
    EXPECT_EQ(state->store_uuid, open.state.store_uuid);
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
