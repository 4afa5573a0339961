#include "controller/core/ledger.h"

#include <algorithm>

#include "common/core/check.h"
#include "common/core/status.h"

namespace broadside {

void Ledger::Add(Account& account, int64_t k, int64_t change) {
  account.outstanding += change;
  total_outstanding_ += change;
  int64_t& sum = outstanding_[k];
  sum += change;
  if (sum == 0) outstanding_.erase(k);
}

void Ledger::Grant(const Incarnation& owner, int64_t k, int64_t slots) {
  Account& account = accounts_[owner];
  BS_CHECK(k > account.settled_through) << k << " was settled through " << account.settled_through;
  account.open[k].granted += slots;
  account.granted_through = std::max(account.granted_through, k);
  if (slots != 0) Add(account, k, slots);
}

absl::Status Ledger::Report(const Incarnation& owner, const TestDelta& delta) {
  Account& account = accounts_[owner];
  for (const auto& [k, due] : delta.by_due) {
    const auto count = static_cast<int64_t>(due.outcomes.Total());
    if (count == 0) continue;
    const auto entry = account.open.find(k);
    if (entry == account.open.end()) {
      return FailedPrecondition("agent ", ToString(owner), " reported ", count,
                                " slots of interval ", k, ", of which it owns none");
    }
    entry->second.reported += count;
    if (entry->second.reported > entry->second.granted) {
      return FailedPrecondition("agent ", ToString(owner), " reported ", entry->second.reported,
                                " slots of interval ", k, ", but was granted ",
                                entry->second.granted);
    }
    Add(account, k, -count);
  }
  return Settle(owner, account, delta.settled_through);
}

absl::Status Ledger::Settle(const Incarnation& owner, Account& account, int64_t through) {
  if (through <= account.settled_through) return absl::OkStatus();
  if (through > account.granted_through) {
    return FailedPrecondition("agent ", ToString(owner), " calls interval ", through,
                              " settled, but was granted none after ", account.granted_through);
  }
  account.settled_through = through;
  while (!account.open.empty() && account.open.begin()->first <= through) {
    const auto& [k, entry] = *account.open.begin();
    if (entry.reported != entry.granted) {
      return FailedPrecondition("agent ", ToString(owner), " calls interval ", k, " settled with ",
                                entry.reported, " of ", entry.granted, " slots reported");
    }
    account.open.erase(account.open.begin());
  }
  return absl::OkStatus();
}

void Ledger::Restore(const Incarnation& owner, int64_t settled_through,
                     const std::vector<std::pair<int64_t, int64_t>>& reported) {
  Account& account = accounts_[owner];
  for (const auto& [k, count] : reported) {
    account.open[k].reported += count;
    Add(account, k, -count);
  }
  account.settled_through = settled_through;
  account.granted_through = std::max(account.granted_through, settled_through);
  for (auto it = account.open.begin(); it != account.open.end() && it->first <= settled_through;) {
    Add(account, it->first, it->second.reported - it->second.granted);
    it = account.open.erase(it);
  }
}

int64_t Ledger::Outstanding(int64_t k) const {
  const auto it = outstanding_.find(k);
  return it == outstanding_.end() ? 0 : it->second;
}

int64_t Ledger::OutstandingOf(const Incarnation& owner) const {
  const auto it = accounts_.find(owner);
  return it == accounts_.end() ? 0 : it->second.outstanding;
}

std::map<int64_t, int64_t> Ledger::WriteOff() {
  std::map<int64_t, int64_t> written_off;
  written_off.swap(outstanding_);
  accounts_.clear();
  total_outstanding_ = 0;
  return written_off;
}

}  // namespace broadside
