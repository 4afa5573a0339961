#pragma once

// A controller's life in batches, made up: tests that are created, run, end and are deleted, with
// random records. And what a store has to know after them, kept in the simplest way.

#include <map>
#include <random>
#include <string>
#include <vector>

#include "controller/core/store_records.h"

namespace broadside {

class StoreWorld {
 public:
  explicit StoreWorld(uint64_t seed);

  // The next transaction; the world is as after it.
  StoreBatch Step();
  // What Open has to read, but for uuid and epoch.
  StoredState Expected() const;

  struct Known {
    int number = 0;
    TestRecord test;
    std::map<int64_t, PartitionRecord> partitions;
    std::map<int64_t, SegmentRecord> segments;
    std::map<int64_t, IntervalRecord> intervals;
    std::vector<LedgerRecord> ledger;
  };
  const std::map<TestId, Known>& tests() const { return tests_; }

 private:
  void Create(StoreBatch& batch);
  void Run(Known& known, StoreBatch& batch);
  void Append(Known& known, StoreBatch& batch);
  void Report(Known& known, StoreBatch& batch);
  StoredTest ExpectedOf(const Known& known) const;

  std::mt19937_64 random_;
  int created_ = 0;
  std::vector<Incarnation> agents_;
  std::map<Incarnation, uint64_t> seq_;
  std::map<TestId, Known> tests_;
};

}  // namespace broadside
