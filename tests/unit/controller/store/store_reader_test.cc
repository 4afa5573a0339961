#include "controller/store/store_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "controller/store/store_file.h"
#include "controller/store/store_writer.h"
#include "tests/unit/common/wire/random_spec.h"
#include "tests/unit/controller/store/random_records.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StoreReaderTest : public testing::Test {
 protected:
  void Write(const StoreBatch& batch) {
    const absl::Status status = writer_.Write(batch);
    ASSERT_TRUE(status.ok()) << status;
  }
  TestRecord Add(const TestId& id, int64_t created_at_s) {
    StoreBatch batch;
    batch.tests.push_back(RandomTestRecord(random_, id));
    batch.tests[0].created_at = WallTime(Seconds(created_at_s));
    Write(batch);
    return batch.tests[0];
  }
  std::vector<std::string> Ids(const TestRecordPage& page) {
    std::vector<std::string> ids;
    for (const TestRecord& test : page.items) ids.push_back(test.id);
    return ids;
  }
  // Revisions of an updates page; those of changes negative.
  std::vector<int64_t> Revisions(const UpdatePage& page) {
    std::vector<int64_t> revisions;
    for (const Update& update : page.items) {
      const auto revision = static_cast<int64_t>(update.revision);
      EXPECT_NE(update.interval == nullptr, update.change == nullptr);
      EXPECT_EQ(update.revision,
                update.interval ? update.interval->revision : update.change->revision);
      revisions.push_back(update.interval ? revision : -revision);
    }
    return revisions;
  }

  std::mt19937_64 random_{1};
  std::unique_ptr<StoreFile> file_ = *StoreFile::Open(":memory:");
  LedgerFold fold_;
  StoreWriter writer_{file_->database(), fold_};
  StoreReader reader_{file_->database()};
};

TEST_F(StoreReaderTest, TestsComeNewestFirstAndEqualTimesById) {
  Add("a", 2);
  Add("c", 1);
  Add("b", 2);
  Add("d", 3);
  EXPECT_THAT(Ids(*reader_.Tests(std::nullopt, 10)), ElementsAre("d", "b", "a", "c"));
}

TEST_F(StoreReaderTest, ASpecThatLaterRulesRefuseBlocksNothingOnceItsTestHasEnded) {
  TestRecord test = RandomTestRecord(random_, "a");
  test.state = TestState::kFinished;
  StoreBatch batch;
  batch.tests.push_back(test);
  Write(batch);
  // A time-out of nine hours, and a field of another version.
  ASSERT_TRUE(file_->database()
                  .Execute("UPDATE specs SET json = json_set(json, '$.timeout', '9h', '$.new', 1)")
                  .ok());
  StoredState state;
  LedgerFold fold;
  ASSERT_TRUE(reader_.Load(&state, &fold).ok());
  ASSERT_EQ(state.ended.size(), 1u);
  EXPECT_EQ(state.ended[0].spec->name, test.spec->name);
  EXPECT_THAT(Ids(*reader_.Tests(std::nullopt, 10)), ElementsAre("a"));
  // One that goes on is a matter of slots and not of pictures.
  ASSERT_TRUE(file_->database().Execute("UPDATE tests SET state = 1").ok());
  const absl::Status refused = reader_.Load(&state, &fold);
  EXPECT_THAT(ToStd(refused.message()), testing::HasSubstr("the spec of a: /"));
  // What is not JSON is damage.
  ASSERT_TRUE(file_->database().Execute("UPDATE tests SET state = 3").ok());
  ASSERT_TRUE(file_->database().Execute("UPDATE specs SET json = '{'").ok());
  EXPECT_FALSE(reader_.Load(&state, &fold).ok());
}

