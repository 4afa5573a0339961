#pragma once

// SQLite with RAII and statuses: a connection, and prepared statements that keep their first error.
// Nothing of Broadside is known here.
//
// Not thread-safe: one owner at a time. A database outlives its statements. Errors name the file,
// SQLite's text and what to do.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace broadside {

// Bytes to bind as a BLOB; they have to live until the statement ran.
struct SqliteBlob {
  std::string_view bytes;
};

class SqliteDatabase {
 public:
  // Opens or makes the file (":memory:" for none). Reads nothing yet: an error of the content shows
  // at the first query.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& file);
  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  // Statements without arguments; result rows are dropped.
  absl::Status Execute(const std::string& sql);
  // First column of the first row; an error without one.
  absl::StatusOr<int64_t> QueryInt(const std::string& sql);
  absl::StatusOr<std::string> QueryText(const std::string& sql);
  // While `untouched`, closing leaves file and write-ahead log as they are.
  void LeaveUntouchedOnClose(bool untouched);
  // Interrupts statements (SQLITE_INTERRUPT) when `expired` says so; null for none. It is asked
  // every few thousand steps of SQLite's virtual machine.
  void SetExpiry(std::function<bool()> expired);

  int64_t LastInsertId() const;
  // The last call failed because it was interrupted.
  bool WasInterrupted() const;
  // The error of the last call that failed on this connection.
  absl::Status Error() const;
  // How many statements were compiled so far.
  int64_t statements_prepared() const { return statements_prepared_; }

 private:
  friend class SqliteStatement;
  SqliteDatabase(std::string file, sqlite3* db) : file_(std::move(file)), db_(db) {}
  const std::string file_;
  sqlite3* const db_;
  int64_t statements_prepared_ = 0;
  std::function<bool()> expired_;
};

class SqliteStatement {
 public:
  // An error (the schema is damaged) comes with the first run.
  SqliteStatement(SqliteDatabase& database, const std::string& sql);
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  // Runs to the end with these arguments, in order; result rows are dropped.
  template <typename... Args>
  absl::Status Run(const Args&... args) {
    Start(args...);
    while (Next()) {
    }
    return Finish();
  }

  // Row by row: Start, then Next until it is false, then Finish, which has the error if there was
  // one. Columns are valid until the next call.
  template <typename... Args>
  void Start(const Args&... args) {
    int index = 0;
    (Bind(++index, args), ...);
  }
  bool Next();
  absl::Status Finish();

  int64_t Int(int column) const;
  uint64_t Unsigned(int column) const { return static_cast<uint64_t>(Int(column)); }
  std::optional<int64_t> OptionalInt(int column) const;
  // Text or blob.
  std::string_view Bytes(int column) const;

 private:
  void Bind(int index, int64_t value);
  void Bind(int index, uint64_t value) { Bind(index, static_cast<int64_t>(value)); }
  void Bind(int index, int value) { Bind(index, int64_t{value}); }
  void Bind(int index, const std::optional<int64_t>& value);
  void Bind(int index, std::string_view text);
  void Bind(int index, const SqliteBlob& blob);
  void Check(int code);

  SqliteDatabase& database_;
  sqlite3_stmt* statement_ = nullptr;
  absl::Status status_;
};

}  // namespace broadside
