#pragma once

// Seeded random cases for property tests: the seed of a case is printed when it fails, and the
// number of cases is recorded. Single-threaded. The generator is written out here, so that a seed
// means the same on every standard library.

#include <gtest/gtest.h>

#include <cstdint>

namespace broadside {

class Cases {
 public:
  explicit Cases(uint64_t seed) : state_(seed) {}

  // splitmix64.
  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15ull;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // Uniform in [low, high].
  int64_t Between(int64_t low, int64_t high) {
    const uint64_t size = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
    const uint64_t above = size == 0 ? Next() : Next() % size;
    return static_cast<int64_t>(static_cast<uint64_t>(low) + above);
  }
  // About uniform in the logarithm of [1, high]: small and large values are equally frequent.
  int64_t Logarithmic(int64_t high) {
    int64_t bits = 1;
    while (bits < 62 && (int64_t{1} << bits) <= high) ++bits;
    return 1 + Between(0, (int64_t{1} << Between(0, bits)) - 1) % high;
  }
  bool OneIn(int64_t n) { return Between(1, n) == 1; }

 private:
  uint64_t state_;
};

// Runs `property(cases)` for `count` seeds from 1 on; stops at the first that fails.
template <typename Property>
void ForEachSeed(int count, Property property) {
  ::testing::Test::RecordProperty("cases", count);
  for (int seed = 1; seed <= count; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    Cases cases(static_cast<uint64_t>(seed));
    property(cases);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace broadside
