#pragma once

// What a store holds after a series of batches, by plain maps: the model that restarts in virtual
// time begin from. Single-threaded.

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "controller/core/store_records.h"

namespace broadside {

class FakeStore {
 public:
  void Write(const StoreBatch& batch) {
    for (const TestRecord& test : batch.tests) tests_[test.id].test = test;
    for (const PartitionRecord& partition : batch.partitions)
      tests_[partition.test].partitions.push_back(partition);
    for (const SegmentRecord& segment : batch.segments)
      tests_[segment.test].segments.push_back(segment);
    for (const IntervalRecord& record : batch.intervals)
      intervals_[record.test][record.interval.k] = record;
    for (const ChangeRecord& record : batch.changes) changes_[record.test].push_back(record.change);
    for (const LedgerRecord& record : batch.ledger) {
      acked_[record.incarnation] = std::max(acked_[record.incarnation], record.seq);
      if (record.test.empty()) continue;
      Account& account = ledger_[{record.incarnation, record.test}];
      account.settled_through = std::max(account.settled_through, record.settled_through);
      for (const auto& [k, slots] : record.reported) account.reported[k] += slots;
    }
    for (const TestId& test : batch.deleted) tests_.erase(test);
    drains_.insert(drains_.end(), batch.drains.begin(), batch.drains.end());
  }

  // As a controller with the next epoch finds it.
  StoredState Open() {
    StoredState state;
    state.store_uuid = "store";
    state.epoch = ++epoch_;
    for (auto& [id, stored] : tests_) {
      if (HasEnded(stored.test.state)) {
        state.ended.push_back(stored.test);
        continue;
      }
      StoredTest& unended = state.unended.emplace_back(stored);
      for (const auto& [k, interval] : intervals_[id]) unended.intervals.push_back(interval);
    }
    for (const auto& [incarnation, seq] : acked_) state.acked.emplace_back(incarnation, seq);
    for (const auto& [key, account] : ledger_) {
      StoredLedgerEntry& entry = state.ledger.emplace_back();
      entry.incarnation = key.first;
      entry.test = key.second;
      entry.settled_through = account.settled_through;
      for (const auto& [k, slots] : account.reported) {
        if (k > account.settled_through) entry.reported.emplace_back(k, slots);
      }
    }
    state.drains = drains_;
    return state;
  }

  // All that happened in a test, ascending by revision.
  const std::vector<Change>& Changes(const TestId& test) const { return changes_.at(test); }
  // The revisions of its changes and intervals that were shown, which are those above `after`.
  std::set<uint64_t> RevisionsAfter(const TestId& test, uint64_t after) const {
    std::set<uint64_t> revisions;
    for (const Change& change : changes_.at(test)) revisions.insert(change.revision);
    for (const auto& [k, record] : intervals_.at(test)) revisions.insert(record.interval.revision);
    revisions.erase(revisions.begin(), revisions.upper_bound(after));
    return revisions;
  }
  const IntervalView& Interval(const TestId& test, int64_t k) const {
    return intervals_.at(test).at(k).interval;
  }
  std::vector<int64_t> Unsettled(const TestId& test) const {
    std::vector<int64_t> unsettled;
    for (const auto& [k, record] : intervals_.at(test)) {
      if (!record.interval.settled) unsettled.push_back(k);
    }
    return unsettled;
  }

 private:
  struct Account {
    int64_t settled_through = -1;
    std::map<int64_t, int64_t> reported;
  };
  std::map<TestId, StoredTest> tests_;
  std::map<TestId, std::map<int64_t, IntervalRecord>> intervals_;
  std::map<TestId, std::vector<Change>> changes_;
  std::map<Incarnation, uint64_t> acked_;
  std::map<std::pair<Incarnation, TestId>, Account> ledger_;
  std::vector<Incarnation> drains_;
  uint64_t epoch_ = 0;
};

}  // namespace broadside
