#pragma once

// Batches to tables: one transaction each, with statements that are compiled once. Also removes, a
// bounded slice at a time, what ended and deleted tests leave behind: a week's test has gigabytes
// of intervals, and one long transaction would hold up the plan of those that run.
//
// Owned by the store's thread. The first error is final.

#include <map>

#include "absl/status/statusor.h"
#include "controller/core/store_records.h"
#include "controller/store/ledger_fold.h"
#include "controller/store/sqlite.h"

namespace broadside {

class StoreWriter {
 public:
  // `fold` is what the ledger table adds up to. Both outlive the writer.
  StoreWriter(SqliteDatabase& database, LedgerFold& fold);

  // Durable when it returns.
  absl::Status Write(const StoreBatch& batch);
  // Removes a slice of the garbage; false when there is none left.
  absl::StatusOr<bool> Sweep();

 private:
  absl::Status InTransaction(const StoreBatch& batch);
  absl::Status WriteTest(const TestRecord& test);
  absl::Status UpdateTest(int64_t number, const TestRecord& test);
  absl::StatusOr<int64_t> InsertTest(const TestRecord& test);
  absl::Status WritePlan(const StoreBatch& batch);
  absl::Status WriteLedger(const std::vector<LedgerRecord>& records);
  absl::Status WriteResults(const StoreBatch& batch);
  absl::Status EndTest(const TestId& test);
  absl::Status DeleteTest(const TestId& test);
  absl::Status WriteDrains(const std::vector<Incarnation>& drains);
  // The number of a test, 0 for an unknown one.
  absl::StatusOr<int64_t> FindNumber(const TestId& test);
  // As FindNumber; an unknown test is an error.
  absl::StatusOr<int64_t> NumberOf(const TestId& test);
  absl::Status SweepTest(int64_t number, bool everything, bool& done);
  template <typename Body>
  absl::Status Transaction(Body body);

  SqliteDatabase& database_;
  LedgerFold& fold_;
  std::map<TestId, int64_t> numbers_;  // of tests that are being written
  int ledger_commits_;                 // rows of the ledger

  SqliteStatement begin_;
  SqliteStatement commit_;
  SqliteStatement find_test_;
  SqliteStatement insert_test_;
  SqliteStatement update_test_;
  SqliteStatement insert_spec_;
  SqliteStatement insert_partition_;
  SqliteStatement insert_segment_;
  SqliteStatement insert_ledger_;
  SqliteStatement cut_ledger_;
  SqliteStatement upsert_interval_;
  SqliteStatement insert_change_;
  SqliteStatement cut_changes_;
  SqliteStatement insert_garbage_;
  SqliteStatement delete_test_;
  SqliteStatement delete_spec_;
  SqliteStatement insert_drain_;
  SqliteStatement cut_drains_;
  SqliteStatement find_garbage_;
  SqliteStatement sweep_segments_;
  SqliteStatement sweep_partitions_;
  SqliteStatement sweep_intervals_;
  SqliteStatement sweep_changes_;
  SqliteStatement end_garbage_;
  SqliteStatement count_free_pages_;
  SqliteStatement vacuum_;
};

}  // namespace broadside
