#pragma once

// Tables to records. Owned by the store's thread; statements are compiled once.
//
// A page stops at kPageBytesMax too, so that a thousand specs of a megabyte do not stand in memory
// at once; it has at least one row.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/core/commands.h"
#include "controller/core/store_records.h"
#include "controller/store/ledger_fold.h"
#include "controller/store/sqlite.h"

namespace broadside {

// How long ended tests are kept.
struct Retention {
  int64_t tests = INT64_MAX;            // the newest so many
  std::optional<WallTime> ended_since;  // and of those the ones that ended since then; nothing: all
};

struct TestRecordPage {
  std::vector<TestRecord> items;   // newest first
  std::optional<TestCursor> next;  // nothing at the end
};

class StoreReader {
 public:
  static constexpr size_t kPageBytesMax = 16u << 20;

  explicit StoreReader(SqliteDatabase& database);  // outlives the reader

  // All that a restarted controller needs but store_uuid and epoch, and the fold of the ledger.
  absl::Status Load(StoredState* state, LedgerFold* fold);

  absl::StatusOr<std::optional<TestRecord>> Test(const TestId& test);
  // The test that was started with this Idempotency-Key, the newest if there are several.
  absl::StatusOr<std::optional<TestRecord>> TestByKey(std::string_view key);
  // Ended tests that are not kept, at most `limit`.
  absl::StatusOr<std::vector<TestId>> Expired(const Retention& retention, int limit);
  absl::StatusOr<TestRecordPage> Tests(const std::optional<TestCursor>& after, int limit);
  absl::StatusOr<IntervalPage> Intervals(const TestId& test, int64_t from_k, int limit);
  absl::StatusOr<ChangePage> Changes(const TestId& test, uint64_t before, int limit);
  absl::StatusOr<UpdatePage> Updates(const TestId& test, uint64_t after, int limit);

 private:
  absl::StatusOr<int64_t> NumberOf(const TestId& test);  // 0 for an unknown one
  // The test of a started statement that selects whole tests.
  absl::StatusOr<std::optional<TestRecord>> TakeOne(SqliteStatement& row);
  struct PageLimit {
    size_t rows;
    size_t bytes = kPageBytesMax;
  };
  static constexpr PageLimit kAllRows{SIZE_MAX, SIZE_MAX};
  // The rows of a started statement that selects whole tests, at most `limit`.
  absl::StatusOr<std::vector<TestRecord>> TakeTests(SqliteStatement& rows, PageLimit limit,
                                                    bool* more);
  // Same for those that select k, revision, content.
  absl::StatusOr<std::vector<IntervalView>> TakeIntervals(SqliteStatement& rows, PageLimit limit,
                                                          bool* more);
  absl::StatusOr<std::vector<Change>> TakeChanges(SqliteStatement& rows, size_t limit, bool* more);
  absl::Status LoadLedger(LedgerFold* fold);
  absl::Status LoadDrains(std::vector<Incarnation>* drains);
  absl::Status LoadPlan(int64_t number, StoredTest* stored);
  absl::Status LoadResults(int64_t number, StoredTest* stored);

  SqliteStatement find_number_;
  SqliteStatement find_test_;
  SqliteStatement find_key_;
  SqliteStatement expired_by_count_;
  SqliteStatement expired_by_age_;
  SqliteStatement drains_;
  SqliteStatement newest_tests_;
  SqliteStatement older_tests_;
  SqliteStatement unended_tests_;
  SqliteStatement ended_tests_;
  SqliteStatement intervals_;
  SqliteStatement updated_intervals_;
  SqliteStatement changes_;
  SqliteStatement older_changes_;
  SqliteStatement ledger_;
  SqliteStatement last_segments_;
  SqliteStatement needed_partitions_;
  SqliteStatement last_intervals_;
};

}  // namespace broadside
