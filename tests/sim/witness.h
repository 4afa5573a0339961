#pragma once

// Sees everything in a simulated run and believes nobody: what was committed, what left the
// controller, what was really sent, what was published. Says what is wrong as soon as it is, and
// which check found it. Single-threaded.
//
// The checks, each with its formula, are in docs/simulation.md. Test time is compared on one scale
// for all: true test time, since T0 as the first controller of the test had it.

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/core/curve.h"
#include "common/core/fleet_messages.h"
#include "common/core/limits.h"
#include "common/core/outcome.h"
#include "controller/core/fleet_view.h"
#include "controller/core/store_records.h"
#include "tests/sim/timeline.h"

namespace broadside::sim {

inline constexpr Nanos kNever{std::numeric_limits<int64_t>::max()};

// One request of an agent, at the moment in which it goes out.
struct Sent {
  TestId test;
  Incarnation agent;
  Slot slot = 0;
  int64_t k = 0;
  TestTime due{};
  TestTime tau{};  // on the agent's clock
};

class Witness {
 public:
  explicit Witness(const Timeline* timeline) : timeline_(timeline) {}

  // ---- the story ----
  void Note(std::string text);
  void Fail(std::string check, std::string text);
  bool Failed() const { return !failure_.empty(); }
  Nanos all_disturbed() const { return all_disturbed_; }
  const std::string& failure() const { return failure_; }
  // The check that failed first.
  const std::string& check() const { return check_; }
  // The failure and the last events before it.
  std::string Story() const;

  // ---- what may be ----
  // How far any agent's test time may be off.
  void AllowClockError(Nanos error) { clock_error_ = error; }
  // The store is a copy: there are two controllers, and one of them may find its plan overtaken.
  void AllowInconsistent() { copied_ = shared_ = true; }
  // Agents may go over to another controller and leave this one's slots unreported.
  void AllowLosses() { shared_ = true; }
  // Something was done to the agent, or to all of them, that lasts until then.
  void Disturbed(const Incarnation& agent, Nanos until);
  void AllDisturbed(Nanos until) { all_disturbed_ = std::max(all_disturbed_, until); }
  // It is gone, with what it has not delivered.
  void Died(const Incarnation& agent);
  // It drained and went, with nothing undelivered.
  void Left(const Incarnation& agent);
  // From now on a planned restart may append its bridge.
  void BridgeAsked();

  // ---- what happens ----
  void Joined(const Incarnation& agent, int threads);
  // `offset`: of the controller's clock.
  void Committed(const StoreBatch& batch, Nanos offset);
  void LetOut(const Incarnation& agent, const ControllerMessage& message);
  void Heard(const Incarnation& agent);  // a controller read a message of it
  // Report `seq` holds everything that the agent had booked by `collected`.
  void Reported(const Incarnation& agent, uint64_t seq, Nanos collected);
  void Extended(const TestId& test, const Incarnation& agent, int64_t k);
  void Fired(const Sent& sent);
  void Booked(const TestId& test, int64_t k, Outcome outcome, uint64_t slots);
  void Published(const FleetView& view);
  void StartAnswered(const TestId& test) { started_.insert(test); }
  void StopAnswered(const TestId& test) { stopped_.insert(test); }
  // All faults are over, everybody who lives is connected and knows the time.
  void Well() { well_ = timeline_->now(); }

  // ---- the end ----
  // Every test of which anything is known has ended.
  bool AllEnded() const;
  void CheckEnd(const FleetView& view);

  uint64_t fired() const { return fired_; }
  Nanos clock_error_seen() const { return clock_error_seen_; }
  Nanos shift_seen() const { return shift_seen_; }
  uint64_t unknown() const { return unknown_; }
  int live_seconds() const { return live_seconds_; }
  const std::map<TestState, int>& ends() const { return ends_; }

