#include <utility>

#include "absl/numeric/int128.h"
#include "common/core/limits.h"
#include "common/wire/field_check.h"
#include "common/wire/fleet_proto.h"

namespace broadside {
namespace {

using internal::CheckWithin;
using internal::FirstError;
using internal::Under;

constexpr int64_t kTestMsMax = limits::kTestDurationMax.count();
constexpr int64_t kMicroSlotsMax = limits::kSlotsMax * kMicro;
// Within one second there are at most 1,000 stages of 1 ms; a live change can add one cut.
constexpr int64_t kPiecesMax = static_cast<int64_t>(limits::kStagesMax) + 1;

absl::StatusOr<Piece> PieceFromProto(const v1::Piece& proto) {
  absl::Status s = FirstError(CheckWithin("start_ms", proto.start_ms(), 0, kTestMsMax),
                              CheckWithin("duration_ms", proto.duration_ms(), 1, kTestMsMax),
                              CheckWithin("c0", proto.c0(), 0, kMicroSlotsMax),
                              CheckWithin("rate_from", proto.rate_from(), 0, limits::kMicroRateMax),
                              CheckWithin("rate_to", proto.rate_to(), 0, limits::kMicroRateMax));
  if (!s.ok()) return s;
  const Piece piece{proto.start_ms(), proto.duration_ms(), proto.c0(), proto.rate_from(),
                    proto.rate_to()};
  // As a whole in 128 bits, before `At` computes in 64.
  const auto growth = absl::int128(piece.rate_from + piece.rate_to) * piece.duration_ms / 2000;
  if (piece.c0 + growth > kMicroSlotsMax) {
    return InvalidArgument("c0: ", piece.c0, " leads to more than ", kMicroSlotsMax);
  }
  return piece;
}

absl::Status PiecesFromProto(const v1::Grant& proto, std::vector<Piece>& pieces) {
  if (absl::Status s = internal::CheckSize("pieces", proto.pieces_size(), kPiecesMax); !s.ok()) {
    return s;
  }
  pieces.reserve(static_cast<size_t>(proto.pieces_size()));
  for (int i = 0; i < proto.pieces_size(); ++i) {
    absl::StatusOr<Piece> piece = PieceFromProto(proto.pieces(i));
    if (!piece.ok()) return Under("pieces", i, piece.status());
    if (i > 0) {
      const Piece& before = pieces.back();
      if (piece->start_ms != before.EndMs() || piece->c0 != before.At(before.EndMs())) {
        return InvalidArgument("pieces[", i, "]: does not begin where the piece before it ends");
      }
    }
    pieces.push_back(*piece);
  }
  return absl::OkStatus();
}

// Every slot of the segment is due within the pieces, and the pieces touch the segment.
absl::Status CheckSlotsInPieces(const Segment& segment) {
  if (segment.slots.Size() == 0) return absl::OkStatus();
  if (segment.pieces.empty())
    return InvalidArgument("pieces: none for ", segment.slots.Size(), " slots");
  const Piece& first = segment.pieces.front();
  const Piece& last = segment.pieces.back();
  const int64_t begin_ms = segment.k * 1000;
  if (first.start_ms >= begin_ms + 1000 || last.EndMs() <= begin_ms) {
    return InvalidArgument("pieces: ", first.start_ms, " to ", last.EndMs(),
                           " ms are outside of segment ", segment.k);
  }
  const MicroSlots first_slot = segment.slots.from * kMicro;
  const MicroSlots last_slot = (segment.slots.until - 1) * kMicro;
  if (first_slot < first.c0 || last_slot >= last.At(last.EndMs())) {
    return InvalidArgument("pieces: do not hold the slots ", segment.slots.from, " to ",
                           segment.slots.until);
  }
  return absl::OkStatus();
}

}  // namespace

void ToProto(const Piece& piece, v1::Piece* proto) {
  proto->set_start_ms(piece.start_ms);
  proto->set_duration_ms(piece.duration_ms);
  proto->set_c0(piece.c0);
  proto->set_rate_from(piece.rate_from);
  proto->set_rate_to(piece.rate_to);
}

void ToProto(const Grant& grant, v1::Grant* proto) {
  proto->set_k(grant.segment.k);
  proto->set_slot_from(grant.segment.slots.from);
  proto->set_slot_until(grant.segment.slots.until);
  proto->set_arc_lo(grant.arc.lo);
  proto->set_arc_last(grant.arc.last);
  proto->mutable_pieces()->Reserve(static_cast<int>(grant.segment.pieces.size()));
  for (const Piece& piece : grant.segment.pieces) ToProto(piece, proto->add_pieces());
  proto->set_kind(grant.segment.kind == SegmentKind::kBridge ? v1::SEGMENT_KIND_BRIDGE
                                                             : v1::SEGMENT_KIND_PLANNED);
}

absl::StatusOr<Grant> FromProto(const v1::Grant& proto) {
  Grant grant;
  Segment& segment = grant.segment;
  segment.k = proto.k();
  segment.slots = {proto.slot_from(), proto.slot_until()};
  segment.kind =
      proto.kind() == v1::SEGMENT_KIND_BRIDGE ? SegmentKind::kBridge : SegmentKind::kPlanned;
  grant.arc = {proto.arc_lo(), proto.arc_last()};
  absl::Status s = FirstError(
      CheckWithin("k", proto.k(), 0, limits::kSegmentMax),
      CheckWithin("slot_from", proto.slot_from(), 0, limits::kSlotsMax),
      CheckWithin("slot_until", proto.slot_until(), proto.slot_from(), limits::kSlotsMax),
      proto.arc_lo() <= proto.arc_last()
          ? absl::OkStatus()
          : InvalidArgument("arc_last: ", proto.arc_last(), " is below ", proto.arc_lo()));
  if (s.ok()) s = PiecesFromProto(proto, segment.pieces);
  if (s.ok()) s = CheckSlotsInPieces(segment);
  if (!s.ok()) return s;
  return grant;
}

}  // namespace broadside
