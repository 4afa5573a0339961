#include "controller/store/store_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <variant>

#include "common/core/status.h"
#include "common/wire/spec_json.h"
#include "controller/store/store_blobs.h"
#include "controller/store/store_schema.h"

namespace broadside {
namespace {

constexpr int kResultColumn = 12;
constexpr int kSpecColumn = 13;
std::string SelectTests(std::string_view rest) {
  return Concat(
      "SELECT id, idempotency_key, body_hash, state, created_at, started_at, ended_at, t0,"
      " appended_through, begun_through, revision, planned, result, json FROM "
      "tests JOIN specs ON specs.test = tests.number ",
      rest);
}

// Rows of test ?1 with k above ?2, the last ?3, and those with a k of the JSON array ?4. By key,
// since a test of days has a row for every second.
std::string SelectLast(std::string_view columns, std::string_view table) {
  const std::string first =
      Concat("min(?2, (SELECT max(k) FROM ", table, " WHERE test = ?1) - ?3)");
  return Concat("SELECT ", columns, " FROM ", table, " WHERE test = ?1 AND k > ", first,
                " UNION ALL SELECT ", columns, " FROM ", table,
                " WHERE test = ?1 AND k IN (SELECT value FROM json_each(?4)) AND k <= ", first,
                " ORDER BY k");
}

std::string JsonArray(const std::vector<int64_t>& numbers) {
  return nlohmann::json(numbers).dump();
}

constexpr const char* kNeededPartitions = R"sql(
SELECT number, owners FROM partitions WHERE test = ?1 AND number IN (
  SELECT value FROM json_each(?2) UNION SELECT max(number) FROM partitions WHERE test = ?1)
ORDER BY number)sql";

WallTime WallOf(int64_t nanos) { return WallTime(Nanos(nanos)); }
std::optional<WallTime> WallOf(const std::optional<int64_t>& nanos) {
  if (!nanos) return std::nullopt;
  return WallOf(*nanos);
}

absl::Status Bad(std::string_view what) {
  return absl::DataLossError(Concat("a row of the store is damaged: ", what));
}

absl::StatusOr<TestRecord> ReadTestRow(const SqliteStatement& row) {
  TestRecord test;
  test.id = row.Bytes(0);
  test.idempotency_key = row.Bytes(1);
  test.body_hash = row.Unsigned(2);
  const int64_t state = row.Int(3);
  if (state < 0 || state > static_cast<int64_t>(TestState::kInconsistent))
    return Bad(Concat("state ", state, " of ", test.id));
  test.state = static_cast<TestState>(state);
  test.created_at = WallOf(row.Int(4));
  test.started_at = WallOf(row.OptionalInt(5));
  test.ended_at = WallOf(row.OptionalInt(6));
  test.t0 = BootTime(Nanos(row.Int(7)));
  test.appended_through = row.Int(8);
  test.begun_through = row.Int(9);
  test.revision = row.Unsigned(10);
  test.planned = row.Int(11);
  const absl::Status status = ReadResultBlob(row.Bytes(kResultColumn), &test);
  if (!status.ok()) return status;
  // What has ended is only shown: rules that came later do not hide it.
  const std::string_view json = row.Bytes(kSpecColumn);
  std::variant<TestSpec, SpecProblem> spec =
      HasEnded(test.state) ? ReadStoredTestSpec(json) : ParseTestSpec(json);
  if (const auto* problem = std::get_if<SpecProblem>(&spec))
    return Bad(Concat("the spec of ", test.id, ": ", problem->ToString()));
  test.spec = std::make_shared<const TestSpec>(std::get<TestSpec>(std::move(spec)));
  return test;
}

size_t LimitOf(int limit) { return static_cast<size_t>(std::max(limit, 1)); }

}  // namespace

