// Whole fleets in virtual time, by seed. A failure prints its seed and the last events before it;
// SIM_SEED=n runs that one alone, SIM_SEEDS=n the first n.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

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
  const uint64_t first = FromEnvironment("SIM_SEED", 1);
  const bool alone = std::getenv("SIM_SEED") != nullptr;
  const uint64_t last = alone ? first : FromEnvironment("SIM_SEEDS", kSeeds);
  std::map<std::string, int> faults;
  uint64_t fired = 0;
  for (uint64_t seed = first; seed <= last; ++seed) {
    World world(seed);
    current = &world;
    current_seed = seed;
    world.Run();
    current = nullptr;
    for (const auto& [fault, count] : world.faults()) faults[fault] += count;
    for (const auto& [state, count] : world.witness().ends())
      faults[std::string("tests ") + std::string(TestStateName(state))] += count;
    fired += world.witness().fired();
    ASSERT_FALSE(world.witness().Failed()) << "seed " << seed << ": " << world.witness().Story();
  }
  std::signal(SIGABRT, SIG_DFL);
  RecordProperty("cases", static_cast<int>(last - first + 1));
  RecordProperty("slots_fired", std::to_string(fired));
  for (const auto& [fault, count] : faults) {
    std::string name = fault;
    std::replace(name.begin(), name.end(), ' ', '_');
    RecordProperty(name, count);
  }
}

}  // namespace
}  // namespace broadside::sim
