#include "agent/core/report_queue.h"

#include <algorithm>
#include <utility>

#include "common/core/mutant.h"

namespace broadside {

ReportQueue::Told ReportQueue::ToldOf(const TestId& test) const {
  const auto entry = told_.find(test);
  return entry == told_.end() ? Told{} : entry->second;
}

void ReportQueue::Add(std::vector<TestDelta> deltas) {
  for (TestDelta& delta : deltas) {
    const Told told = ToldOf(delta.test);
    delta.settled_through = std::max(delta.settled_through, told.settled_through);
    delta.closed_through = std::max(delta.closed_through, told.closed_through);
    const bool says_more =
        delta.settled_through > told.settled_through || delta.closed_through > told.closed_through;
    if (delta.Empty() && !says_more) continue;
    const auto [entry, is_new] = pending_.try_emplace(delta.test);
    if (is_new || BROADSIDE_MUTANT("pending_results_replaced")) {
      entry->second = std::move(delta);
    } else {
      entry->second.Merge(delta);
    }
  }
}

bool ReportQueue::Owes() const {
  return !kept_.empty() || std::any_of(pending_.begin(), pending_.end(), [this](const auto& entry) {
    const auto& [test, delta] = entry;
    return !delta.Empty() || delta.settled_through > ToldOf(test).settled_through;
  });
}

const Report* ReportQueue::Next() {
  if (sent_ == kept_.size()) {
    if (pending_.empty() || kept_.size() >= limits::kReportsInFlightMax) return nullptr;
    kept_.push_back(MakeReport());
  }
  return &kept_[sent_++];
}

Report ReportQueue::MakeReport() {
  Report report;
  report.seq = next_seq_++;
  size_t room = kIntervalsMax;
  while (!pending_.empty()) {
    const auto entry = pending_.begin();
    TestDelta& delta = entry->second;
    if (delta.by_done.size() > room) {
      // The oldest intervals go first; the outcomes and what is settled or closed go with the last
      // part.
      if (room == 0) break;
      TestDelta part;
      part.test = delta.test;
      const Told told = ToldOf(delta.test);
      part.settled_through = told.settled_through;
      part.closed_through = told.closed_through;
      for (; room > 0; --room) part.by_done.insert(delta.by_done.extract(delta.by_done.begin()));
      report.tests.push_back(std::move(part));
      break;
    }
    room -= delta.by_done.size();
    told_[delta.test] = {delta.settled_through, delta.closed_through};
    report.tests.push_back(std::move(delta));
    pending_.erase(entry);
  }
  return report;
}

bool ReportQueue::Acknowledge(uint64_t seq) {
  const uint64_t last = BROADSIDE_MUTANT("ack_drops_one_more") ? seq + 1 : seq;
  while (!kept_.empty() && kept_.front().seq <= last) {
    kept_.pop_front();
    if (sent_ > 0) --sent_;
  }
  if (seq < next_seq_) return true;
  next_seq_ = seq + 1;
  return false;
}

size_t ReportQueue::Restart(uint64_t acked_seq) {
  const size_t dropped = undelivered();
  kept_.clear();
  sent_ = 0;
  pending_.clear();
  told_.clear();
  next_seq_ = acked_seq + 1;
  return dropped;
}

}  // namespace broadside