TEST_F(StoreReaderTest, CursorsPageWithoutGapOrRepeatWhileTestsAreAdded) {
  constexpr int kSeeds = 50;
  for (int seed = 0; seed < kSeeds; ++seed) {
    std::vector<std::pair<int64_t, std::string>> all;
    const TestId prefix = Concat("s", seed, "-");
    for (int i = 0; i < 20; ++i) {
      const int64_t created = 1000 * seed + Random(random_, 10);  // many at the same time
      all.emplace_back(created, Add(Concat(prefix, random_()), created).id);
    }
    std::sort(all.rbegin(), all.rend());
    std::vector<std::string> expected;
    for (const auto& [created, id] : all) expected.push_back(id);
    std::vector<std::string> got;
    std::optional<TestCursor> after;
    while (got.size() < expected.size()) {
      const TestRecordPage page = *reader_.Tests(after, 1 + static_cast<int>(Random(random_, 6)));
      for (const std::string& id : Ids(page)) got.push_back(id);
      ASSERT_FALSE(page.items.empty()) << "seed " << seed;
      after = page.next;
      // Newer than the cursor: not in this walk.
      Add(Concat("new-", random_()), 1000 * seed + 500);
      if (!after) break;
    }
    got.resize(std::min(got.size(), expected.size()));
    EXPECT_EQ(got, expected) << "seed " << seed;
  }
  RecordProperty("cases", kSeeds);
}

TEST_F(StoreReaderTest, TheLastPageHasNoCursor) {
  Add("a", 1);
  Add("b", 2);
  const std::optional<TestCursor> next = reader_.Tests(std::nullopt, 1)->next;
  EXPECT_EQ(next, (TestCursor{WallTime(Seconds(2)), "b"}));
  EXPECT_EQ(reader_.Tests(next, 1)->next, std::nullopt);
  EXPECT_EQ(reader_.Tests(std::nullopt, 2)->next, std::nullopt);
}

TEST_F(StoreReaderTest, AListGoesOnBehindATestThatWasDeleted) {
  Add("a", 1);
  Add("c", 3);
  EXPECT_THAT(Ids(*reader_.Tests(TestCursor{WallTime(Seconds(2)), "b"}, 10)), ElementsAre("a"));
}

TEST_F(StoreReaderTest, APageOfLargeSpecsIsBoundedInBytesAndGoesOn) {
  for (int i = 0; i < 40; ++i) {
    StoreBatch batch;
    batch.tests.push_back(RandomTestRecord(random_, Concat("t-", i)));
    TestSpec spec = *batch.tests[0].spec;
    spec.target.body.assign(limits::kRequestBodyBytesMax, 'x');
    batch.tests[0].spec = std::make_shared<const TestSpec>(spec);
    Write(batch);
  }
  size_t seen = 0;
  size_t pages = 0;
  std::optional<TestCursor> after;
  do {
    const TestRecordPage page = *reader_.Tests(after, 1000);
    seen += page.items.size();
    ++pages;
    EXPECT_LE(page.items.size(), 17u);  // 16 MiB, and the one that reaches it
    after = page.next;
  } while (after.has_value());
  EXPECT_EQ(seen, 40u);
  EXPECT_EQ(pages, 3u);
}

TEST_F(StoreReaderTest, IntervalsComeByNumberFromTheOneAskedFor) {
  Add("t", 1);
  StoreBatch batch;
  for (int64_t k = 10; k > 0; --k)
    batch.intervals.push_back({"t", RandomInterval(random_, 2 * k, 20 - static_cast<uint64_t>(k))});
  Write(batch);
  IntervalPage page = *reader_.Intervals("t", 5, 3);  // of 2, 4, .., 20
  ASSERT_EQ(page.items.size(), 3u);
  EXPECT_EQ(page.items[0]->k, 6);
  EXPECT_EQ(page.items[2]->k, 10);
  ASSERT_TRUE(page.next.has_value());
  page = *reader_.Intervals("t", *page.next, 100);
  EXPECT_EQ(page.items.front()->k, 12);
  EXPECT_EQ(page.items.back()->k, 20);
  EXPECT_FALSE(page.next.has_value());
}

TEST_F(StoreReaderTest, AnIntervalThatHasNotBegunIsShownToNobody) {
  Add("t", 1);
  StoreBatch batch;
  batch.intervals.push_back({"t", RandomInterval(random_, 1, 7)});
  batch.intervals.push_back({"t", RandomInterval(random_, 2, 0)});
  Write(batch);
  EXPECT_EQ(reader_.Intervals("t", 0, 10)->items.size(), 1u);
  EXPECT_EQ(reader_.Updates("t", 0, 10)->items.size(), 1u);
}

