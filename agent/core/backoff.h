#pragma once

// How long to wait before the next attempt to reach the controller: uniform in [b / 2, b], b
// doubling from twice limits::kBackoffMin to limits::kBackoffMax, so that a fleet that lost its
// controller does not come back at once. Value type, no thread; the same seed gives the same waits.

#include <cstdint>

#include "common/core/time.h"

namespace broadside {

class Backoff {
 public:
  explicit Backoff(uint64_t seed) : state_(seed) {}
  Nanos Next();
  // `wait` lengthened at random by up to a fifth: for waits that somebody else gave to many agents
  // at once.
  Nanos Spread(Nanos wait);
  // After a success.
  void Reset() { attempts_ = 0; }

 private:
  // Uniform in [0, below).
  int64_t Random(int64_t below);

  uint64_t state_;
  int attempts_ = 0;
};

}  // namespace broadside
