#pragma once

// The plan of one test: its curve and the log of appended segments, each with the owners of its
// slots. An appended segment never changes.
//
// Owned by a TestRun, on home. Appending costs a floor sum per owner (microseconds). A segment that
// nobody can ask for any more is dropped by Drop, a partition with its last segment.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/core/curve.h"
#include "common/core/segment.h"
#include "controller/core/store_records.h"

namespace broadside {

// An agent that may own slots, with its weight.
struct Candidate {
  Incarnation incarnation;
  std::string name;
  uint32_t weight = 1;
};

// Chooses who owns slots. Small tests use few owners: ceil(peak rate / 50 rps), at least `min`, at
// most all; present owners stay (their count never falls within a test while they last), newcomers
// follow in an order that depends on the test, so that several small tests use different agents.
std::vector<Candidate> ChooseOwners(const TestId& test, const std::vector<Candidate>& eligible,
                                    const std::vector<Owner>& present, MicroRate peak, int64_t min,
                                    AgentsUse use);

// The owner that is this agent; null for none. `owners` ascend by incarnation, as in every
// partition.
const Owner* FindOwner(const std::vector<Owner>& owners, const Incarnation& agent);

class Plan {
 public:
  Plan(TestId test, Curve curve);

  // One appended segment as its owners see it.
  struct Appended {
    Segment segment;
    std::vector<Owner> owners;   // none: the slots are unassigned
    std::vector<int64_t> slots;  // of each owner, by floor sums; they add up to the segment's
    int64_t partition = kNoPartition;
    bool new_partition = false;  // the owners differ from those of the segment before: store them
  };
  // Appends the next segment for these owners. REQUIRES: !Complete(), ascending incarnation.
  Appended Append(const std::vector<Candidate>& owners, SegmentKind kind);

  // The grant of segment k for an agent: the same bytes however often it is asked for. Nothing if
  // it owns no slot of it, or the segment was dropped.
  std::optional<Grant> GrantOf(const Incarnation& agent, int64_t k) const;

  // `rate` from segment `from` to the end; false when the curve would have more pieces than
  // limits::kCurvePiecesMax. REQUIRES: !Complete(), `from` is not appended yet.
  bool ChangeRate(int64_t from, MicroRate rate);
  // Appends nothing further.
  void Close() { closed_ = true; }
  bool Complete() const { return closed_ || appended_through_ + 1 >= curve_.SegmentCount(); }

  // Drops segment k, and its partition if no other segment has it and the next one will not.
  void Drop(int64_t k);
  void Restore(const std::vector<PartitionRecord>& partitions,
               const std::vector<SegmentRecord>& segments, int64_t appended_through);

  const Curve& curve() const { return curve_; }
  int64_t appended_through() const { return appended_through_; }
  // Owners of the last appended segment.
  const std::vector<Owner>& owners() const { return owners_; }
  // The slots of segment k; empty if it was dropped or not appended.
  SlotRange SlotsOf(int64_t k) const;
  const std::map<int64_t, SegmentRecord>& segments() const { return segments_; }
  size_t live_partitions() const { return partitions_.size(); }
  // The owners of segment k; null if it has none or was dropped.
  const std::vector<Owner>* PartitionOf(int64_t k) const;

 private:
  Segment Make(int64_t k, const SlotRange& slots, SegmentKind kind) const;
  void ForgetIfUnused(int64_t partition);

  // Constant after construction.
  TestId test_;
  uint64_t offset_;
  // Changed by home.
  Curve curve_;
  int64_t appended_through_ = -1;
  bool closed_ = false;
  std::map<int64_t, SegmentRecord> segments_;  // by k
  struct Partition {
    std::vector<Owner> owners;
    int64_t segments = 0;  // that have it
  };
  std::map<int64_t, Partition> partitions_;  // by number
  std::vector<Owner> owners_;
  int64_t partition_ = kNoPartition;
  int64_t next_partition_ = 0;
};

}  // namespace broadside
