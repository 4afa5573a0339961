#include "controller/store/store_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/core/status.h"
#include "controller/store/store_schema.h"
#include "tests/unit/common/wire/random_spec.h"
#include "tests/unit/controller/store/store_rig.h"
#include "tests/unit/controller/store/store_world.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::Not;

// The message of the refusal, one line.
std::string Refusal(const std::string& directory) {
  const absl::StatusOr<std::unique_ptr<StoreFile>> file = StoreFile::Open(directory);
  EXPECT_FALSE(file.ok()) << directory;
  std::string message(file.status().message());
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  return message;
}

// A directory with a store that has content.
void Fill(const std::string& directory) {
  const OpenStore open = MustOpen(directory);
  StoreWorld world(1);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Write(*open.store, world.Step()).ok());
}

void Execute(const std::string& file, const std::string& sql) {
  const absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(file);
  ASSERT_TRUE(database.ok());
  const absl::Status status = (*database)->Execute(sql);
  ASSERT_TRUE(status.ok()) << status;
}

TEST(StoreFileTest, ASecondOpenIsRefusedUntilTheFirstEnds) {
  const StoreDirectory directory;
  {
    const auto first = StoreFile::Open(directory.path());
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(Refusal(directory.path()), directory.path() +
                                             " is in use by another controller: stop it or choose "
                                             "another directory with --data");
  }
  EXPECT_TRUE(StoreFile::Open(directory.path()).ok());
}

TEST(StoreFileTest, AFileInPlaceOfTheDirectoryIsRefused) {
  const StoreDirectory directory;
  const std::string file = directory.path() + "/file";
  WriteBytes(file, "x");
  EXPECT_THAT(Refusal(file), HasSubstr("choose another with --data"));
  EXPECT_THAT(Refusal(file + "/below"), HasSubstr("choose another with --data"));
  EXPECT_EQ(ReadBytes(file), "x");
}

TEST(StoreFileTest, ADirectoryInPlaceOfTheFileIsRefused) {
  const StoreDirectory directory;
  std::filesystem::create_directory(directory.file());
  EXPECT_THAT(Refusal(directory.path()), HasSubstr("choose another with --data"));
}

TEST(StoreFileTest, AnEmptyFileBecomesAStore) {
  const StoreDirectory directory;
  WriteBytes(directory.file(), "");
  EXPECT_TRUE(StoreFile::Open(directory.path()).ok());
}

TEST(StoreFileTest, OnlyTheOwnerCanReadTheFile) {
  const StoreDirectory directory;
  const auto file = StoreFile::Open(directory.path());
  ASSERT_TRUE(file.ok());
  for (const std::string name : {"/broadside.db", "/broadside.db-wal"}) {
    EXPECT_EQ(std::filesystem::status(directory.path() + name).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << name;
  }
}

TEST(StoreFileTest, AFileThatIsNoDatabaseIsRefusedAndLeftAsItIs) {
  for (const std::string content : {"x", "not a database, but a text"}) {
    const StoreDirectory directory;
    WriteBytes(directory.file(), content);
    EXPECT_THAT(Refusal(directory.path()), HasSubstr("is damaged"));
    EXPECT_TRUE(ReadBytes(directory.file()) == content);
  }
}

TEST(StoreFileTest, ADatabaseOfAnotherProgramIsRefusedAndLeftAsItIs) {
  const StoreDirectory directory;
  Execute(directory.file(), "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  const std::string before = ReadBytes(directory.file());
  EXPECT_THAT(Refusal(directory.path()), HasSubstr("is not a store of Broadside"));
  EXPECT_TRUE(ReadBytes(directory.file()) == before);
}

TEST(StoreFileTest, ANewerSchemaIsRefusedAndLeftAsItIs) {
  const StoreDirectory directory;
  Fill(directory.path());
  Execute(directory.file(), Concat("PRAGMA user_version = ", kStoreSchema + 1));
  const std::string before = ReadBytes(directory.file());
  EXPECT_THAT(Refusal(directory.path()), HasSubstr("was made by a newer version"));
  EXPECT_TRUE(ReadBytes(directory.file()) == before);
}

TEST(StoreFileTest, ADamagedPageIsFoundAndTheFileIsLeftAsItIs) {
  const StoreDirectory directory;
  Fill(directory.path());
  std::string bytes = ReadBytes(directory.file());
  std::fill(bytes.begin() + 4096, bytes.end(), '\x5a');  // all but the first page
  WriteBytes(directory.file(), bytes);
  EXPECT_THAT(Refusal(directory.path()), HasSubstr("is damaged"));
  EXPECT_TRUE(ReadBytes(directory.file()) == bytes);
}

TEST(StoreFileTest, ADamagedFileWithALogKeepsBothAsTheyAre) {
  const StoreDirectory live;
  const StoreDirectory copy;
  {
    // As a killed process leaves them.
    const OpenStore open = MustOpen(live.path());
    StoreWorld world(1);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(Write(*open.store, world.Step()).ok());
    std::string bytes = ReadBytes(live.file());
    std::fill(bytes.begin() + 4096, bytes.end(), '\x5a');
    WriteBytes(copy.file(), bytes);
    WriteBytes(copy.file() + "-wal", ReadBytes(live.file() + "-wal"));
  }
  const std::string file = ReadBytes(copy.file());
  const std::string log = ReadBytes(copy.file() + "-wal");
  ASSERT_GT(log.size(), 0u);
  EXPECT_THAT(Refusal(copy.path()), HasSubstr("is damaged"));
  EXPECT_TRUE(ReadBytes(copy.file()) == file);
  EXPECT_TRUE(ReadBytes(copy.file() + "-wal") == log);
}

TEST(StoreFileTest, AnyDamageIsRefusedOrReadWithoutACrash) {
  constexpr int kSeeds = 200;
  const StoreDirectory whole;
  Fill(whole.path());
  const std::string good = ReadBytes(whole.file());
  int refused = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const StoreDirectory directory;
    std::mt19937_64 random(seed);
    std::string bytes = good;
    for (int64_t i = 1 + Random(random, 20); i > 0; --i)
      bytes[static_cast<size_t>(Random(random, std::ssize(bytes)))] = static_cast<char>(random());
    WriteBytes(directory.file(), bytes);
    StoredState state;
    const auto store = Store::Open(directory.path(), &state);
    if (!store.ok()) ++refused;
  }
  EXPECT_GT(refused, 0);
  RecordProperty("cases", kSeeds);
}

TEST(StoreFileTest, TheSettingsAreThoseThatKeepWhatIsCommitted) {
  const StoreDirectory directory;
  const auto file = StoreFile::Open(directory.path());
  ASSERT_TRUE(file.ok());
  SqliteDatabase& database = (*file)->database();
  EXPECT_EQ(*database.QueryText("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(*database.QueryInt("PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(*database.QueryInt("PRAGMA auto_vacuum"), 2);  // INCREMENTAL
  EXPECT_EQ(*database.QueryInt("PRAGMA user_version"), kStoreSchema);
  EXPECT_EQ(*database.QueryText("PRAGMA locking_mode"), "exclusive");
}

}  // namespace
}  // namespace broadside
