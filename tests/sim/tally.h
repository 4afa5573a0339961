#pragma once

// Sums over many lives: what was injected, what became of the tests, how much was looked at. A
// count whose name ends in "(most)" is a maximum. Value type, no thread.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "tests/sim/world.h"

namespace broadside::sim {

class Tally {
 public:
  void Add(const World& world) {
    const Witness& witness = world.witness();
    for (const auto& [fault, count] : world.faults()) counts_["fault: " + fault] += count;
    for (const auto& [state, count] : witness.ends())
      counts_["tests " + std::string(TestStateName(state))] += count;
    counts_["seeds"] += 1;
    counts_["violations"] += witness.Failed() ? 1 : 0;
    counts_["simulated seconds"] += world.now() / Seconds(1);
    counts_["sends, each against the ceiling"] += static_cast<int64_t>(witness.fired());
    counts_["slots unknown, each explained"] += static_cast<int64_t>(witness.unknown());
    counts_["seconds of load after healing, each whole"] += witness.live_seconds();
    const std::string clocks = world.wild_clocks() ? "stepped clocks" : "steady clocks";
    Most("ms that a sender's clock was off, " + clocks + " (most)", witness.clock_error_seen());
    Most("ms that a restarted controller's T0 was off, " + clocks + " (most)",
         witness.shift_seen());
  }
  const std::map<std::string, int64_t>& counts() const { return counts_; }

 private:
  void Most(const std::string& what, Nanos value) {
    counts_[what] = std::max<int64_t>(counts_[what], value / Millis(1));
  }
  std::map<std::string, int64_t> counts_;
};

}  // namespace broadside::sim
