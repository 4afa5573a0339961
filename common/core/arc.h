#pragma once

// Who fires what: arcs of a circle of 2^64 points.
//
// Slot n stands at n * A + offset mod 2^64 with A = 0x9E3779B97F4A7C15 (golden-ratio rotation) and
// belongs to the owner in whose arc it falls. Disjoint arcs that cover the circle partition the
// slots exactly, for any weights, and by the three-gap theorem each owner's slots are spread almost
// evenly. An agent splits its arc again over its shards.
//
// Enumeration walks the first-return map of the rotation (Euclid's algorithm on A and 2^64 - A
// gives a forward step (q1, d1) and a backward one (q2, d2)); counting uses floor sums. They are
// two independent algorithms on purpose: their agreement checks the books. Value types, no thread.
// A step costs under 1 ns, Seek about 0.25 us, CountSlots some microseconds.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/core/curve.h"

namespace broadside {

inline constexpr uint64_t kGoldenRotation = 0x9E3779B97F4A7C15ull;

// [lo, last], both inclusive, lo <= last: arcs never wrap. {0, 2^64 - 1} is the whole circle.
struct Arc {
  uint64_t lo = 0;
  uint64_t last = UINT64_MAX;
  bool Contains(uint64_t point) const { return lo <= point && point <= last; }
  friend bool operator==(const Arc&, const Arc&) = default;
};

// The rotation's offset for a test: a stable hash of its id (FNV-1a, then a 64-bit finaliser), the
// same on every machine and version.
uint64_t ArcOffset(std::string_view test_id);

constexpr uint64_t SlotPoint(Slot n, uint64_t offset) {
  return static_cast<uint64_t>(n) * kGoldenRotation + offset;
}

// Divides `whole` in proportion to the weights: boundary i is lo + floor(size * (w_0 + ... + w_i-1)
// / total), in 128 bits. Element i is the arc of weight i, or nothing where it holds no point. All
// weights zero gives no arcs.
std::vector<std::optional<Arc>> DivideArc(const Arc& whole, const std::vector<uint32_t>& weights);

// Number of slots of [range.from, range.until) in the arc, by floor sums.
int64_t CountSlots(const Arc& arc, uint64_t offset, const SlotRange& range);

// The slots of an arc in ascending order. Exact below slot 2^61; an arc of a few points may say a
// later slot for one beyond.
class ArcWalker {
 public:
  ArcWalker(const Arc& arc, uint64_t offset);
  // Moves to the first slot of the arc that is >= n and returns it. REQUIRES: 0 <= n.
  Slot Seek(Slot n);
  // The slot it stands on. REQUIRES: Seek was called.
  Slot slot() const { return slot_; }
  // Moves to the next slot of the arc and returns it. REQUIRES: Seek was called.
  Slot Next() {
    // Forward alone, backward alone, or both. d1 + d2 > span, so never neither: no branch to
    // predict.
    const bool forward = x_ < d2_;
    const bool backward = x_ > forward_max_;
    slot_ += (forward ? q1_ : 0) + (backward ? q2_ : 0);
    x_ += (forward ? d1_ : 0) - (backward ? d2_ : 0);
    return slot_;
  }

 private:
  uint64_t lo_;
  uint64_t span_;  // last - lo
  uint64_t offset_;
  // First-return map: from x = point - lo, x <= span - d1 steps forward (q1 slots on, x += d1), x
  // >= d2 backward (q2 slots on, x -= d2), else both.
  uint64_t d1_ = 0, d2_ = 0;
  uint64_t forward_max_ = 0;  // span - d1
  Slot q1_ = 0, q2_ = 0;
  Slot slot_ = 0;
  uint64_t x_ = 0;
};

}  // namespace broadside
