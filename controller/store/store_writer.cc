#include "controller/store/store_writer.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "common/core/status.h"
#include "common/wire/spec_json.h"
#include "controller/store/store_blobs.h"
#include "controller/store/store_schema.h"

namespace broadside {
namespace {

// The free pages that are kept for what comes next (10 MiB), and how many a slice gives back.
constexpr int64_t kFreePagesKept = 2560;

// Slices are of some 4 MiB: a few hundred intervals of a busy test have 4 KiB each, a partition of
// a large fleet has half a megabyte.
constexpr const char* kInsertTest = R"sql(
INSERT INTO tests (id, idempotency_key, body_hash, state, created_at, started_at, ended_at, t0,
  appended_through, begun_through, revision, planned, result)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13))sql";
constexpr const char* kUpdateTest = R"sql(
UPDATE tests SET idempotency_key = ?2, body_hash = ?3, state = ?4, created_at = ?5,
  started_at = ?6, ended_at = ?7, t0 = ?8, appended_through = ?9, begun_through = ?10,
  revision = ?11, planned = ?12, result = ?13
WHERE number = ?1)sql";
constexpr const char* kUpsertInterval = R"sql(
INSERT INTO intervals (test, k, revision, content) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (test, k) DO UPDATE SET revision = excluded.revision, content = excluded.content)sql";
constexpr const char* kInsertGarbage = R"sql(
INSERT INTO garbage (test, everything) VALUES (?1, ?2)
ON CONFLICT (test) DO UPDATE SET everything = max(everything, excluded.everything))sql";
constexpr const char* kSweepSegments = R"sql(
DELETE FROM segments WHERE test = ?1 AND k IN
  (SELECT k FROM segments WHERE test = ?1 ORDER BY k LIMIT 5000) RETURNING 1)sql";
constexpr const char* kSweepPartitions = R"sql(
DELETE FROM partitions WHERE rowid IN
  (SELECT rowid FROM partitions WHERE test = ?1 LIMIT 8) RETURNING 1)sql";
constexpr const char* kSweepIntervals = R"sql(
DELETE FROM intervals WHERE id IN
  (SELECT id FROM intervals WHERE test = ?1 LIMIT 500) RETURNING 1)sql";
constexpr const char* kSweepChanges = R"sql(
DELETE FROM changes WHERE id IN
  (SELECT id FROM changes WHERE test = ?1 LIMIT 5000) RETURNING 1)sql";

std::optional<int64_t> NanosOf(const std::optional<WallTime>& time) {
  if (!time) return std::nullopt;
  return time->time_since_epoch().count();
}

int64_t CountLedgerRows(SqliteDatabase& database) {
  return database.QueryInt("SELECT count(*) FROM ledger").value_or(0);
}

}  // namespace

