#pragma once

// Sees everything in a simulated run and believes nobody: what was committed, what was really sent,
// what was published. Says what is wrong as soon as it is. Single-threaded.
//
// It holds that
//   - a slot is fired at most once, in its second, by the agent in whose arc it is by the committed
//     plan;
//   - published totals never go back, ended tests and closed seconds never change, planned is
//   always
//     the sum of the outcomes and outstanding;
//   - at the end each outcome that was reported really happened, and what happened and was not
//     reported is unknown.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/core/fleet_messages.h"
#include "common/core/outcome.h"
#include "controller/core/fleet_view.h"
#include "controller/core/store_records.h"
#include "tests/sim/timeline.h"

namespace broadside::sim {

class Witness {
 public:
  explicit Witness(const Timeline* timeline) : timeline_(timeline) {}

  // ---- the story ----
  void Note(std::string text);
  void Fail(std::string text);
  bool Failed() const { return !failure_.empty(); }
  // The failure and the last events before it.
  std::string Story() const;

  // ---- what happens ----
  void Committed(const StoreBatch& batch);
  void Fired(const TestId& test, const Incarnation& agent, Slot slot, int64_t k, TestTime due);
  void Booked(const TestId& test, int64_t k, Outcome outcome);
  void Published(const FleetView& view);
  void StartAnswered(const TestId& test) { started_.insert(test); }
  void StopAnswered(const TestId& test) { stopped_.insert(test); }
  void AgentCrashed() { ++crashes_; }

  // ---- the end ----
  // Every test of which anything is known has ended.
  bool AllEnded() const;
  void CheckEnd(const FleetView& view);
  uint64_t fired() const { return fired_; }
  const std::map<TestState, int>& ends() const { return ends_; }

 private:
  static constexpr size_t kStory = 40;
  struct Truth {
    std::map<int64_t, SegmentRecord> segments;
    std::map<int64_t, PartitionRecord> partitions;
    std::set<Slot> fired;
    OutcomeCounts outcomes;
    std::map<int64_t, OutcomeCounts> by_due;
    std::map<int64_t, IntervalView> intervals;  // as last committed
    std::map<int64_t, uint64_t> closed;         // answers of closed seconds, as published
    std::shared_ptr<const TestView> seen;       // last published
  };

  void CheckProgress(const TestView& before, const TestView& after);
  void CheckUpdates(Truth& truth, const TestView& view);
  void CheckBooks(const Truth& truth, const TestView& view);
  void CheckIntervals(const Truth& truth, const TestView& view);

  const Timeline* timeline_;
  std::deque<std::string> story_;
  std::string failure_;
  std::map<TestId, Truth> tests_;
  std::set<TestId> started_;  // the user was told so
  std::set<TestId> stopped_;
  int crashes_ = 0;
  uint64_t fired_ = 0;
  std::map<TestState, int> ends_;
};

}  // namespace broadside::sim
