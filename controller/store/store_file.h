#pragma once

// The store's file in its directory: who may open it, and what it has to be.
//
// A directory belongs to one process: broadside.lock is locked while a StoreFile lives. SQLite's
// own lock is exclusive too, so that no reader from outside can hold back the checkpoints and let
// the write-ahead log grow. A file that is refused (no store, damaged, of a newer version) is left
// as it is. One of an older version is brought up to this one, whole or not at all.
//
// Opening only reads, unless the file is new or of an older version: a store on a full or failing
// volume can be looked at. Claim is the first write. Not thread-safe: one owner at a time.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "controller/store/sqlite.h"

namespace broadside {

class StoreFile {
 public:
  // Opens or makes the store, with its tables and settings.
  static absl::StatusOr<std::unique_ptr<StoreFile>> Open(const std::string& directory);
  ~StoreFile();
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;

  // Makes the store this process's own: all that was committed is on disk, and the epoch is raised
  // and durable. An error leaves the store as it was. REQUIRES: nothing was written before.
  absl::Status Claim();

  SqliteDatabase& database() { return *database_; }
  // The sizes of the file and its log; 0 in memory.
  int64_t Bytes() const;
  const std::string& store_uuid() const { return store_uuid_; }
  uint64_t epoch() const { return epoch_; }

 private:
  StoreFile() = default;
  absl::Status OpenDatabase(const std::string& file);
  absl::Status ReadMeta();

  std::string file_;
  int lock_ = -1;
  std::unique_ptr<SqliteDatabase> database_;
  std::string store_uuid_;
  uint64_t epoch_ = 0;
};

}  // namespace broadside
