#include "common/core/arc.h"

#include <algorithm>

#include "common/core/check.h"

namespace broadside {
namespace {

using Wide = unsigned __int128;

// Counts of slots saturate here: no test has as many, and two steps on top of a slot still fit 63
// bits.
constexpr uint64_t kStepSlotsMax = uint64_t{1} << 61;

// The two arms of Euclid's algorithm on the rotation. On the arc of forward + backward points from
// lo, the first return to the arc is a step of `forward` points (forward_slots on) where that stays
// inside, else one of `backward` points back. Each Reduce shortens the arc to the longer arm: two
// steps of the old map that lead out of it and back in become one.
struct Steps {
  uint64_t forward = kGoldenRotation;
  uint64_t backward = 0 - kGoldenRotation;
  uint64_t forward_slots = 1;
  uint64_t backward_slots = 1;

  uint64_t Longer() const { return std::max(forward, backward); }
  uint64_t Shorter() const { return std::min(forward, backward); }
  void Reduce() {
    const uint64_t slots = std::min(forward_slots + backward_slots, kStepSlotsMax);
    if (forward > backward) {
      forward -= backward;
      forward_slots = slots;
    } else {
      backward -= forward;
      backward_slots = slots;
    }
  }
};

// Sum over 0 <= i < n of floor((a * i + b) / 2^64), modulo 2^64; a < 2^64, b < 2^65, n < 2^63.
//
// With a and b reduced below the divisor m, the sum counts the lattice points under a line; seen
// from the other axis that is the same problem with a and m exchanged (Euclid again, about 45
// rounds for the golden ratio).
uint64_t FloorSum(uint64_t n, uint64_t a64, Wide b) {
  uint64_t sum = n * static_cast<uint64_t>(b >> 64);
  Wide top = Wide{a64} * n + static_cast<uint64_t>(b);
  // The first exchange by hand: a divisor of 2^64 does not fit 64 bits.
  uint64_t count = static_cast<uint64_t>(top >> 64);
  Wide a = Wide{1} << 64;
  uint64_t m = a64;
  uint64_t rest = static_cast<uint64_t>(top);
  while (count > 0) {
    const auto whole = static_cast<uint64_t>(a / m);
    const auto slope = static_cast<uint64_t>(a % m);
    const uint64_t triangle = count % 2 == 0 ? count / 2 * (count - 1) : (count - 1) / 2 * count;
    sum += triangle * whole + count * (rest / m);
    rest %= m;
    top = Wide{slope} * count + rest;
    count = static_cast<uint64_t>(top / m);
    rest = static_cast<uint64_t>(top % m);
    a = m;
    m = slope;
  }
  return sum;
}

}  // namespace

uint64_t ArcOffset(std::string_view test_id) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : test_id) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
  // FNV leaves ids that differ in their last letter close together; the finaliser spreads them.
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdull;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ull;
  return hash ^ (hash >> 33);
}

std::vector<std::optional<Arc>> DivideArc(const Arc& whole, const std::vector<uint32_t>& weights) {
  uint64_t total = 0;
  for (const uint32_t weight : weights) total += weight;
  std::vector<std::optional<Arc>> arcs(weights.size());
  if (total == 0) return arcs;
  const Wide size = Wide{whole.last - whole.lo} + 1;
  uint64_t cumulative = 0;
  Wide begin = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    cumulative += weights[i];
    const Wide end = size * cumulative / total;
    if (end > begin) {
      arcs[i] =
          Arc{whole.lo + static_cast<uint64_t>(begin), whole.lo + static_cast<uint64_t>(end - 1)};
    }
    begin = end;
  }
  return arcs;
}

int64_t CountSlots(const Arc& arc, uint64_t offset, const SlotRange& range) {
  if (range.until <= range.from) return 0;
  const auto n = static_cast<uint64_t>(range.Size());
  const uint64_t width = arc.last - arc.lo + 1;
  if (width == 0) return range.Size();  // the whole circle: 2^64 points
  // With y = the point of a slot seen from lo, y mod 2^64 < width is floor(y / 2^64) + 1 - floor((y
  // + 2^64 - width) / 2^64).
  const uint64_t first = SlotPoint(range.from, offset) - arc.lo;
  const uint64_t up = 0 - width;
  return static_cast<int64_t>(n + FloorSum(n, kGoldenRotation, first) -
                              FloorSum(n, kGoldenRotation, Wide{first} + up));
}

ArcWalker::ArcWalker(const Arc& arc, uint64_t offset)
    : lo_(arc.lo), span_(arc.last - arc.lo), offset_(offset) {
  BS_CHECK(arc.lo <= arc.last) << arc.lo << " > " << arc.last;
  Steps steps;
  // An arc of one point ends with an arm of 0: the same point again, after all 2^64 others.
  while (steps.Longer() > span_ && steps.Shorter() > 0) steps.Reduce();
  if (span_ == 0) steps = {0, 1, kStepSlotsMax, kStepSlotsMax};
  d1_ = steps.forward;
  d2_ = steps.backward;
  forward_max_ = span_ - d1_;
  q1_ = static_cast<Slot>(steps.forward_slots);
  q2_ = static_cast<Slot>(steps.backward_slots);
}

Slot ArcWalker::Seek(Slot n) {
  uint64_t x = SlotPoint(n, offset_) - lo_;
  auto slot = static_cast<uint64_t>(n);
  Steps steps;
  // x lies on the arc of forward + backward points. Shorten that arc, and step once where x is
  // outside of the shorter one, until the first visit to [0, span].
  while (x > span_) {
    if (x >= steps.Longer()) {
      x -= steps.backward;
      slot += steps.backward_slots;
      if (slot > kStepSlotsMax) break;
    }
    steps.Reduce();
  }
  x_ = std::min(x, span_);
  slot_ = static_cast<Slot>(slot);
  return slot_;
}

}  // namespace broadside
