#include "controller/store/sqlite.h"

#include <sqlite3.h>

#include <utility>

#include "common/core/check.h"
#include "common/core/status.h"

namespace broadside {
namespace {

constexpr int kStepsBetweenExpiryChecks = 4000;

// What a user can do about it.
std::string_view Advice(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "free space on its volume";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "restore a copy, or choose another directory with --data";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "make its directory writable for this user, or choose another with --data";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "close the other program that has it open";
    default:
      return "check its volume";
  }
}

absl::StatusCode CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

absl::Status ErrorOf(const std::string& file, int code, std::string_view text) {
  return {CodeOf(code), Concat(file, ": ", text, " (SQLite error ", code, "): ", Advice(code))};
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& file) {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(file.c_str(), &db, flags, nullptr);
  if (db == nullptr) return ErrorOf(file, SQLITE_NOMEM, "out of memory");
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(file, db));
  if (code != SQLITE_OK) return database->Error();
  sqlite3_extended_result_codes(db, 1);
  return database;
}

SqliteDatabase::~SqliteDatabase() {
  const int code = sqlite3_close(db_);
  BS_CHECK(code == SQLITE_OK) << "statements outlive " << file_;
}

absl::Status SqliteDatabase::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error();
}

absl::StatusOr<int64_t> SqliteDatabase::QueryInt(const std::string& sql) {
  SqliteStatement statement(*this, sql);
  const bool found = statement.Next();
  const int64_t value = found ? statement.Int(0) : 0;
  const absl::Status status = statement.Finish();
  if (!status.ok()) return status;
  if (!found) return NotFound(file_, ": no row for ", sql);
  return value;
}

absl::StatusOr<std::string> SqliteDatabase::QueryText(const std::string& sql) {
  SqliteStatement statement(*this, sql);
  const bool found = statement.Next();
  std::string value(found ? statement.Bytes(0) : std::string_view());
  const absl::Status status = statement.Finish();
  if (!status.ok()) return status;
  if (!found) return NotFound(file_, ": no row for ", sql);
  return value;
}

void SqliteDatabase::LeaveUntouchedOnClose(bool untouched) {
  const int code = sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, untouched ? 1 : 0,
                                     static_cast<int*>(nullptr));
  BS_CHECK(code == SQLITE_OK) << code;
}

void SqliteDatabase::SetExpiry(std::function<bool()> expired) {
  expired_ = std::move(expired);
  const auto ask = [](void* self) {
    return static_cast<SqliteDatabase*>(self)->expired_() ? 1 : 0;
  };
  if (expired_) {
    sqlite3_progress_handler(db_, kStepsBetweenExpiryChecks, ask, this);
  } else {
    sqlite3_progress_handler(db_, 0, nullptr, nullptr);
  }
}

int64_t SqliteDatabase::LastInsertId() const { return sqlite3_last_insert_rowid(db_); }

bool SqliteDatabase::WasInterrupted() const { return sqlite3_errcode(db_) == SQLITE_INTERRUPT; }

absl::Status SqliteDatabase::Error() const {
  return ErrorOf(file_, sqlite3_extended_errcode(db_), sqlite3_errmsg(db_));
}

SqliteStatement::SqliteStatement(SqliteDatabase& database, const std::string& sql)
    : database_(database) {
  Check(sqlite3_prepare_v3(database.db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement_,
                           nullptr));
  ++database.statements_prepared_;
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

void SqliteStatement::Check(int code) {
  if (code != SQLITE_OK && status_.ok()) status_ = database_.Error();
}

bool SqliteStatement::Next() {
  if (!status_.ok()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) Check(code);
  return false;
}

absl::Status SqliteStatement::Finish() {
  if (statement_ == nullptr) return status_;
  // Their error is that of the last step, which is known.
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  return std::exchange(status_, absl::OkStatus());
}

int64_t SqliteStatement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::optional<int64_t> SqliteStatement::OptionalInt(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return Int(column);
}

std::string_view SqliteStatement::Bytes(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string_view() : std::string_view(bytes, static_cast<size_t>(size));
}

void SqliteStatement::Bind(int index, int64_t value) {
  if (statement_ != nullptr) Check(sqlite3_bind_int64(statement_, index, value));
}

void SqliteStatement::Bind(int index, const std::optional<int64_t>& value) {
  if (statement_ == nullptr) return;
  Check(value ? sqlite3_bind_int64(statement_, index, *value)
              : sqlite3_bind_null(statement_, index));
}

void SqliteStatement::Bind(int index, std::string_view text) {
  if (statement_ == nullptr) return;
  // A null pointer would bind NULL. -1 is SQLITE_TRANSIENT: SQLite copies.
  const char* data = text.data() == nullptr ? "" : text.data();
  Check(sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void SqliteStatement::Bind(int index, const SqliteBlob& blob) {
  if (statement_ == nullptr) return;
  const char* data = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  Check(sqlite3_bind_blob64(statement_, index, data, blob.bytes.size(), SQLITE_STATIC));
}

}  // namespace broadside
