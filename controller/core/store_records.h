#pragma once

// What the controller makes durable, as data. Home builds a StoreBatch; the store writes it in one
// transaction and says when it is on disk; only then do the effects that wait for it go out. Value
// types, one owner at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/core/segment.h"
#include "controller/core/fleet_view.h"
#include "controller/core/generator_health.h"

namespace broadside {

// A test's row; written whole whenever one of its fields changed.
struct TestRecord {
  TestId id;
  std::string idempotency_key;
  uint64_t body_hash = 0;
  std::shared_ptr<const TestSpec> spec;
  TestState state = TestState::kPending;
  std::string reason;  // as in TestView
  WallTime created_at{};
  std::optional<WallTime> started_at;  // wall clock at T0
  std::optional<WallTime> ended_at;
  BootTime t0{};  // on the clock of the process that wrote it: the next one finds its own
  std::vector<Piece> pieces;
  int64_t appended_through = -1;       // last segment of the log
  int64_t begun_through = -1;          // `planned`, `due` and `done` count the segments up to this
  std::vector<int64_t> open;           // begun intervals that are not settled, ascending
  std::optional<Nanos> stopped_after;  // test time at the stop; nothing for none
  uint64_t revision = 0;
  // Sums so far; histograms as sparse ones inside `done`.
  int64_t planned = 0;
  DueSummary due;
  DoneSummary done;
  GeneratorHealth health;                // so far
  std::vector<Incarnation> quarantined;  // with half their weight for the rest of the test
  std::vector<Incarnation> lost;         // participants that are not back
  Verdict verdict;                       // final ones stay as they were judged
  std::vector<ThresholdView> thresholds;
  std::vector<AgentView> agents;  // for ended tests
};

// Owners from a segment on: written only when they change.
struct Owner {
  Incarnation incarnation;
  std::string name;
  uint32_t weight = 1;
  Arc arc;
  friend bool operator==(const Owner&, const Owner&) = default;
};
struct PartitionRecord {
  TestId test;
  int64_t number = 0;         // from 0, per test
  std::vector<Owner> owners;  // ascending incarnation
};

inline constexpr int64_t kNoPartition = -1;  // a segment without owners: its slots are unassigned

struct SegmentRecord {
  TestId test;
  int64_t k = 0;
  SlotRange slots;
  int64_t partition = kNoPartition;
  SegmentKind kind = SegmentKind::kPlanned;
};

// What one report adds to the ledger. One blob per commit holds them all.
struct LedgerRecord {
  Incarnation incarnation;
  uint64_t seq = 0;                                   // high-water mark after it
  TestId test;                                        // empty: only the mark
  std::vector<std::pair<int64_t, int64_t>> reported;  // (k, slots with an outcome), added
  int64_t settled_through = -1;
};

// Revision 0: it has not begun. A restart needs it, nobody is shown it.
struct IntervalRecord {
  TestId test;
  IntervalView interval;
};
struct ChangeRecord {
  TestId test;
  Change change;
};

struct StoreBatch {
  std::vector<TestRecord> tests;
  std::vector<PartitionRecord> partitions;
  std::vector<SegmentRecord> segments;
  std::vector<LedgerRecord> ledger;
  std::vector<IntervalRecord> intervals;  // upserts by (test, k)
  std::vector<ChangeRecord> changes;
  std::vector<TestId> ended;  // their ledger, partitions and segments are no longer needed
  std::vector<TestId> deleted;
  std::vector<Incarnation> drains;  // asked by users
  bool Empty() const {
    return tests.empty() && partitions.empty() && segments.empty() && ledger.empty() &&
           intervals.empty() && changes.empty() && ended.empty() && deleted.empty() &&
           drains.empty();
  }
};

// What a restarted controller finds.
struct StoredLedgerEntry {
  Incarnation incarnation;
  TestId test;
  int64_t settled_through = -1;
  std::vector<std::pair<int64_t, int64_t>>
      reported;  // (k, slots) for k > settled_through, ascending
};
struct StoredTest {
  TestRecord test;
  std::vector<PartitionRecord> partitions;  // those that unended tests need
  // Ascending k; those that are open or not begun, and the last limits::kIntervalsRestored.
  std::vector<SegmentRecord> segments;
  std::vector<IntervalRecord> intervals;  // the same
};
struct StoredState {
  std::string store_uuid;
  uint64_t epoch = 0;  // already raised for this controller
  std::vector<StoredTest> unended;
  std::vector<TestRecord> ended;  // newest first, at most limits::kTestsInMemoryMax
  std::vector<std::pair<Incarnation, uint64_t>> acked;
  std::vector<StoredLedgerEntry> ledger;
  std::vector<Incarnation> drains;  // oldest first, at most limits::kAgentsMax
};

}  // namespace broadside