StoreWriter::StoreWriter(SqliteDatabase& database, LedgerFold& fold)
    : database_(database),
      fold_(fold),
      ledger_commits_(static_cast<int>(CountLedgerRows(database))),
      begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      find_test_(database, "SELECT number FROM tests WHERE id = ?1"),
      insert_test_(database, kInsertTest),
      update_test_(database, kUpdateTest),
      insert_spec_(database, "INSERT INTO specs (test, json) VALUES (?1, ?2)"),
      insert_partition_(database,
                        "INSERT INTO partitions (test, number, owners) VALUES (?1, ?2, ?3)"),
      insert_segment_(database, "INSERT INTO segments VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      insert_ledger_(database, "INSERT INTO ledger (entries) VALUES (?1)"),
      cut_ledger_(database, "DELETE FROM ledger WHERE id < ?1"),
      upsert_interval_(database, kUpsertInterval),
      insert_change_(database,
                     "INSERT INTO changes (test, revision, kind, at, detail) "
                     "VALUES (?1, ?2, ?3, ?4, ?5)"),
      cut_changes_(database, "DELETE FROM changes WHERE id <= ?1"),
      insert_garbage_(database, kInsertGarbage),
      delete_test_(database, "DELETE FROM tests WHERE number = ?1"),
      delete_spec_(database, "DELETE FROM specs WHERE test = ?1"),
      insert_drain_(database, "INSERT OR REPLACE INTO drains (incarnation) VALUES (?1)"),
      cut_drains_(database, "DELETE FROM drains WHERE id <= ?1"),
      find_garbage_(database, "SELECT test, everything FROM garbage LIMIT 1"),
      sweep_segments_(database, kSweepSegments),
      sweep_partitions_(database, kSweepPartitions),
      sweep_intervals_(database, kSweepIntervals),
      sweep_changes_(database, kSweepChanges),
      end_garbage_(database, "DELETE FROM garbage WHERE test = ?1"),
      count_free_pages_(database, "PRAGMA freelist_count"),
      vacuum_(database, "PRAGMA incremental_vacuum(1000)") {}

template <typename Body>
absl::Status StoreWriter::Transaction(Body body) {
  absl::Status status = begin_.Run();
  if (!status.ok()) return status;
  status = body();
  if (status.ok()) status = commit_.Run();
  if (!status.ok()) {
    // The first error is the one to tell; some roll back by themselves.
    const absl::Status ignored = database_.Execute("ROLLBACK");
  }
  return status;
}

absl::Status StoreWriter::Write(const StoreBatch& batch) {
  return Transaction([&] { return InTransaction(batch); });
}

absl::Status StoreWriter::InTransaction(const StoreBatch& batch) {
  absl::Status status;
  for (const TestRecord& test : batch.tests) {
    status = WriteTest(test);
    if (!status.ok()) return status;
  }
  status = WritePlan(batch);
  if (status.ok() && !batch.ledger.empty()) status = WriteLedger(batch.ledger);
  if (status.ok()) status = WriteResults(batch);
  for (const TestId& test : batch.ended) {
    if (status.ok()) status = EndTest(test);
  }
  for (const TestId& test : batch.deleted) {
    if (status.ok()) status = DeleteTest(test);
  }
  if (status.ok() && !batch.drains.empty()) status = WriteDrains(batch.drains);
  return status;
}

absl::Status StoreWriter::WriteDrains(const std::vector<Incarnation>& drains) {
  for (const Incarnation& incarnation : drains) {
    absl::Status status = insert_drain_.Run(ToString(incarnation));
    if (!status.ok()) return status;
  }
  return cut_drains_.Run(database_.LastInsertId() - limits::kAgentsMax);
}

absl::StatusOr<int64_t> StoreWriter::FindNumber(const TestId& test) {
  const auto known = numbers_.find(test);
  if (known != numbers_.end()) return known->second;
  find_test_.Start(test);
  const int64_t number = find_test_.Next() ? find_test_.Int(0) : 0;
  const absl::Status status = find_test_.Finish();
  if (!status.ok()) return status;
  // Only tests that go on are written often, and those few are forgotten when they end.
  if (number != 0) numbers_[test] = number;
  return number;
}

absl::StatusOr<int64_t> StoreWriter::NumberOf(const TestId& test) {
  absl::StatusOr<int64_t> number = FindNumber(test);
  if (number.ok() && *number == 0) return Internal("a record of a test without a row: ", test);
  return number;
}

absl::Status StoreWriter::WriteTest(const TestRecord& test) {
  absl::StatusOr<int64_t> number = FindNumber(test.id);
  if (!number.ok()) return number.status();
  if (!HasEnded(test.state)) fold_.Begin(test.id);
  if (*number != 0) return UpdateTest(*number, test);
  number = InsertTest(test);
  if (!number.ok()) return number.status();
  numbers_[test.id] = *number;
  return insert_spec_.Run(*number, TestSpecToJson(*test.spec).dump());
}

absl::StatusOr<int64_t> StoreWriter::InsertTest(const TestRecord& test) {
  const std::string result = ResultBlob(test);
  const absl::Status status = insert_test_.Run(
      test.id, test.idempotency_key, test.body_hash, static_cast<int>(test.state),
      test.created_at.time_since_epoch().count(), NanosOf(test.started_at), NanosOf(test.ended_at),
      test.t0.time_since_epoch().count(), test.appended_through, test.begun_through, test.revision,
      test.planned, SqliteBlob{result});
  if (!status.ok()) return status;
  return database_.LastInsertId();
}

absl::Status StoreWriter::UpdateTest(int64_t number, const TestRecord& test) {
  const std::string result = ResultBlob(test);
  return update_test_.Run(number, test.idempotency_key, test.body_hash,
                          static_cast<int>(test.state), test.created_at.time_since_epoch().count(),
                          NanosOf(test.started_at), NanosOf(test.ended_at),
                          test.t0.time_since_epoch().count(), test.appended_through,
                          test.begun_through, test.revision, test.planned, SqliteBlob{result});
}

absl::Status StoreWriter::WritePlan(const StoreBatch& batch) {
  for (const PartitionRecord& partition : batch.partitions) {
    const absl::StatusOr<int64_t> test = NumberOf(partition.test);
    if (!test.ok()) return test.status();
    const std::string owners = PartitionBlob(partition.owners);
    absl::Status status = insert_partition_.Run(*test, partition.number, SqliteBlob{owners});
    if (!status.ok()) return status;
  }
  for (const SegmentRecord& segment : batch.segments) {
    const absl::StatusOr<int64_t> test = NumberOf(segment.test);
    if (!test.ok()) return test.status();
    absl::Status status =
        insert_segment_.Run(*test, segment.k, segment.slots.from, segment.slots.until,
                            segment.partition, static_cast<int>(segment.kind));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status StoreWriter::WriteLedger(const std::vector<LedgerRecord>& records) {
  for (const LedgerRecord& record : records) fold_.Add(record);
  const bool snapshot = ++ledger_commits_ > kLedgerCommitsMax;
  const std::string entries = LedgerBlob(snapshot ? fold_.Snapshot() : records);
  absl::Status status = insert_ledger_.Run(SqliteBlob{entries});
  if (!status.ok() || !snapshot) return status;
  ledger_commits_ = 1;
  return cut_ledger_.Run(database_.LastInsertId());
}

absl::Status StoreWriter::WriteResults(const StoreBatch& batch) {
  for (const auto& [id, interval] : batch.intervals) {
    const absl::StatusOr<int64_t> test = NumberOf(id);
    if (!test.ok()) return test.status();
    const std::string content = IntervalBlob(interval);
    absl::Status status =
        upsert_interval_.Run(*test, interval.k, interval.revision, SqliteBlob{content});
    if (!status.ok()) return status;
  }
  for (const auto& [id, change] : batch.changes) {
    const absl::StatusOr<int64_t> test = NumberOf(id);
    if (!test.ok()) return test.status();
    absl::Status status = insert_change_.Run(*test, change.revision, static_cast<int>(change.kind),
                                             change.at.time_since_epoch().count(), change.detail);
    if (!status.ok()) return status;
  }
  if (batch.changes.empty()) return absl::OkStatus();
  return cut_changes_.Run(database_.LastInsertId() - limits::kAuditRowsMax);
}

absl::Status StoreWriter::EndTest(const TestId& test) {
  const absl::StatusOr<int64_t> number = NumberOf(test);
  if (!number.ok()) return number.status();
  fold_.Forget(test);
  numbers_.erase(test);
  return insert_garbage_.Run(*number, 0);
}

absl::Status StoreWriter::DeleteTest(const TestId& test) {
  const absl::StatusOr<int64_t> number = FindNumber(test);
  if (!number.ok() || *number == 0) return number.status();
  fold_.Forget(test);
  numbers_.erase(test);
  absl::Status status = delete_test_.Run(*number);
  if (status.ok()) status = delete_spec_.Run(*number);
  if (status.ok()) status = insert_garbage_.Run(*number, 1);
  return status;
}

absl::StatusOr<bool> StoreWriter::Sweep() {
  find_garbage_.Start();
  const bool found = find_garbage_.Next();
  const int64_t number = found ? find_garbage_.Int(0) : 0;
  const bool everything = found && find_garbage_.Int(1) != 0;
  absl::Status status = find_garbage_.Finish();
  if (!status.ok()) return status;
  count_free_pages_.Start();
  const bool many_free = count_free_pages_.Next() && count_free_pages_.Int(0) > kFreePagesKept;
  status = count_free_pages_.Finish();
  if (!status.ok()) return status;
  if (!found && !many_free) return false;
  bool done = false;
  status = Transaction([&] {
    absl::Status swept;
    if (found) swept = SweepTest(number, everything, done);
    if (swept.ok() && done) swept = end_garbage_.Run(number);
    if (swept.ok() && many_free) swept = vacuum_.Run();
    return swept;
  });
  if (!status.ok()) return status;
  return true;
}

absl::Status StoreWriter::SweepTest(int64_t number, bool everything, bool& done) {
  for (SqliteStatement* sweep :
       {&sweep_segments_, &sweep_partitions_, &sweep_intervals_, &sweep_changes_}) {
    if (!everything && (sweep == &sweep_intervals_ || sweep == &sweep_changes_)) break;
    bool any = false;
    sweep->Start(number);
    while (sweep->Next()) any = true;
    absl::Status status = sweep->Finish();
    if (!status.ok() || any) return status;
  }
  done = true;
  return absl::OkStatus();
}

}  // namespace broadside
