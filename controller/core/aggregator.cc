#include "controller/core/aggregator.h"

#include <algorithm>
#include <utility>

#include "common/core/check.h"
#include "common/core/mutant.h"

namespace broadside {
namespace {

// Adds the counters of `done`; its histograms go into the dense ones of the totals.
void AddToTotals(Totals& totals, const DoneSummary& done) {
  DoneSummary& sum = totals.done;
  sum.completed += done.completed;
  sum.bytes_sent += done.bytes_sent;
  sum.bytes_received += done.bytes_received;
  sum.resends += done.resends;
  for (const auto& [code, count] : done.codes) sum.codes[code] += count;
  for (const auto& [version, count] : done.versions) sum.AddVersion(version, count);
  totals.response_time.Merge(done.response_time);
  totals.service_time.Merge(done.service_time);
  totals.send_lag.Merge(done.send_lag);
}

}  // namespace

void Aggregator::Touch(IntervalView& interval) {
  dirty_.insert(interval.k);
  if (interval.k > begun_through_) early_.insert(interval.k);
}

IntervalView* Aggregator::Live(int64_t k) {
  const auto it = intervals_.find(k);
  return it == intervals_.end() ? nullptr : &it->second;
}

void Aggregator::Append(int64_t k, int64_t slots) {
  IntervalView& interval = intervals_[k];
  interval.k = k;
  interval.planned = slots;
  appended_through_ = k;
  Touch(interval);
}

void Aggregator::Begin(int64_t k) {
  for (int64_t i = begun_through_ + 1; i <= k; ++i) {
    const IntervalView* interval = Live(i);
    if (interval == nullptr) break;  // not appended yet
    totals_.planned += interval->planned;
    totals_.due.Merge(interval->due);
    dirty_.insert(i);
    begun_through_ = i;
  }
}

void Aggregator::AddDue(int64_t k, const DueSummary& due) {
  IntervalView* interval = Live(k);
  if (interval != nullptr) {
    interval->due.Merge(due);
    Touch(*interval);
  }
  if (interval == nullptr || k <= begun_through_) totals_.due.Merge(due);
}

void Aggregator::AddDone(int64_t k, const DoneSummary& done) {
  AddToTotals(totals_, done);
  IntervalView* interval = Live(k);
  if (interval == nullptr) {
    if (k <= appended_through_) return;  // dropped
    // Answers may come after the last planned second: they make seconds of their own.
    interval = &intervals_[k];
    interval->k = k;
  }
  interval->done.Merge(done);
  if (BROADSIDE_MUTANT("closed_second_changes") && interval->closed)
    interval->closed_completed = interval->done.completed;
  Touch(*interval);
}

void Aggregator::Add(const TestDelta& delta) {
  for (const auto& [k, due] : delta.by_due) AddDue(k, due);
  for (const auto& [k, done] : delta.by_done) AddDone(k, done);
}

void Aggregator::Book(int64_t k, Outcome outcome, int64_t slots) {
  if (slots == 0) return;
  DueSummary due;
  due.outcomes[outcome] = static_cast<uint64_t>(slots);
  AddDue(k, due);
}

void Aggregator::Close(int64_t k, double coverage) {
  BS_CHECK(k > closed_through_) << k << " after " << closed_through_;
  closed_through_ = k;
  IntervalView* interval = Live(k);
  if (interval == nullptr) return;
  interval->closed = true;
  interval->closed_completed = interval->done.completed;
  interval->coverage = coverage;
  last_closed_ = *interval;
  Touch(*interval);
}

void Aggregator::Settle(int64_t k) {
  IntervalView* interval = Live(k);
  if (interval == nullptr || interval->settled) return;
  interval->settled = true;
  Touch(*interval);
}

void Aggregator::CloseRest() {
  for (auto it = intervals_.upper_bound(appended_through_); it != intervals_.end(); ++it) {
    it->second.closed = true;
    it->second.closed_completed = it->second.done.completed;
    Settle(it->first);
  }
}

void Aggregator::Drop(int64_t k) {
  BS_CHECK(!dirty_.contains(k)) << k;
  intervals_.erase(k);
}

std::vector<std::shared_ptr<const IntervalView>> Aggregator::TakeDirty(uint64_t& revision) {
  std::vector<std::shared_ptr<const IntervalView>> taken;
  for (auto it = dirty_.begin(); it != dirty_.end();) {
    IntervalView& interval = intervals_.at(*it);
    if (interval.k > begun_through_ && interval.k <= appended_through_) {
      ++it;  // appended for the future
      continue;
    }
    interval.revision = ++revision;
    taken.push_back(std::make_shared<const IntervalView>(interval));
    it = dirty_.erase(it);
  }
  return taken;
}

std::vector<std::shared_ptr<const IntervalView>> Aggregator::TakeEarly() {
  std::vector<std::shared_ptr<const IntervalView>> taken;
  for (const int64_t k : std::exchange(early_, {})) {
    const IntervalView* interval = Find(k);
    if (interval == nullptr || k <= begun_through_ || k > appended_through_) continue;
    if (interval->due == DueSummary{} && interval->done == DoneSummary{}) continue;
    auto early = std::make_shared<IntervalView>(*interval);
    early->revision = 0;
    taken.push_back(std::move(early));
  }
  return taken;
}

void Aggregator::Restore(int64_t planned, const DueSummary& due, const DoneSummary& done,
                         const std::vector<IntervalView>& intervals, int64_t begun_through,
                         const IntervalView* last_closed) {
  totals_.planned = planned;
  totals_.due = due;
  AddToTotals(totals_, done);
  begun_through_ = appended_through_ = begun_through;
  for (const IntervalView& interval : intervals) intervals_[interval.k] = interval;
  if (last_closed == nullptr) return;
  closed_through_ = last_closed->k;
  last_closed_ = *last_closed;
}

DoneSummary Aggregator::DoneTotals() const {
  DoneSummary done = totals_.done;
  done.response_time = totals_.response_time.Sparse();
  done.service_time = totals_.service_time.Sparse();
  done.send_lag = totals_.send_lag.Sparse();
  return done;
}

const IntervalView* Aggregator::Find(int64_t k) const {
  const auto it = intervals_.find(k);
  return it == intervals_.end() ? nullptr : &it->second;
}

}  // namespace broadside
