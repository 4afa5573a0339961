#include "common/core/segment.h"

namespace broadside {
namespace {

// FNV-1a over the little-endian bytes of each number.
class Hasher {
 public:
  void Add(uint64_t value) {
    for (int i = 0; i < 8; ++i) {
      hash_ = (hash_ ^ (value & 0xff)) * 0x100000001b3ull;
      value >>= 8;
    }
  }
  uint64_t hash() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325ull;
};

}  // namespace

uint64_t GrantHash(const Grant& grant) {
  const Segment& segment = grant.segment;
  Hasher hasher;
  hasher.Add(static_cast<uint64_t>(segment.k));
  hasher.Add(static_cast<uint64_t>(segment.slots.from));
  hasher.Add(static_cast<uint64_t>(segment.slots.until));
  hasher.Add(grant.arc.lo);
  hasher.Add(grant.arc.last);
  for (const Piece& piece : segment.pieces) {
    hasher.Add(static_cast<uint64_t>(piece.start_ms));
    hasher.Add(static_cast<uint64_t>(piece.duration_ms));
    hasher.Add(static_cast<uint64_t>(piece.c0));
    hasher.Add(static_cast<uint64_t>(piece.rate_from));
    hasher.Add(static_cast<uint64_t>(piece.rate_to));
  }
  return hasher.hash();
}

}  // namespace broadside