TEST_F(StoreReaderTest, UpdatesMergeIntervalsAndChangesByRevision) {
  Add("t", 1);
  StoreBatch batch;
  for (const uint64_t revision : {1, 4, 5, 9})
    batch.intervals.push_back(
        {"t", RandomInterval(random_, static_cast<int64_t>(revision), revision)});
  for (const uint64_t revision : {2, 3, 7, 8})
    batch.changes.push_back({"t", RandomChange(random_, revision)});
  Write(batch);
  UpdatePage page = *reader_.Updates("t", 1, 4);
  EXPECT_THAT(Revisions(page), ElementsAre(-2, -3, 4, 5));
  EXPECT_TRUE(page.more);
  page = *reader_.Updates("t", 5, 4);
  EXPECT_THAT(Revisions(page), ElementsAre(-7, -8, 9));
  EXPECT_FALSE(page.more);
  EXPECT_THAT(reader_.Updates("t", 9, 4)->items, IsEmpty());
  EXPECT_THAT(reader_.Updates("t", UINT64_MAX, 4)->items, IsEmpty());
}

TEST_F(StoreReaderTest, ChangesComeNewestFirstByPages) {
  Add("t", 1);
  StoreBatch batch;
  for (const uint64_t revision : {2, 3, 7, 8})
    batch.changes.push_back({"t", RandomChange(random_, revision)});
  batch.intervals.push_back({"t", RandomInterval(random_, 4, 9)});
  Write(batch);
  const auto revisions = [](const ChangePage& page) {
    std::vector<uint64_t> all;
    for (const Change& change : page.items) all.push_back(change.revision);
    return all;
  };
  ChangePage page = *reader_.Changes("t", UINT64_MAX, 3);
  EXPECT_THAT(revisions(page), ElementsAre(8, 7, 3));
  EXPECT_EQ(page.next, 3u);
  page = *reader_.Changes("t", *page.next, 3);
  EXPECT_THAT(revisions(page), ElementsAre(2));
  EXPECT_EQ(page.next, std::nullopt);
  EXPECT_EQ(reader_.Changes("t", UINT64_MAX, 4)->next, std::nullopt);
  EXPECT_FALSE(reader_.Changes("other", UINT64_MAX, 3)->found);
}

TEST_F(StoreReaderTest, AnIntervalThatChangedComesOnceByItsLastRevision) {
  Add("t", 1);
  StoreBatch batch;
  batch.intervals.push_back({"t", RandomInterval(random_, 5, 1)});
  batch.intervals.push_back({"t", RandomInterval(random_, 6, 2)});
  batch.intervals.push_back({"t", RandomInterval(random_, 5, 3)});
  Write(batch);
  const UpdatePage page = *reader_.Updates("t", 0, 10);
  EXPECT_THAT(Revisions(page), ElementsAre(2, 3));
  EXPECT_EQ(*page.items[1].interval, batch.intervals[2].interval);
}

TEST_F(StoreReaderTest, UpdatesPageWithoutGapOrRepeatForAnyLimit) {
  Add("t", 1);
  StoreBatch batch;
  for (uint64_t revision = 1; revision <= 100; ++revision) {
    if (Random(random_, 3) == 0) {
      batch.changes.push_back({"t", RandomChange(random_, revision)});
    } else {
      batch.intervals.push_back(
          {"t", RandomInterval(random_, static_cast<int64_t>(revision), revision)});
    }
  }
  Write(batch);
  for (int limit = 1; limit <= 101; ++limit) {
    uint64_t after = 0;
    bool more = true;
    while (more) {
      const UpdatePage page = *reader_.Updates("t", after, limit);
      ASSERT_LE(std::ssize(page.items), limit);
      for (const Update& update : page.items) ASSERT_EQ(update.revision, ++after);
      more = page.more;
    }
    EXPECT_EQ(after, 100u) << "limit " << limit;
  }
}

}  // namespace
}  // namespace broadside
