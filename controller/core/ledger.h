#pragma once

// The books of one test by owner: granted (counted by floor sums when a segment is appended) -
// reported (outcomes that agents sent) = outstanding, per incarnation and segment. Two independent
// sources: that they meet is a check, not a tautology.
//
// Owned by a TestRun, on home. Entries that are settled and even are dropped, so memory follows
// what is in flight. A report costs O(log) per interval that it names.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/core/fleet_messages.h"
#include "common/core/summary.h"

namespace broadside {

class Ledger {
 public:
  // Books `slots` of segment k as granted to `owner`. Several calls for one k add up only for
  // different owners.
  void Grant(const Incarnation& owner, int64_t k, int64_t slots);

  // Books the outcomes of a report. An error means that the books cannot balance: more reported
  // than granted, a segment that the owner was never granted, or slots missing below its
  // settled_through. The text has the numbers. After an error the ledger is not to be used further.
  absl::Status Report(const Incarnation& owner, const TestDelta& delta);

  // As Report, for entries read from the store.
  void Restore(const Incarnation& owner, int64_t settled_through,
               const std::vector<std::pair<int64_t, int64_t>>& reported);

  int64_t Outstanding(int64_t k) const;
  int64_t OutstandingOf(const Incarnation& owner) const;
  int64_t total_outstanding() const { return total_outstanding_; }
  // Everything still outstanding, by segment, and forgets it.
  std::map<int64_t, int64_t> WriteOff();

 private:
  struct Entry {
    int64_t granted = 0;
    int64_t reported = 0;
  };
  struct Account {
    std::map<int64_t, Entry> open;  // by segment; entries at or below settled_through are gone
    int64_t settled_through = -1;
    int64_t granted_through = -1;
    int64_t outstanding = 0;
  };
  absl::Status Settle(const Incarnation& owner, Account& account, int64_t through);
  void Add(Account& account, int64_t k, int64_t change);

  std::map<Incarnation, Account> accounts_;
  std::map<int64_t, int64_t> outstanding_;  // by segment, over all owners; no zero entries
  int64_t total_outstanding_ = 0;
};

}  // namespace broadside
