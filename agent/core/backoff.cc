#include "agent/core/backoff.h"

#include <algorithm>

#include "common/core/limits.h"

namespace broadside {

int64_t Backoff::Random(int64_t below) {
  // SplitMix64 (Steele, Lea, Flood 2014); the bias of the remainder is below 2^-30 for waits.
  state_ += 0x9e3779b97f4a7c15ull;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  return static_cast<int64_t>(z % static_cast<uint64_t>(below));
}

Nanos Backoff::Next() {
  Nanos base = limits::kBackoffMin * 2;
  for (int i = 0; i < attempts_; ++i) base = std::min<Nanos>(base * 2, limits::kBackoffMax);
  if (base < limits::kBackoffMax) ++attempts_;
  return base / 2 + Nanos(Random((base / 2).count() + 1));
}

Nanos Backoff::Spread(Nanos wait) { return wait + Nanos(Random(wait.count() / 5 + 1)); }

}  // namespace broadside