StoreReader::StoreReader(SqliteDatabase& database)
    : find_number_(database, "SELECT number FROM tests WHERE id = ?1"),
      find_test_(database, SelectTests("WHERE id = ?1")),
      find_key_(database, SelectTests("WHERE idempotency_key = ?1 AND idempotency_key <> '' "
                                      "ORDER BY number DESC LIMIT 1")),
      expired_by_count_(database,
                        "SELECT id FROM tests WHERE +state >= ?1 "
                        "ORDER BY created_at DESC, id DESC LIMIT ?3 OFFSET ?2"),
      expired_by_age_(database,
                      "SELECT id FROM tests WHERE +state >= ?1 AND ended_at < ?2 "
                      "ORDER BY ended_at LIMIT ?3"),
      drains_(database, "SELECT incarnation FROM drains ORDER BY id"),
      newest_tests_(database, SelectTests("ORDER BY created_at DESC, id DESC")),
      older_tests_(database, SelectTests("WHERE (created_at, id) < (?1, ?2) "
                                         "ORDER BY created_at DESC, id DESC")),
      unended_tests_(database, SelectTests("WHERE state < ?1 ORDER BY number")),
      // The + keeps it from the index of states, where it would have to sort.
      ended_tests_(database, SelectTests("WHERE +state >= ?1 ORDER BY created_at DESC, id DESC")),
      intervals_(database,
                 "SELECT k, revision, content FROM intervals WHERE test = ?1 AND k >= ?2 "
                 "AND revision > 0 ORDER BY k"),
      updated_intervals_(database,
                         "SELECT k, revision, content FROM intervals WHERE test = ?1 AND "
                         "revision > ?2 ORDER BY revision"),
      changes_(database,
               "SELECT revision, kind, at, detail FROM changes WHERE test = ?1 AND revision > ?2 "
               "ORDER BY revision"),
      older_changes_(database,
                     "SELECT revision, kind, at, detail FROM changes WHERE test = ?1 AND revision "
                     "< ?2 ORDER BY revision DESC"),
      ledger_(database, "SELECT entries FROM ledger ORDER BY id"),
      last_segments_(database, SelectLast("k, from_slot, until_slot, partition, kind", "segments")),
      needed_partitions_(database, kNeededPartitions),
      last_intervals_(database, SelectLast("k, revision, content", "intervals")) {}

absl::StatusOr<std::vector<TestRecord>> StoreReader::TakeTests(SqliteStatement& rows,
                                                               PageLimit limit, bool* more) {
  std::vector<TestRecord> tests;
  absl::Status bad;
  size_t bytes = 0;
  *more = false;
  while (bad.ok() && rows.Next()) {
    if (tests.size() == limit.rows || bytes >= limit.bytes) {
      *more = true;
      break;
    }
    bytes += rows.Bytes(kResultColumn).size() + rows.Bytes(kSpecColumn).size();
    absl::StatusOr<TestRecord> test = ReadTestRow(rows);
    if (test.ok()) {
      tests.push_back(*std::move(test));
    } else {
      bad = test.status();
    }
  }
  const absl::Status status = rows.Finish();
  if (!status.ok()) return status;
  if (!bad.ok()) return bad;
  return tests;
}

absl::StatusOr<std::vector<IntervalView>> StoreReader::TakeIntervals(SqliteStatement& rows,
                                                                     PageLimit limit, bool* more) {
  std::vector<IntervalView> intervals;
  absl::Status bad;
  size_t bytes = 0;
  *more = false;
  while (bad.ok() && rows.Next()) {
    if (intervals.size() == limit.rows || bytes >= limit.bytes) {
      *more = true;
      break;
    }
    bytes += rows.Bytes(2).size();
    IntervalView& interval = intervals.emplace_back();
    interval.k = rows.Int(0);
    interval.revision = rows.Unsigned(1);
    bad = ReadIntervalBlob(rows.Bytes(2), &interval);
  }
  const absl::Status status = rows.Finish();
  if (!status.ok()) return status;
  if (!bad.ok()) return bad;
  return intervals;
}

absl::StatusOr<std::vector<Change>> StoreReader::TakeChanges(SqliteStatement& rows, size_t limit,
                                                             bool* more) {
  std::vector<Change> changes;
  absl::Status bad;
  *more = false;
  while (bad.ok() && rows.Next()) {
    if (changes.size() == limit) {
      *more = true;
      break;
    }
    const int64_t kind = rows.Int(1);
    if (kind < 0 || kind > static_cast<int64_t>(ChangeKind::kAgentBack))
      bad = Bad(Concat("kind ", kind, " of a change"));
    changes.push_back({rows.Unsigned(0), static_cast<ChangeKind>(kind), WallOf(rows.Int(2)),
                       std::string(rows.Bytes(3))});
  }
  const absl::Status status = rows.Finish();
  if (!status.ok()) return status;
  if (!bad.ok()) return bad;
  return changes;
}

absl::StatusOr<int64_t> StoreReader::NumberOf(const TestId& test) {
  find_number_.Start(test);
  const int64_t number = find_number_.Next() ? find_number_.Int(0) : 0;
  const absl::Status status = find_number_.Finish();
  if (!status.ok()) return status;
  return number;
}

absl::StatusOr<std::optional<TestRecord>> StoreReader::TakeOne(SqliteStatement& row) {
  bool more = false;
  absl::StatusOr<std::vector<TestRecord>> tests = TakeTests(row, PageLimit{1}, &more);
  if (!tests.ok()) return tests.status();
  if (tests->empty()) return std::optional<TestRecord>();
  return std::optional<TestRecord>(std::move(tests->front()));
}

absl::StatusOr<std::optional<TestRecord>> StoreReader::Test(const TestId& test) {
  find_test_.Start(test);
  return TakeOne(find_test_);
}

