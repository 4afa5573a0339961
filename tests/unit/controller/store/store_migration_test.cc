// Stores of older versions, from the first released schema on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/store/store_file.h"
#include "controller/store/store_schema.h"
#include "tests/unit/controller/store/store_rig.h"

namespace broadside {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kEnded = "t-j5h4s1dhmhkezqyn";
constexpr const char* kRunning = "t-yrw2w2bd1d2qrnmp";

void Execute(const std::string& file, const std::string& sql) {
  const absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(file);
  ASSERT_TRUE(database.ok());
  const absl::Status status = (*database)->Execute(sql);
  ASSERT_TRUE(status.ok()) << status;
}

// "name: sql" of all tables and indexes.
std::vector<std::string> Tables(const std::string& directory) {
  const auto file = StoreFile::Open(directory);
  std::vector<std::string> tables;
  SqliteStatement rows((*file)->database(),
                       "SELECT name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name");
  rows.Start();
  while (rows.Next()) tables.emplace_back(rows.Bytes(0));
  EXPECT_TRUE(rows.Finish().ok());
  return tables;
}

class StoreMigrationTest : public testing::Test {
 protected:
  StoreMigrationTest() { Execute(directory_.file(), ReadBytes(STORE_SCHEMA_1)); }

  StoreDirectory directory_;
};

TEST_F(StoreMigrationTest, AStoreOfSchemaOneGoesOnWithAllThatItHad) {
  const OpenStore open = MustOpen(directory_.path());
  EXPECT_EQ(open.state.epoch, 2u);
  ASSERT_THAT(open.state.unended, SizeIs(1));
  EXPECT_EQ(open.state.unended[0].test.id, kRunning);
  EXPECT_EQ(open.state.unended[0].test.spec->name, "second");
  ASSERT_THAT(open.state.ended, SizeIs(1));
  EXPECT_EQ(open.state.ended[0].id, kEnded);
  EXPECT_EQ(open.state.ended[0].due.outcomes[Outcome::kOk], 40u);  // 20/s x 2 s
  EXPECT_THAT(open.state.acked, SizeIs(1));
  EXPECT_THAT(open.state.drains, IsEmpty());
  const IntervalPage page = ReadIntervals(*open.store, kEnded, 0, 10);
  ASSERT_GE(page.items.size(), 2u);
  EXPECT_EQ(page.items[0]->planned, 20);
  const auto found = Answered<std::optional<TestRecord>>(
      [&](auto done) { open.store->ReadTestByKey("release-42", std::move(done)); });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, kEnded);
  StoreBatch batch;
  batch.drains = {Incarnation{1, 2}};
  EXPECT_TRUE(Write(*open.store, batch).ok());
}

TEST_F(StoreMigrationTest, AMigratedStoreHasTheTablesOfANewOne) {
  const StoreDirectory fresh;
  EXPECT_EQ(Tables(directory_.path()), Tables(fresh.path()));
  const auto file = StoreFile::Open(directory_.path());
  EXPECT_EQ(*(*file)->database().QueryInt("PRAGMA user_version"), kStoreSchema);
}

TEST_F(StoreMigrationTest, AMigrationHappensOnce) {
  { const OpenStore open = MustOpen(directory_.path()); }
  const OpenStore open = MustOpen(directory_.path());
  EXPECT_EQ(open.state.epoch, 3u);
  EXPECT_THAT(ReadTests(*open.store, 10), SizeIs(2));
}

}  // namespace
}  // namespace broadside
