#include "controller/store/store_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "common/core/status.h"
#include "common/net/clock.h"
#include "common/net/random_id.h"
#include "controller/store/store_schema.h"

namespace broadside {
namespace {

// The check of the whole file at each start ends here, whatever is left: a controller is ready
// within seconds.
constexpr Seconds kCheckMax{2};
constexpr off_t kPageBytesMin = 512;

// The plan is lost with the power cut of a machine unless each commit is synced (FULL). Free pages
// are given back a slice at a time (store_writer.h). The log is checkpointed each 4 MiB and cut to
// 16. A commit touches the ends of a few tables, some 30 pages, so a cache of 128 is enough; one of
// 16 MiB only grew for hours of a test.
constexpr const char* kSettings = R"sql(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = 16777216;
PRAGMA cache_size = -512;
PRAGMA temp_store = MEMORY;
PRAGMA trusted_schema = OFF;
)sql";

std::string TextOf(int error) { return std::generic_category().message(error); }

absl::Status Unusable(std::string_view verb, const std::string& path, std::string_view why) {
  return Unavailable("cannot ", verb, " ", path, ": ", why,
                     ": make it a directory that this user can write, or choose another with "
                     "--data");
}

// A volume that fails is mounted read-only by the kernel; what is there can still be read.
int OpenOrMake(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0 || errno != EROFS) return fd;
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

absl::StatusOr<int> LockDirectory(const std::string& directory) {
  const std::string path = directory + "/broadside.lock";
  const int fd = OpenOrMake(path);
  if (fd < 0) return Unusable("write", directory, TextOf(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int error = errno;
  ::close(fd);
  if (error != EWOULDBLOCK) return Unusable("lock", path, TextOf(error));
  return FailedPrecondition(directory,
                            " is in use by another controller: stop it or choose another directory "
                            "with --data");
}

absl::Status Damaged(const std::string& file, std::string_view what) {
  return absl::DataLossError(Concat(file, " is damaged (", what,
                                    ") and was left as it is: restore a copy, or choose another "
                                    "directory with --data"));
}

// Makes the file, readable for its owner alone: specs may hold credentials. SQLite takes a file of
// one byte for an empty one, so shorter files than its smallest page are refused here.
absl::Status MakeFile(const std::string& directory, const std::string& file) {
  const int fd = OpenOrMake(file);
  if (fd < 0) return Unusable("write", directory, TextOf(errno));
  const off_t size = ::lseek(fd, 0, SEEK_END);
  ::close(fd);
  if (size != 0 && size < kPageBytesMin) return Damaged(file, "it is too short");
  return absl::OkStatus();
}

// Looks through the file, as far as kCheckMax reaches.
absl::Status CheckContent(SqliteDatabase& database, const std::string& file) {
  const BootTime until = BootNow() + kCheckMax;
  database.SetExpiry([until] { return BootNow() >= until; });
  const absl::StatusOr<std::string> result = database.QueryText("PRAGMA quick_check(1)");
  const bool interrupted = !result.ok() && database.WasInterrupted();
  database.SetExpiry(nullptr);
  if (interrupted) return absl::OkStatus();
  if (!result.ok() && result.status().code() != absl::StatusCode::kDataLoss) return result.status();
  if (!result.ok()) return Damaged(file, ToStd(result.status().message()));
  if (*result == "ok") return absl::OkStatus();
  return Damaged(file, result->substr(result->rfind('\n') + 1));
}

// The schema of a store that this version can use; 0 when the file is empty and has to be made.
absl::StatusOr<int64_t> CheckFile(SqliteDatabase& database, const std::string& file) {
  const absl::StatusOr<int64_t> tables = database.QueryInt("SELECT count(*) FROM sqlite_schema");
  const absl::StatusOr<int64_t> application = database.QueryInt("PRAGMA application_id");
  const absl::StatusOr<int64_t> schema = database.QueryInt("PRAGMA user_version");
  for (const absl::Status& status : {tables.status(), application.status(), schema.status()}) {
    if (status.code() == absl::StatusCode::kDataLoss)
      return Damaged(file, "not a database, or not a whole one");
    if (!status.ok()) return status;
  }
  if (*tables == 0 && *application == 0 && *schema == 0) return 0;
  if (*application != kStoreApplication) {
    return FailedPrecondition(file,
                              " is not a store of Broadside: choose another directory with --data");
  }
  if (*schema > kStoreSchema) {
    return FailedPrecondition(file, " was made by a newer version (its schema is ", *schema,
                              ", this version knows ", kStoreSchema,
                              "): use that version, or choose another directory with --data");
  }
  if (*schema < 1) return Damaged(file, "it has no schema");
  const absl::Status content = CheckContent(database, file);
  if (!content.ok()) return content;
  return *schema;
}

// What brings a store of this schema up to kStoreSchema.
std::string MigrationsFrom(int64_t schema) {
  std::string sql;
  for (auto i = static_cast<size_t>(schema - 1); i < kMigrations.size(); ++i) sql += kMigrations[i];
  return Concat(sql, "PRAGMA user_version = ", kStoreSchema, ";");
}

absl::Status MakeTables(SqliteDatabase& database) {
  const Incarnation uuid = RandomIncarnation();  // 128 random bits
  // auto_vacuum works only before the first table. The tables are made with a rollback journal: the
  // schema is in the file itself from the first moment.
  return database.Execute(Concat("PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE;", kFirstTables,
                                 "INSERT INTO meta VALUES (1, '", ToString(uuid), "', 0);",
                                 "PRAGMA application_id = ", kStoreApplication, ";",
                                 MigrationsFrom(1), "COMMIT;"));
}

absl::Status Migrate(SqliteDatabase& database, int64_t schema) {
  absl::Status status =
      database.Execute(Concat("BEGIN IMMEDIATE;", MigrationsFrom(schema), "COMMIT;"));
  if (!status.ok()) {
    // The first error is the one to tell; some roll back by themselves.
    const absl::Status ignored = database.Execute("ROLLBACK");
  }
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreFile>> StoreFile::Open(const std::string& directory) {
  std::unique_ptr<StoreFile> store(new StoreFile);
  std::string file = ":memory:";
  if (directory != file) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return Unusable("make", directory, error.message());
    const absl::StatusOr<int> lock = LockDirectory(directory);
    if (!lock.ok()) return lock.status();
    store->lock_ = *lock;
    file = directory + "/broadside.db";
    const absl::Status made = MakeFile(directory, file);
    if (!made.ok()) return made;
  }
  store->file_ = file;
  absl::Status status = store->OpenDatabase(file);
  if (status.ok()) status = store->ReadMeta();
  if (!status.ok()) return status;
  return store;
}

StoreFile::~StoreFile() {
  database_.reset();
  if (lock_ >= 0) ::close(lock_);
}

absl::Status StoreFile::OpenDatabase(const std::string& file) {
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(file);
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  // Until the file is known to be ours, nothing may be written, not even the log's content.
  database_->LeaveUntouchedOnClose(true);
  absl::Status status = database_->Execute("PRAGMA locking_mode = EXCLUSIVE");
  if (!status.ok()) return status;
  const absl::StatusOr<int64_t> schema = CheckFile(*database_, file);
  if (!schema.ok()) return schema.status();
  database_->LeaveUntouchedOnClose(false);
  if (*schema == 0) status = MakeTables(*database_);
  if (status.ok()) status = database_->Execute(kSettings);
  if (status.ok() && *schema > 0 && *schema < kStoreSchema) status = Migrate(*database_, *schema);
  return status;
}

absl::Status StoreFile::Claim() {
  // Frames of the log whose sync failed can be read, yet need not be on disk, and no later sync of
  // the log would say so: the kernel takes them for written. Copied into the file they are written
  // anew, and synced there.
  absl::Status status = database_->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  if (status.ok()) status = database_->Execute("UPDATE meta SET epoch = epoch + 1");
  return status.ok() ? ReadMeta() : status;
}

int64_t StoreFile::Bytes() const {
  int64_t bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    struct stat file {};
    if (::stat((file_ + suffix).c_str(), &file) == 0) bytes += file.st_size;
  }
  return bytes;
}

absl::Status StoreFile::ReadMeta() {
  const absl::StatusOr<int64_t> epoch = database_->QueryInt("SELECT epoch FROM meta");
  if (!epoch.ok()) return epoch.status();
  absl::StatusOr<std::string> uuid = database_->QueryText("SELECT store_uuid FROM meta");
  if (!uuid.ok()) return uuid.status();
  epoch_ = static_cast<uint64_t>(*epoch);
  store_uuid_ = *std::move(uuid);
  return absl::OkStatus();
}

}  // namespace broadside