absl::StatusOr<std::optional<TestRecord>> StoreReader::TestByKey(std::string_view key) {
  find_key_.Start(key);
  return TakeOne(find_key_);
}

absl::StatusOr<std::vector<TestId>> StoreReader::Expired(const Retention& retention, int limit) {
  std::set<TestId> expired;
  const auto take = [&](SqliteStatement& rows) {
    while (rows.Next()) expired.emplace(rows.Bytes(0));
    return rows.Finish();
  };
  expired_by_count_.Start(kFirstEndedState, retention.tests, limit);
  absl::Status status = take(expired_by_count_);
  if (status.ok() && retention.ended_since.has_value()) {
    expired_by_age_.Start(kFirstEndedState, retention.ended_since->time_since_epoch().count(),
                          limit);
    status = take(expired_by_age_);
  }
  if (!status.ok()) return status;
  std::vector<TestId> tests(expired.begin(), expired.end());
  tests.resize(std::min(tests.size(), LimitOf(limit)));
  return tests;
}

absl::StatusOr<TestRecordPage> StoreReader::Tests(const std::optional<TestCursor>& after,
                                                  int limit) {
  SqliteStatement* rows = after ? &older_tests_ : &newest_tests_;
  if (after) {
    rows->Start(after->created_at.time_since_epoch().count(), after->id);
  } else {
    rows->Start();
  }
  bool more = false;
  absl::StatusOr<std::vector<TestRecord>> tests =
      TakeTests(*rows, PageLimit{LimitOf(limit)}, &more);
  if (!tests.ok()) return tests.status();
  TestRecordPage page;
  page.items = *std::move(tests);
  if (more) page.next = TestCursor{page.items.back().created_at, page.items.back().id};
  return page;
}

absl::StatusOr<IntervalPage> StoreReader::Intervals(const TestId& test, int64_t from_k, int limit) {
  IntervalPage page;
  const absl::StatusOr<int64_t> number = NumberOf(test);
  if (!number.ok()) return number.status();
  page.found = *number != 0;
  if (!page.found) return page;
  bool more = false;
  intervals_.Start(*number, from_k);
  absl::StatusOr<std::vector<IntervalView>> intervals =
      TakeIntervals(intervals_, PageLimit{LimitOf(limit)}, &more);
  if (!intervals.ok()) return intervals.status();
  for (IntervalView& interval : *intervals)
    page.items.push_back(std::make_shared<const IntervalView>(std::move(interval)));
  if (more) page.next = page.items.back()->k + 1;
  return page;
}

absl::StatusOr<ChangePage> StoreReader::Changes(const TestId& test, uint64_t before, int limit) {
  ChangePage page;
  const absl::StatusOr<int64_t> number = NumberOf(test);
  if (!number.ok()) return number.status();
  page.found = *number != 0;
  if (!page.found) return page;
  bool more = false;
  // Revisions are int64 in the file; none is beyond.
  older_changes_.Start(*number, std::min<uint64_t>(before, INT64_MAX));
  absl::StatusOr<std::vector<Change>> changes = TakeChanges(older_changes_, LimitOf(limit), &more);
  if (!changes.ok()) return changes.status();
  page.items = *std::move(changes);
  if (more) page.next = page.items.back().revision;
  return page;
}

absl::StatusOr<UpdatePage> StoreReader::Updates(const TestId& test, uint64_t after, int limit) {
  UpdatePage page;
  const absl::StatusOr<int64_t> number = NumberOf(test);
  if (!number.ok()) return number.status();
  page.found = *number != 0;
  // Revisions are int64 in the file; none is beyond.
  if (!page.found || after > INT64_MAX) return page;
  bool more_intervals = false;
  updated_intervals_.Start(*number, after);
  absl::StatusOr<std::vector<IntervalView>> intervals =
      TakeIntervals(updated_intervals_, PageLimit{LimitOf(limit)}, &more_intervals);
  if (!intervals.ok()) return intervals.status();
  bool more_changes = false;
  changes_.Start(*number, after);
  absl::StatusOr<std::vector<Change>> changes =
      TakeChanges(changes_, LimitOf(limit), &more_changes);
  if (!changes.ok()) return changes.status();
  // What a list did not reach is not known, so the page ends with the list that was cut.
  const uint64_t last_interval = more_intervals ? intervals->back().revision : UINT64_MAX;
  const uint64_t last_change = more_changes ? changes->back().revision : UINT64_MAX;
  const uint64_t last = std::min(last_interval, last_change);
  for (IntervalView& interval : *intervals) {
    const uint64_t revision = interval.revision;
    page.items.push_back(
        {revision, std::make_shared<const IntervalView>(std::move(interval)), nullptr});
  }
  for (Change& change : *changes) {
    const uint64_t revision = change.revision;
    page.items.push_back({revision, nullptr, std::make_shared<const Change>(std::move(change))});
  }
  std::sort(page.items.begin(), page.items.end(),
            [](const Update& a, const Update& b) { return a.revision < b.revision; });
  const auto end = std::find_if(page.items.begin(), page.items.end(),
                                [last](const Update& update) { return update.revision > last; });
  const auto size = std::min(static_cast<size_t>(end - page.items.begin()), LimitOf(limit));
  page.more = more_intervals || more_changes || size < page.items.size();
  page.items.resize(size);
  return page;
}