 private:
  static constexpr size_t kStory = 60;
  static constexpr int kNobody = -1;
  // Granted to one agent in one segment, and what its durable reports said of it.
  struct Account {
    int64_t granted = 0;
    int64_t reported = 0;
    Nanos held_since = kNever;  // the agent's engine has it
  };
  struct Agent {
    Incarnation incarnation;
    int threads = 1;
    bool dead = false;
    bool left = false;
    Nanos died{0};
    Nanos heard{0};
    Nanos disturbed = -Seconds(3600);  // never
    uint64_t durable_seq = 0;
    Nanos covered{0};                  // when the results of that report were collected
    std::map<uint64_t, Nanos> covers;  // of reports that are not durable yet
  };
  struct Truth {
    std::shared_ptr<const TestSpec> spec;
    BootTime t0{};        // as last written, on that controller's clock
    bool timed = false;   // true_t0 and present_t0 are known
    Nanos true_t0{0};     // in the time of the run
    Nanos present_t0{0};  // as the present controller has it
    std::vector<Piece> pieces;
    Curve curve;
    std::map<int64_t, SegmentRecord> segments;
    std::map<int64_t, PartitionRecord> partitions;
    std::vector<int> owner;   // of each slot of the committed segments
    std::vector<char> fired;  // each slot
    // The ceiling: the least of sends before a - N(a - L - e), over all moments a of a send.
    double least = 0;
    std::vector<Nanos> sends;  // true test time of each
    Nanos shift{0};            // the most that a later controller's T0 was off
    std::set<int> senders;
    int64_t threads = 0;     // of all who sent
    OutcomeCounts outcomes;  // that happened
    std::map<int64_t, OutcomeCounts> by_due;
    std::map<std::pair<int, int64_t>, Account> accounts;  // by agent and k
    std::map<int64_t, IntervalView> intervals;            // as last committed
    std::map<int64_t, uint64_t> closed;                   // answers of closed seconds, as published
    std::shared_ptr<const TestView> seen;                 // last published
    Nanos ended{0};
  };

  int IndexOf(const Incarnation& agent) const;
  Nanos TrueTau(const Truth& truth, Nanos at) const { return at - truth.true_t0; }
  void TakeRecord(Truth& truth, const TestRecord& record, Nanos offset);
  void TakePartition(Truth& truth, const PartitionRecord& partition);
  void TakeSegment(Truth& truth, const SegmentRecord& segment);
  void TakeReport(const LedgerRecord& record);
  void CheckCeiling(Truth& truth, const Sent& sent, int agent, Nanos tau);
  void CheckProgress(const TestView& before, const TestView& after);
  void CheckUpdates(Truth& truth, const TestView& view);
  void CheckBooks(const Truth& truth, const TestView& view);
  void CheckIntervals(const Truth& truth, const TestView& view);
  void CheckUnknown(const Truth& truth, const TestView& view);
  void CheckMissing(const Truth& truth, const TestView& view, int agent, int64_t k,
                    const Account& account);
  static double SlotsBy(const Truth& truth, int64_t ms);
  void Lower(Truth& truth, size_t sends, Nanos tau);
  void CheckLive(const Truth& truth, const TestView& view);

  const Timeline* timeline_;
  std::deque<std::string> story_;
  std::string check_;
  std::string failure_;
  Nanos clock_error_ = 2 * Nanos(limits::kClockErrorMax);
  bool copied_ = false;
  bool shared_ = false;
  std::vector<Agent> agents_;
  std::map<Incarnation, int> indices_;
  std::map<TestId, Truth> tests_;
  std::set<TestId> started_;  // the user was told so
  std::set<TestId> stopped_;
  Nanos all_disturbed_{0};
  Nanos bridged_{-1};  // when a planned restart was asked for last
  Nanos well_{-1};
  uint64_t fired_ = 0;
  uint64_t unknown_ = 0;
  int live_seconds_ = 0;
  Nanos clock_error_seen_{0};
  Nanos shift_seen_{0};
  std::map<TestState, int> ends_;
};

}  // namespace broadside::sim
