#pragma once

// What the world may see: an immutable picture of the fleet and its tests, published by home after
// each commit, read by REST, metrics, page and reports through a shared_ptr. Everything in it is
// durable. Thread-safe because nothing changes after publication.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/core/fleet_messages.h"
#include "common/core/histogram.h"
#include "common/core/outcome.h"
#include "common/core/summary.h"
#include "common/core/test_spec.h"
#include "common/core/time.h"

namespace broadside {

// The numbers are those of the store.
enum class TestState : uint8_t {
  kPending = 0,  // waits for agents.min, or for its start lead to pass
  kRunning = 1,
  kStopping = 2,  // stopped, but not yet certain that nothing is sent
  kFinished = 3,
  kStopped = 4,
  kFailed = 5,
  kInconsistent = 6,  // the books do not balance: the figures are not to be trusted
};
std::string_view TestStateName(TestState state);
std::optional<TestState> TestStateFromName(std::string_view name);
// True for the states in which nothing changes any more.
bool HasEnded(TestState state);

enum class AgentState : uint8_t { kJoining = 0, kReady = 1, kSpare = 2, kDraining = 3, kLost = 4 };
inline constexpr int kAgentStateCount = 5;
std::string_view AgentStateName(AgentState state);

struct AgentView {
  std::string name;
  Incarnation incarnation;
  AgentState state = AgentState::kJoining;
  double share = 0;  // of the circle, 0 to 1; over all tests in GET /agents: the largest
  uint32_t threads = 1;
  std::string version;
  std::optional<double> capacity_rps;  // nothing until it was measured
  std::optional<double> send_lag_p99_ms;
  double clock_offset_ms = 0;
  double clock_error_ms = 0;
  bool clock_known = false;
  friend bool operator==(const AgentView&, const AgentView&) = default;
};

// One second of a test. Its counters may still rise until it is settled.
struct IntervalView {
  int64_t k = 0;
  int64_t planned = 0;
  DueSummary due;
  DoneSummary done;
  bool settled = false;           // every slot has its outcome
  bool closed = false;            // counted in requests_per_second; a closed figure never changes
  uint64_t closed_completed = 0;  // completions when it was closed
  double coverage = 1;    // share of the owners that had reported past it when it was closed
  uint64_t revision = 0;  // of the test, at the last change of this interval
  friend bool operator==(const IntervalView&, const IntervalView&) = default;
};

// Something that happened in a test: a mark on every time axis.
enum class ChangeKind : uint8_t {
  kCreated = 0,
  kState = 1,
  kRate = 2,
  kAgentJoined = 3,
  kAgentLost = 4,
  kAgentDraining = 5,
  kThreshold = 6,
  kAgentBack = 7,
};
std::string_view ChangeKindName(ChangeKind kind);

struct Change {
  uint64_t revision = 0;
  ChangeKind kind = ChangeKind::kState;
  WallTime at{};
  std::string
      detail;  // for people, one line: the new state, the rate, the agent's name, the expression
  friend bool operator==(const Change&, const Change&) = default;
};

// One entry of the event stream: exactly one of the two is set.
struct Update {
  uint64_t revision = 0;
  std::shared_ptr<const IntervalView> interval;
  std::shared_ptr<const Change> change;
};

struct ThresholdView {
  Threshold threshold;
  std::optional<double> value;  // nothing without data
  bool ok = true;
};

enum class VerdictLevel : uint8_t { kValid = 0, kSuspect = 1, kInvalid = 2 };
std::string_view VerdictLevelName(VerdictLevel level);

struct Verdict {
  VerdictLevel generator = VerdictLevel::kValid;
  std::vector<std::string> reasons;  // each with its figure and limit
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Sums over a whole test.
struct Totals {
  int64_t planned = 0;  // slots of the segments begun so far
  DueSummary due;
  DoneSummary done;  // its sparse histograms are left empty here: see the three below
  int64_t outstanding = 0;
  Histogram response_time;
  Histogram service_time;
  Histogram send_lag;
};

// How `reason` begins when a threshold with abortOnFail stopped the test.
inline constexpr std::string_view kThresholdCrossed = "threshold crossed: ";

struct TestView {
  TestId id;
  std::shared_ptr<const TestSpec> spec;
  TestState state = TestState::kPending;
  std::string reason;  // why it stops, stopped, failed or is inconsistent, one line; else empty
  WallTime created_at{};
  std::optional<WallTime> started_at;
  std::optional<WallTime> ended_at;
  Totals totals;
  bool balanced = true;
  double elapsed_s = 0;  // test time that has passed, at most up to its end or stop
  // Means over that time, per second.
  double planned_rate = 0;
  double sent_rate = 0;
  double completed_rate = 0;
  // The last closed second.
  uint64_t requests_per_second = 0;
  double interval_coverage = 1;
  int64_t planned_per_second = 0;  // the plan of that second
  std::vector<ThresholdView> thresholds;
  Verdict verdict;
  std::vector<AgentView> agents;  // those that own or owned slots
  std::vector<Piece> pieces;      // the curve with its live changes
  uint64_t revision = 0;
  // The most recent updates of this process without a gap, ascending by revision, bounded by
  // limits::kUpdatesInMemoryMax. All are in the store.
  std::vector<Update> updates;
};

struct FleetView {
  std::vector<AgentView> agents;                            // sorted by name, then incarnation
  std::map<TestId, std::shared_ptr<const TestView>> tests;  // running and recently ended
  bool ready = false;                                       // serves writes
  std::string not_ready_reason;                             // for /readyz, one line
  uint64_t epoch = 0;
  std::string store_uuid;
  uint64_t reports_after_final = 0;
  // Set by the shell, which has the store.
  bool store_writable = true;  // false: the rest is as it was when the store failed
  int64_t store_bytes = 0;     // its files on disk
};

}  // namespace broadside
