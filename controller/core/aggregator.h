#pragma once

// Sums of one test: the per-second intervals and the totals, from segments as they begin and from
// the reports of all agents.
//
// Outcomes enter the totals when their interval has begun, so that planned = outcomes + outstanding
// holds at every moment; answers enter at once. Owned by a TestRun, on home. Adding a report is
// linear in its buckets (about 0.5 us for each of the three histograms of a second).

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "common/core/summary.h"
#include "controller/core/fleet_view.h"

namespace broadside {

class Aggregator {
 public:
  // Announces interval k with its slots. k ascends by one.
  void Append(int64_t k, int64_t slots);
  // All intervals <= k have begun: their plan and outcomes count from now on.
  void Begin(int64_t k);
  // Adds what an agent reported. What concerns dropped intervals enters the totals alone.
  void Add(const TestDelta& delta);
  // Books slots that no agent reports: `unassigned`, `unknown`.
  void Book(int64_t k, Outcome outcome, int64_t slots);

  // Closes the next second with what was reported so far: its figure never changes again.
  void Close(int64_t k, double coverage);
  void Settle(int64_t k);
  // The test is final: the seconds after the last planned one, in which answers came, are closed
  // and settled too.
  void CloseRest();
  // Drops interval k from memory: what is added to it from now on enters the totals alone.
  // REQUIRES: it is settled, closed, and taken by TakeDirty.
  void Drop(int64_t k);

  // The intervals that changed since the last call, each with a new revision from `revision` on
  // (which is advanced). Not yet begun ones are left for later.
  std::vector<std::shared_ptr<const IntervalView>> TakeDirty(uint64_t& revision);
  // The intervals that have not begun, but changed and have outcomes or answers already (the test
  // was cut, or an agent's clock is ahead), with revision 0: for the store alone. Without them a
  // restart would lose what was acknowledged.
  std::vector<std::shared_ptr<const IntervalView>> TakeEarly();

  // Goes on from what the store held: the sums of the begun intervals, and the intervals that were
  // not dropped. Second `last_closed`, if there is one, is the one closed last.
  void Restore(int64_t planned, const DueSummary& due, const DoneSummary& done,
               const std::vector<IntervalView>& intervals, int64_t begun_through,
               const IntervalView* last_closed);
  // All sums of answers with their histograms in sparse form, for the store.
  DoneSummary DoneTotals() const;

  const Totals& totals() const { return totals_; }
  int64_t begun_through() const { return begun_through_; }
  int64_t closed_through() const { return closed_through_; }
  const IntervalView* Find(int64_t k) const;
  // Intervals in memory: those that are open, and those appended for the future.
  size_t live_intervals() const { return intervals_.size(); }
  // The last closed second: answers, plan and coverage.
  const IntervalView& last_closed() const { return last_closed_; }

 private:
  IntervalView* Live(int64_t k);
  void Touch(IntervalView& interval);
  void AddDue(int64_t k, const DueSummary& due);
  void AddDone(int64_t k, const DoneSummary& done);

  Totals totals_;
  std::map<int64_t, IntervalView> intervals_;
  std::set<int64_t> dirty_;
  std::set<int64_t> early_;  // changed before they began
  int64_t appended_through_ = -1;
  int64_t begun_through_ = -1;
  int64_t closed_through_ = -1;
  IntervalView last_closed_;
};

}  // namespace broadside
