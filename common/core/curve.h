#pragma once

// The rate curve of a test and its exact inverse, in integers.
//
// The integral of the curve numbers the arrivals of the whole cluster: slot n is due when the
// integral reaches n. Rates are whole micro-slots per second, stage times whole milliseconds,
// counts whole micro-slots, intermediate products 128-bit; no floating point decides anything. With
// piece {t0, d, c0, r0, r1} and x = t - t0 in ms:
//
//   C(t) = c0 + floor((2*d*r0*x + (r1 - r0)*x*x) / (2000*d))  at ms knots, linear between them
//   slots of [t, u) = { n : C(t) <= n*10^6 < C(u) };  with j the last knot with C(j) <= n*10^6
//   due(n) = j ms + floor((n*10^6 - C(j)) * 10^6 / (C(j+1) - C(j))) ns
//
// so a pause postpones slots and never repeats one. Value types, no thread. `At` is O(log pieces),
// `Due` O(log) and about 0.2 us, `DueCursor` about 3 ns a slot in ascending order.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/core/time.h"

namespace broadside {

using MicroRate = int64_t;   // micro-slots per second: 1 rps is 1,000,000
using MicroSlots = int64_t;  // 10^-6 slots; at most 9e18 (9e12 slots)
using Slot = int64_t;        // number of an arrival of the whole cluster, from 0

inline constexpr int64_t kMicro = 1'000'000;

// Half-open range of slots; may be empty.
struct SlotRange {
  Slot from = 0;
  Slot until = 0;
  int64_t Size() const { return until - from; }
  friend bool operator==(const SlotRange&, const SlotRange&) = default;
};

// One stretch of constant or linearly ramping rate. c0 is the integral at its start.
struct Piece {
  int64_t start_ms = 0;
  int64_t duration_ms = 0;
  MicroSlots c0 = 0;
  MicroRate rate_from = 0;
  MicroRate rate_to = 0;

  // C at `ms`, which lies in [start_ms, start_ms + duration_ms].
  MicroSlots At(int64_t ms) const;
  int64_t EndMs() const { return start_ms + duration_ms; }
  friend bool operator==(const Piece&, const Piece&) = default;
};

// One stage of a load profile as the user wrote it.
struct Stage {
  int64_t duration_ms = 0;
  MicroRate rate_from = 0;
  MicroRate rate_to = 0;
  friend bool operator==(const Stage&, const Stage&) = default;
};

// A sequence of pieces from 0 ms on, without gaps. A piece holds until the next one starts, at the
// latest until its own end: a live change cuts a ramp short without changing its slope, its slots
// or its bytes, so segments that were granted before stay what they were. Immutable; WithRateFrom
// returns a new curve.
class Curve {
 public:
  Curve() = default;
  // REQUIRES: stages within limits.h (validated specs are).
  static Curve FromStages(const std::vector<Stage>& stages);
  // REQUIRES: each piece lasts at least 1 ms and starts after the start and at the latest at the
  // end of the one before it, with the integral there as c0. They may begin after 0 ms (a segment's
  // excerpt).
  static Curve FromPieces(std::vector<Piece> pieces);

  // The integral at `ms`; constant before the first and after the last piece.
  MicroSlots At(int64_t ms) const;
  // The rate at `ms` as planned (right-hand limit at a knot); 0 outside.
  MicroRate RateAt(int64_t ms) const;
  // Highest rate at or after `ms`.
  MicroRate PeakRateFrom(int64_t ms) const;
  // The slots due in [from_ms, until_ms).
  SlotRange SlotsBetween(int64_t from_ms, int64_t until_ms) const;
  // The slots of segment k, [k, k+1) seconds.
  SlotRange SegmentSlots(int64_t k) const { return SlotsBetween(k * 1000, k * 1000 + 1000); }
  // All slots of the curve.
  int64_t TotalSlots() const { return SlotsBetween(0, EndMs()).until; }
  // When slot n is due. REQUIRES: n is a slot of the curve.
  TestTime Due(Slot n) const;
  // The pieces that hold somewhere in [from_ms, until_ms), whole: an excerpt with which Due gives
  // the same times there.
  std::vector<Piece> PiecesBetween(int64_t from_ms, int64_t until_ms) const;
  // This curve up to from_ms, then the constant `rate` until the original end; the same curve when
  // from_ms is not before its end.
  Curve WithRateFrom(int64_t from_ms, MicroRate rate) const;

  int64_t EndMs() const { return pieces_.empty() ? 0 : pieces_.back().EndMs(); }
  // Number of segments that cover the curve.
  int64_t SegmentCount() const { return (EndMs() + 999) / 1000; }
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  // Index of the piece that holds at `ms`. REQUIRES: the first start <= ms.
  size_t PieceIndex(int64_t ms) const;
  // Where piece i stops to hold.
  int64_t PieceEndMs(size_t i) const;
  std::vector<Piece> pieces_;
};

// Due times of ascending slots of one excerpt. Keeps the millisecond of the last slot, so a step
// costs one 64-bit division; a pause or a rate of millionths costs one search, not a walk.
class DueCursor {
 public:
  // REQUIRES: as Curve::FromPieces.
  explicit DueCursor(std::vector<Piece> pieces);
  // REQUIRES: n is a slot of the excerpt and not below the last n given.
  TestTime Due(Slot n) {
    const MicroSlots c = n * kMicro;
    if (c >= next_c_) MoveTo(c);
    // At most 10^10 micro-slots a millisecond: the product fits 64 bits.
    const auto into = static_cast<uint64_t>(c - knot_c_) * kMicro;
    const uint64_t into_ns = into / static_cast<uint64_t>(next_c_ - knot_c_);
    return TestTime(Millis(knot_ms_) + Nanos(static_cast<int64_t>(into_ns)));
  }

 private:
  void MoveTo(MicroSlots c);  // makes [knot_ms_, knot_ms_ + 1) the millisecond that holds c
  std::vector<Piece> pieces_;
  size_t piece_ = 0;
  int64_t knot_ms_ = 0;
  MicroSlots knot_c_ = 0;
  MicroSlots next_c_ =
      INT64_MIN;  // the integral at knot_ms_ + 1; before the first slot, below every slot
};

}  // namespace broadside
