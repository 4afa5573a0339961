#include "common/core/curve.h"

#include <algorithm>
#include <utility>

#include "common/core/check.h"

namespace broadside {
namespace {

// __int128 is enough: at most 2000 * 6.1e8 ms * 9e18 micro-slots = 1.1e31 < 1.7e38.
using Wide = __int128;

// 2*d*r0*x + (r1 - r0)*x*x, the integral since the piece's start in units of 1/(2000*d)
// micro-slots.
Wide ScaledIntegral(const Piece& piece, int64_t x) {
  return (Wide{2 * piece.duration_ms} * piece.rate_from +
          Wide{piece.rate_to - piece.rate_from} * x) *
         x;
}

// The last knot of the piece at which the integral is <= c. REQUIRES: c0 <= c.
int64_t LastKnotMs(const Piece& piece, MicroSlots c) {
  if (piece.rate_from == piece.rate_to) {
    // floor(r * x / 1000) <= e is r * x < 1000 * (e + 1).
    if (piece.rate_from == 0) return piece.EndMs();
    const Wide x = (1000 * (Wide{c - piece.c0} + 1) - 1) / piece.rate_from;
    return piece.start_ms + static_cast<int64_t>(std::min(x, Wide{piece.duration_ms}));
  }
  // The same for a ramp is a quadratic: one comparison of products a step, no division, at most 30
  // steps. The answer lies in [low, low + left]; both outcomes halve `left`, so nothing is
  // mispredicted.
  const Wide bound = Wide{2000 * piece.duration_ms} * (Wide{c - piece.c0} + 1);
  int64_t low = 0;
  for (int64_t left = piece.duration_ms; left > 0; left /= 2) {
    const int64_t half = left - left / 2;
    low += ScaledIntegral(piece, low + half) < bound ? half : 0;
  }
  return piece.start_ms + low;
}

// The rate x ms after the piece's start, as planned, rounded down.
MicroRate RateWithin(const Piece& piece, int64_t x) {
  const Wide growth = Wide{piece.rate_to - piece.rate_from} * x;
  // Rates fall as well as rise: divide what is not negative.
  return static_cast<MicroRate>((Wide{piece.rate_from} * piece.duration_ms + growth) /
                                piece.duration_ms);
}

constexpr Slot FirstSlotAtOrAbove(MicroSlots c) { return c / kMicro + (c % kMicro != 0 ? 1 : 0); }

void CheckPieces(const std::vector<Piece>& pieces) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    BS_CHECK(pieces[i].duration_ms > 0) << "piece " << i;
    if (i == 0) continue;
    const Piece& before = pieces[i - 1];
    BS_CHECK(before.start_ms < pieces[i].start_ms && pieces[i].start_ms <= before.EndMs())
        << "piece " << i << " starts at " << pieces[i].start_ms << " ms";
  }
}

}  // namespace

MicroSlots Piece::At(int64_t ms) const {
  const int64_t x = ms - start_ms;
  if (rate_from == rate_to) return c0 + static_cast<MicroSlots>(Wide{rate_from} * x / 1000);
  return c0 + static_cast<MicroSlots>(ScaledIntegral(*this, x) / (2000 * duration_ms));
}

Curve Curve::FromStages(const std::vector<Stage>& stages) {
  Curve curve;
  curve.pieces_.reserve(stages.size());
  int64_t start_ms = 0;
  MicroSlots c0 = 0;
  for (const Stage& stage : stages) {
    curve.pieces_.push_back({start_ms, stage.duration_ms, c0, stage.rate_from, stage.rate_to});
    start_ms = curve.pieces_.back().EndMs();
    c0 = curve.pieces_.back().At(start_ms);
  }
  CheckPieces(curve.pieces_);
  return curve;
}

Curve Curve::FromPieces(std::vector<Piece> pieces) {
  CheckPieces(pieces);
  Curve curve;
  curve.pieces_ = std::move(pieces);
  return curve;
}

size_t Curve::PieceIndex(int64_t ms) const {
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), ms,
                                      [](int64_t t, const Piece& p) { return t < p.start_ms; });
  return static_cast<size_t>(after - pieces_.begin()) - 1;
}

