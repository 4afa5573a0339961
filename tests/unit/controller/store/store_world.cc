#include "tests/unit/controller/store/store_world.h"

#include <algorithm>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "tests/unit/common/wire/random_spec.h"
#include "tests/unit/controller/store/random_records.h"

namespace broadside {

StoreWorld::StoreWorld(uint64_t seed) : random_(seed) {
  for (int i = 0; i < 5; ++i) agents_.push_back(RandomIncarnationOf(random_));
}

StoreBatch StoreWorld::Step() {
  StoreBatch batch;
  if (tests_.empty() || Random(random_, 8) == 0) Create(batch);
  std::vector<TestId> ended;
  for (auto& [id, known] : tests_) {
    if (HasEnded(known.test.state)) {
      ended.push_back(id);
    } else if (Random(random_, 4) != 0) {
      Run(known, batch);
    }
  }
  if (!ended.empty() && Random(random_, 4) == 0) {
    const TestId id = ended[static_cast<size_t>(Random(random_, std::ssize(ended)))];
    batch.deleted.push_back(id);
    tests_.erase(id);
  }
  return batch;
}

void StoreWorld::Create(StoreBatch& batch) {
  const TestId id = Concat("t-", random_());
  Known& known = tests_[id];
  known.number = created_++;
  known.test = RandomTestRecord(random_, id);
  known.test.begun_through = -1;
  known.test.open.clear();
  batch.tests.push_back(known.test);
}

void StoreWorld::Run(Known& known, StoreBatch& batch) {
  TestRecord& test = known.test;
  Append(known, batch);
  Report(known, batch);
  for (int64_t i = Random(random_, 4); i > 0; --i) {
    const int64_t k = std::max<int64_t>(0, test.appended_through - Random(random_, 5));
    const IntervalRecord record{test.id, RandomInterval(random_, k, ++test.revision)};
    known.intervals[k] = record;
    batch.intervals.push_back(record);
  }
  for (int64_t i = Random(random_, 3); i > 0; --i) {
    batch.changes.push_back({test.id, RandomChange(random_, ++test.revision)});
  }
  RandomiseResult(random_, &test);
  const int64_t begun_before = test.begun_through;
  test.begun_through = std::max(test.begun_through, test.appended_through - Random(random_, 4));
  std::erase_if(test.open, [&](int64_t) { return Random(random_, 3) == 0; });
  for (int64_t k = begun_before + 1; k <= test.begun_through; ++k) test.open.push_back(k);
  test.state = static_cast<TestState>(Random(random_, 3));
  if (Random(random_, 10) == 0) {
    test.state = static_cast<TestState>(3 + Random(random_, 4));
    batch.ended.push_back(test.id);
  }
  batch.tests.push_back(test);
}

void StoreWorld::Append(Known& known, StoreBatch& batch) {
  TestRecord& test = known.test;
  if (Random(random_, 3) == 0) {
    const auto number = static_cast<int64_t>(known.partitions.size());
    known.partitions[number] = {test.id, number, RandomOwners(random_)};
    batch.partitions.push_back(known.partitions[number]);
  }
  for (int64_t i = Random(random_, 20); i > 0; --i) {
    const int64_t k = ++test.appended_through;
    const Slot from = RandomOfAnySize(random_, limits::kSlotsMax);
    const int64_t partition =
        Random(random_, 4) == 0 ? kNoPartition : static_cast<int64_t>(known.partitions.size()) - 1;
    const auto kind = static_cast<SegmentKind>(Random(random_, 2));
    known.segments[k] = {test.id, k, {from, from + k}, partition, kind};
    batch.segments.push_back(known.segments[k]);
  }
}

void StoreWorld::Report(Known& known, StoreBatch& batch) {
  for (const Incarnation& agent : agents_) {
    if (Random(random_, 3) == 0) continue;
    LedgerRecord record{agent, ++seq_[agent], {}, {}, -1};
    if (Random(random_, 6) != 0) {
      record.test = known.test.id;
      record.settled_through =
          std::max<int64_t>(-1, known.test.appended_through - 2 - Random(random_, 30));
      for (int64_t k = std::max<int64_t>(0, known.test.appended_through - 8);
           k <= known.test.appended_through; ++k) {
        if (Random(random_, 2) == 0)
          record.reported.emplace_back(k, 1 + RandomOfAnySize(random_, 1'000'000));
      }
    }
    known.ledger.push_back(record);
    batch.ledger.push_back(record);
  }
}

StoredTest StoreWorld::ExpectedOf(const Known& known) const {
  StoredTest stored;
  stored.test = known.test;
  const auto needed = [&](int64_t k, const auto& rows) {
    return k > known.test.begun_through || k > rows.rbegin()->first - limits::kIntervalsRestored ||
           std::binary_search(known.test.open.begin(), known.test.open.end(), k);
  };
  std::map<int64_t, PartitionRecord> partitions;
  if (!known.partitions.empty()) partitions.insert(*known.partitions.rbegin());
  for (const auto& [k, segment] : known.segments) {
    if (!needed(k, known.segments)) continue;
    stored.segments.push_back(segment);
    if (segment.partition != kNoPartition)
      partitions[segment.partition] = known.partitions.at(segment.partition);
  }
  for (const auto& [number, partition] : partitions) stored.partitions.push_back(partition);
  for (const auto& [k, interval] : known.intervals) {
    if (needed(k, known.intervals)) stored.intervals.push_back(interval);
  }
  return stored;
}

StoredState StoreWorld::Expected() const {
  StoredState state;
  std::map<int, const Known*> by_number;
  for (const auto& [id, known] : tests_) {
    if (HasEnded(known.test.state)) {
      state.ended.push_back(known.test);
      continue;
    }
    by_number[known.number] = &known;
    std::map<Incarnation, StoredLedgerEntry> entries;
    for (const LedgerRecord& record : known.ledger) {
      if (record.test != id) continue;
      StoredLedgerEntry& entry = entries[record.incarnation];
      entry.incarnation = record.incarnation;
      entry.test = id;
      entry.settled_through = std::max(entry.settled_through, record.settled_through);
    }
    for (auto& [agent, entry] : entries) {
      std::map<int64_t, int64_t> reported;
      for (const LedgerRecord& record : known.ledger) {
        if (record.test != id || record.incarnation != agent) continue;
        for (const auto& [k, slots] : record.reported) {
          if (k > entry.settled_through) reported[k] += slots;
        }
      }
      entry.reported.assign(reported.begin(), reported.end());
      state.ledger.push_back(entry);
    }
  }
  for (const auto& [number, known] : by_number) state.unended.push_back(ExpectedOf(*known));
  std::sort(state.ended.begin(), state.ended.end(), [](const TestRecord& a, const TestRecord& b) {
    return std::pair(a.created_at, a.id) > std::pair(b.created_at, b.id);
  });
  state.acked.assign(seq_.begin(), seq_.end());
  return state;
}

}  // namespace broadside
