// Lives at random, by seed. A failure prints its seed and the last events before it.
//
//   SIM_SEED=n      that seed alone
//   SIM_SEEDS=n     so many seeds, from SIM_FIRST (1) on, every SIM_STRIDE'th (1)
//   SIM_GO_ON=1     looks at all of them, also after a failure
//
// Prints what was injected, one `sim: <count> <what>` a line, for run.py to add up.

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/sim/tally.h"
#include "tests/sim/world.h"

namespace broadside::sim {
namespace {

constexpr uint64_t kSeeds = 400;

const World* current = nullptr;
uint64_t current_seed = 0;

// A failed check aborts: says first where it was.
void OnAbort(int /*signal*/) {
  std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(current_seed));
  if (current != nullptr) std::fputs(current->witness().Story().c_str(), stderr);
}

uint64_t FromEnvironment(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

TEST(SimTest, WhateverHappensEverySlotIsFiredOnceAndTheBooksBalance) {
  std::signal(SIGABRT, OnAbort);
  const bool alone = std::getenv("SIM_SEED") != nullptr;
  const bool goes_on = std::getenv("SIM_GO_ON") != nullptr;
  const uint64_t first = FromEnvironment(alone ? "SIM_SEED" : "SIM_FIRST", 1);
  const uint64_t stride = FromEnvironment("SIM_STRIDE", 1);
  const uint64_t seeds = alone ? 1 : FromEnvironment("SIM_SEEDS", kSeeds);
  Tally tally;
  for (uint64_t n = 0; n < seeds; ++n) {
    const uint64_t seed = first + n * stride;
    World world(seed);
    current = &world;
    current_seed = seed;
    world.Run();
    current = nullptr;
    tally.Add(world);
    const Witness& witness = world.witness();
    if (goes_on && witness.Failed()) {
      ADD_FAILURE() << "seed " << seed << ": " << witness.failure();
    } else {
      ASSERT_FALSE(witness.Failed())
          << "seed " << seed << ": " << witness.Story() << "again: SIM_SEED=" << seed;
    }
  }
  std::signal(SIGABRT, SIG_DFL);
  for (const auto& [what, count] : tally.counts())
    std::fprintf(stderr, "sim: %lld %s\n", static_cast<long long>(count), what.c_str());
}

}  // namespace
}  // namespace broadside::sim
