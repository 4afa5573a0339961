#pragma once

// What the agent still owes the controller: reports sent and not acknowledged, at most
// limits::kReportsInFlightMax, and one pending delta per test into which everything newer merges.
// Invariants:
//
//   1. Reports have the numbers next_seq - unacknowledged .. next_seq - 1, without a gap; a number
//   is never used for other content.
//   2. A report is kept, unchanged, until it is acknowledged; after Rewind those kept go again, in
//   order, before a new one.
//   3. Each result is in exactly one report.
//   4. settled_through and closed_through of a test never go back from report to report, and cover
//   only results that are in this or an earlier one.
//
// Bounded: without a controller there are no new slots, so the pending delta holds no more
// intervals than the plan, max_lateness and the timeout span. A report holds at most kIntervalsMax
// intervals with histograms; what is longer goes in several. Value type, no thread.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "common/core/fleet_messages.h"
#include "common/core/histogram.h"
#include "common/core/limits.h"
#include "common/core/summary.h"

namespace broadside {

class ReportQueue {
 public:
  // Three full histograms of 3,584 buckets, 4 bytes a bucket on the wire, are 43 KB an interval.
  static constexpr size_t kIntervalsMax = 256;
  static_assert(kIntervalsMax * 3 * kHistogramBuckets * 4 < limits::kFleetMessageBytesMax);

  // Merges new results into what is pending.
  void Add(std::vector<TestDelta> deltas);
  // The next report to send on this stream, or null when there is none or too many are in flight.
  // Valid until the next call of a changing method.
  const Report* Next();
  // Forgets the reports up to `seq`. False when no report so high was ever made; then all are
  // forgotten, and numbering goes on above it.
  bool Acknowledge(uint64_t seq);
  // A new stream: all that is kept has to be sent again.
  void Rewind() { sent_ = 0; }
  // Another store: drops everything and goes on at acked_seq + 1. Returns how many reports were
  // dropped, a pending one included.
  size_t Restart(uint64_t acked_seq);

  bool Empty() const { return kept_.empty() && pending_.empty(); }
  // Something without which the controller's books would not balance; that an interval is closed is
  // none.
  bool Owes() const;
  size_t unacknowledged() const { return kept_.size(); }
  // Reports that would be lost if the process ended now, a pending one included.
  size_t undelivered() const { return kept_.size() + (pending_.empty() ? 0 : 1); }
  uint64_t next_seq() const { return next_seq_; }
  // The test is over and will have no more results. What is owed of it stays.
  void Forget(const TestId& test) { told_.erase(test); }

 private:
  // How far the reports made so far say that a test is settled and closed.
  struct Told {
    int64_t settled_through = -1;
    int64_t closed_through = -1;
  };
  Told ToldOf(const TestId& test) const;
  Report MakeReport();

  std::deque<Report> kept_;  // ascending seq
  size_t sent_ = 0;          // of kept_, on this stream
  std::map<TestId, TestDelta> pending_;
  std::map<TestId, Told> told_;
  uint64_t next_seq_ = 1;
};

}  // namespace broadside
