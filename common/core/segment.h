#pragma once

// The plan is a log of segments. Segment k covers [k, k+1) seconds of test time and holds the slots
// [from, until) of the curve; a grant is one agent's part of it. An appended segment never changes,
// and a grant of segment k is always the same, however often it is sent. Value types, no thread.

#include <cstdint>
#include <vector>

#include "common/core/arc.h"
#include "common/core/curve.h"

namespace broadside {

enum class SegmentKind : uint8_t {
  kPlanned = 0,
  kBridge = 1,  // appended ahead by a controller that is about to restart; ordinary to the agents
};

struct Segment {
  int64_t k = 0;
  SlotRange slots;
  std::vector<Piece> pieces;  // excerpt of the curve over [k, k+1) s: all that pacing needs
  SegmentKind kind = SegmentKind::kPlanned;
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct Grant {
  Segment segment;
  Arc arc;
  friend bool operator==(const Grant&, const Grant&) = default;
};

// Identifies a grant's content; stable over machines and versions. An agent and the controller that
// disagree about the hash of the last grant have different plans: the controller's store was lost.
uint64_t GrantHash(const Grant& grant);

}  // namespace broadside