absl::Status StoreReader::Load(StoredState* state, LedgerFold* fold) {
  bool more = false;
  unended_tests_.Start(kFirstEndedState);
  absl::StatusOr<std::vector<TestRecord>> unended = TakeTests(unended_tests_, kAllRows, &more);
  if (!unended.ok()) return unended.status();
  for (TestRecord& test : *unended) {
    fold->Begin(test.id);
    const absl::StatusOr<int64_t> number = NumberOf(test.id);
    if (!number.ok()) return number.status();
    StoredTest& stored = state->unended.emplace_back();
    stored.test = std::move(test);
    absl::Status status = LoadPlan(*number, &stored);
    if (status.ok()) status = LoadResults(*number, &stored);
    if (!status.ok()) return status;
  }
  ended_tests_.Start(kFirstEndedState);
  absl::StatusOr<std::vector<TestRecord>> ended =
      TakeTests(ended_tests_, PageLimit{limits::kTestsInMemoryMax, SIZE_MAX}, &more);
  if (!ended.ok()) return ended.status();
  state->ended = *std::move(ended);
  const absl::Status status = LoadLedger(fold);
  state->acked = fold->Acked();
  state->ledger = fold->Entries();
  return status.ok() ? LoadDrains(&state->drains) : status;
}

absl::Status StoreReader::LoadDrains(std::vector<Incarnation>* drains) {
  absl::Status bad;
  drains_.Start();
  while (bad.ok() && drains_.Next()) {
    const std::optional<Incarnation> incarnation = IncarnationFromString(drains_.Bytes(0));
    if (!incarnation.has_value()) bad = Bad("the incarnation of a drain");
    if (bad.ok()) drains->push_back(*incarnation);
  }
  const absl::Status status = drains_.Finish();
  return status.ok() ? bad : status;
}

absl::Status StoreReader::LoadLedger(LedgerFold* fold) {
  absl::Status bad;
  ledger_.Start();
  while (bad.ok() && ledger_.Next()) {
    const absl::StatusOr<std::vector<LedgerRecord>> records = ReadLedgerBlob(ledger_.Bytes(0));
    bad = records.status();
    if (!bad.ok()) break;
    for (const LedgerRecord& record : *records) fold->Add(record);
  }
  const absl::Status status = ledger_.Finish();
  return status.ok() ? bad : status;
}

absl::Status StoreReader::LoadPlan(int64_t number, StoredTest* stored) {
  const TestId& id = stored->test.id;
  const std::string open = JsonArray(stored->test.open);
  last_segments_.Start(number, stored->test.begun_through, limits::kIntervalsRestored, open);
  std::set<int64_t> needed;
  while (last_segments_.Next()) {
    const int64_t kind = last_segments_.Int(4);
    stored->segments.push_back({id,
                                last_segments_.Int(0),
                                {last_segments_.Int(1), last_segments_.Int(2)},
                                last_segments_.Int(3),
                                kind == 0 ? SegmentKind::kPlanned : SegmentKind::kBridge});
    needed.insert(stored->segments.back().partition);
  }
  absl::Status status = last_segments_.Finish();
  if (!status.ok()) return status;
  // The last partition too: the next one continues its number.
  const std::string partitions = JsonArray({needed.begin(), needed.end()});
  absl::Status bad;
  needed_partitions_.Start(number, partitions);
  while (bad.ok() && needed_partitions_.Next()) {
    absl::StatusOr<std::vector<Owner>> owners = ReadPartitionBlob(needed_partitions_.Bytes(1));
    bad = owners.status();
    if (bad.ok()) stored->partitions.push_back({id, needed_partitions_.Int(0), *std::move(owners)});
  }
  status = needed_partitions_.Finish();
  return status.ok() ? bad : status;
}

absl::Status StoreReader::LoadResults(int64_t number, StoredTest* stored) {
  bool more = false;
  const std::string open = JsonArray(stored->test.open);
  last_intervals_.Start(number, stored->test.begun_through, limits::kIntervalsRestored, open);
  absl::StatusOr<std::vector<IntervalView>> intervals =
      TakeIntervals(last_intervals_, kAllRows, &more);
  if (!intervals.ok()) return intervals.status();
  for (IntervalView& interval : *intervals)
    stored->intervals.push_back({stored->test.id, std::move(interval)});
  return absl::OkStatus();
}

}  // namespace broadside