int64_t Curve::PieceEndMs(size_t i) const {
  return i + 1 < pieces_.size() ? pieces_[i + 1].start_ms : pieces_[i].EndMs();
}

MicroSlots Curve::At(int64_t ms) const {
  if (pieces_.empty()) return 0;
  if (ms <= pieces_.front().start_ms) return pieces_.front().c0;
  return pieces_[PieceIndex(ms)].At(std::min(ms, EndMs()));
}

MicroRate Curve::RateAt(int64_t ms) const {
  if (pieces_.empty() || ms < pieces_.front().start_ms || ms >= EndMs()) return 0;
  const Piece& piece = pieces_[PieceIndex(ms)];
  return RateWithin(piece, ms - piece.start_ms);
}

MicroRate Curve::PeakRateFrom(int64_t ms) const {
  MicroRate peak = 0;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    const int64_t end_ms = PieceEndMs(i);
    if (end_ms <= ms) continue;
    const int64_t from_ms = std::max(ms, piece.start_ms);
    peak = std::max({peak, RateWithin(piece, from_ms - piece.start_ms),
                     RateWithin(piece, end_ms - piece.start_ms)});
  }
  return peak;
}

SlotRange Curve::SlotsBetween(int64_t from_ms, int64_t until_ms) const {
  return {FirstSlotAtOrAbove(At(from_ms)), FirstSlotAtOrAbove(At(until_ms))};
}

TestTime Curve::Due(Slot n) const {
  const MicroSlots c = n * kMicro;
  // The last piece with c0 <= c: after a pause the slot belongs to the piece behind it.
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), c,
                                      [](MicroSlots v, const Piece& p) { return v < p.c0; });
  BS_CHECK(after != pieces_.begin()) << "slot " << n << " lies before the curve";
  const Piece& piece = *(after - 1);
  const int64_t knot_ms = LastKnotMs(piece, c);
  BS_CHECK(knot_ms < PieceEndMs(static_cast<size_t>(after - pieces_.begin()) - 1))
      << "slot " << n << " lies after the curve";
  const MicroSlots knot_c = piece.At(knot_ms);
  const MicroSlots next_c = piece.At(knot_ms + 1);
  return TestTime(Millis(knot_ms) + Nanos((c - knot_c) * kMicro / (next_c - knot_c)));
}

std::vector<Piece> Curve::PiecesBetween(int64_t from_ms, int64_t until_ms) const {
  std::vector<Piece> excerpt;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    if (pieces_[i].start_ms < until_ms && PieceEndMs(i) > from_ms) excerpt.push_back(pieces_[i]);
  }
  return excerpt;
}

Curve Curve::WithRateFrom(int64_t from_ms, MicroRate rate) const {
  const int64_t end_ms = EndMs();
  if (from_ms >= end_ms) return *this;
  const int64_t start_ms = std::max(from_ms, pieces_.front().start_ms);
  Curve changed;
  for (const Piece& piece : pieces_) {
    if (piece.start_ms < start_ms) changed.pieces_.push_back(piece);
  }
  changed.pieces_.push_back({start_ms, end_ms - start_ms, At(start_ms), rate, rate});
  return changed;
}

DueCursor::DueCursor(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  CheckPieces(pieces_);
}

void DueCursor::MoveTo(MicroSlots c) {
  BS_CHECK(!pieces_.empty() && pieces_.front().c0 <= c) << c << " lies before the excerpt";
  const size_t last_piece = piece_;
  while (piece_ + 1 < pieces_.size() && pieces_[piece_ + 1].c0 <= c) ++piece_;
  const Piece& piece = pieces_[piece_];
  if (piece_ == last_piece && next_c_ >= piece.c0 && knot_ms_ + 1 < piece.EndMs()) {
    // The next millisecond is the common case; it needs one new knot.
    const MicroSlots after_next = piece.At(knot_ms_ + 2);
    if (c < after_next) {
      ++knot_ms_;
      knot_c_ = std::exchange(next_c_, after_next);
      return;
    }
  }
  knot_ms_ = LastKnotMs(piece, c);
  BS_CHECK(knot_ms_ < piece.EndMs()) << c << " lies after the excerpt";
  knot_c_ = piece.At(knot_ms_);
  next_c_ = piece.At(knot_ms_ + 1);
}

}  // namespace broadside
