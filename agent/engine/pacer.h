#pragma once

// When the slots of one test are sent by one shard. Pure: time comes in, nothing goes out but slots
// and counts, so a simulator can run it.
//
// It holds the shard's part of each grant (DivideArc of the grant's arc over the shards) and hands
// out the slots in order, each when it is due. A slot that was due before its grant arrived, or
// that nobody took within max_lateness of its due time, is skipped. Late sends replay the schedule
// at 1.25 times its speed:
//
//   release(n) = max(due(n), release(n-1) + 0.8 * min(due(n) - due(n-1), 2 * mean gap))
//
// so after a freeze or a stalled target there is no burst, and the gaps keep the shape of the curve
// (one mean gap per segment would throttle a ramp or a short peak). When the loop itself woke late
// by up to kPacerHiccup the release times are kept, and what was released meanwhile goes out at
// once: on a busy machine every wake-up is some milliseconds late, and a stricter rule would never
// reach the rate. After more than that only the slots of kPacerSlack do.
//
// Owned by one shard. TakeDue costs some ns, Extend some microseconds; memory is per grant held.

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/core/arc.h"
#include "common/core/curve.h"
#include "common/core/segment.h"

namespace broadside {

inline constexpr Nanos kPacerHiccup = Millis(20);
inline constexpr Nanos kPacerSlack = Millis(1);

// A slot that is due, and the interval that it is booked in.
struct DueSlot {
  Slot slot = 0;
  int64_t k = 0;
  TestTime due{};
  friend bool operator==(const DueSlot&, const DueSlot&) = default;
};

// So many slots of interval k.
struct SlotTally {
  int64_t k = 0;
  uint64_t count = 0;
  friend bool operator==(const SlotTally&, const SlotTally&) = default;
};

struct PacerOptions {
  uint64_t arc_offset = 0;  // of the test
  int part = 0;             // this shard's part of each grant; part >= parts owns nothing
  int parts = 1;
  Nanos max_lateness{0};
};

class Pacer {
 public:
  explicit Pacer(const PacerOptions& options) : options_(options) {}

  // Adds a grant and returns how many of its slots are this shard's. Those due before `now` are
  // skipped, after Cut all are cancelled. REQUIRES: grants come in ascending order of k.
  int64_t Extend(const Grant& grant, TestTime now);
  // The next slot if it may be sent at `now`. Skips what has become too late.
  std::optional<DueSlot> TakeDue(TestTime now);
  // Skips what has become too late, for when there is no connection to send it on.
  void SkipLate(TestTime now);
  // No slot is handed out any more: what is held becomes cancelled.
  void Cut();

  // When TakeDue has the next slot; nothing when no slot is held.
  std::optional<TestTime> NextRelease() const;
  // When the next slot is due by the plan.
  std::optional<TestTime> NextDue() const;
  // When the next slot becomes too late.
  std::optional<TestTime> NextSkip() const;
  // The mean distance of this shard's slots in the segment that is being sent; a second without
  // one.
  Nanos MeanGap() const { return held_.empty() ? Nanos(kSegment) : held_.front().mean_gap; }
  bool Empty() const { return !head_.has_value(); }

  // Counts of slots that will not be sent; the caller books and clears them. Each slot of a grant
  // is in one of them once, or is taken once.
  std::vector<SlotTally>& skipped() { return skipped_; }
  std::vector<SlotTally>& cancelled() { return cancelled_; }

 private:
  struct Held {
    int64_t k;
    SlotRange slots;
    Arc arc;
    Nanos mean_gap;
    ArcWalker walker;
    DueCursor cursor;
  };

  std::optional<Arc> OwnArc(const Arc& arc) const;
  TestTime Release() const;
  void LoadHead();  // the next slot of the first grant that has one
  void Advance();

  // Constant after construction.
  PacerOptions options_;
  // Changed by grants and time.
  std::deque<Held> held_;
  std::optional<DueSlot> head_;
  std::optional<TestTime> previous_due_;  // of the slot before the head
  TestTime released_ = TestTime::min();   // release time of the last slot taken
  bool cut_ = false;
  std::vector<SlotTally> skipped_;
  std::vector<SlotTally> cancelled_;
};

}  // namespace broadside
