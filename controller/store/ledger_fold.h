#pragma once

// What the ledger log adds up to: per incarnation the highest report counted, and per incarnation
// and test what was reported above settled_through. The store keeps it beside the log, so that a
// snapshot is written without reading the log again.
//
// Owned by the store's thread. Memory follows what is in flight: entries of ended tests are
// forgotten, and of incarnations without entries only the kMarksMax heard last are remembered (a
// live agent reports every few seconds, so it is never among those forgotten).

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/core/limits.h"
#include "controller/core/store_records.h"

namespace broadside {

class LedgerFold {
 public:
  static constexpr size_t kMarksMax = 2 * limits::kAgentsMax;

  // From now on records of the test are kept; those of other tests only raise the mark.
  void Begin(const TestId& test) { tests_[test]; }
  void Forget(const TestId& test) { tests_.erase(test); }
  // Adds what the record says. Slots of segments that are settled count no more.
  void Add(const LedgerRecord& record);

  // Records that give this fold when they are added to an empty one, least recently heard first.
  std::vector<LedgerRecord> Snapshot() const;
  std::vector<std::pair<Incarnation, uint64_t>> Acked() const;  // by incarnation
  std::vector<StoredLedgerEntry> Entries() const;               // by test, then incarnation

 private:
  struct Mark {
    uint64_t seq = 0;
    uint64_t heard = 0;  // count of records at its last one
  };
  struct Account {
    int64_t settled_through = -1;
    std::map<int64_t, int64_t> reported;  // above settled_through
  };
  void ForgetOldMarks();

  std::map<Incarnation, Mark> marks_;
  std::map<TestId, std::map<Incarnation, Account>> tests_;
  uint64_t records_ = 0;
};

}  // namespace broadside
