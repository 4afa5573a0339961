#include "controller/store/ledger_fold.h"

#include <algorithm>

namespace broadside {

void LedgerFold::Add(const LedgerRecord& record) {
  Mark& mark = marks_[record.incarnation];
  mark.seq = std::max(mark.seq, record.seq);
  mark.heard = ++records_;
  if (marks_.size() > kMarksMax + kMarksMax / 4) ForgetOldMarks();
  const auto test = tests_.find(record.test);
  if (test == tests_.end()) return;
  Account& account = test->second[record.incarnation];
  account.settled_through = std::max(account.settled_through, record.settled_through);
  std::map<int64_t, int64_t>& reported = account.reported;
  reported.erase(reported.begin(), reported.upper_bound(account.settled_through));
  for (const auto& [k, slots] : record.reported) {
    if (k > account.settled_through) reported[k] += slots;
  }
}

// Every kMarksMax / 4 new incarnations at most, so that the sort costs little on the whole.
void LedgerFold::ForgetOldMarks() {
  std::vector<std::pair<uint64_t, Incarnation>> idle;
  for (const auto& [incarnation, mark] : marks_) {
    const bool owes = std::any_of(
        tests_.begin(), tests_.end(),
        [&agent = incarnation](const auto& test) { return test.second.contains(agent); });
    if (!owes) idle.emplace_back(mark.heard, incarnation);
  }
  const size_t over = std::min(idle.size(), marks_.size() - kMarksMax);
  std::sort(idle.begin(), idle.end());
  for (size_t i = 0; i < over; ++i) marks_.erase(idle[i].second);
}

std::vector<LedgerRecord> LedgerFold::Snapshot() const {
  std::vector<LedgerRecord> records;
  std::vector<std::pair<uint64_t, Incarnation>> order;
  for (const auto& [test, accounts] : tests_) {
    for (const auto& [incarnation, account] : accounts) {
      records.push_back({incarnation,
                         0,
                         test,
                         {account.reported.begin(), account.reported.end()},
                         account.settled_through});
    }
  }
  for (const auto& [incarnation, mark] : marks_) order.emplace_back(mark.heard, incarnation);
  std::sort(order.begin(), order.end());
  // The marks last: they decide who was heard last.
  for (const auto& [heard, incarnation] : order) {
    records.push_back({incarnation, marks_.at(incarnation).seq, {}, {}, -1});
  }
  return records;
}

std::vector<std::pair<Incarnation, uint64_t>> LedgerFold::Acked() const {
  std::vector<std::pair<Incarnation, uint64_t>> acked;
  for (const auto& [incarnation, mark] : marks_) acked.emplace_back(incarnation, mark.seq);
  return acked;
}

std::vector<StoredLedgerEntry> LedgerFold::Entries() const {
  std::vector<StoredLedgerEntry> entries;
  for (const auto& [test, accounts] : tests_) {
    for (const auto& [incarnation, account] : accounts) {
      entries.push_back({incarnation,
                         test,
                         account.settled_through,
                         {account.reported.begin(), account.reported.end()}});
    }
  }
  return entries;
}

}  // namespace broadside
