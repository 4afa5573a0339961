#pragma once

// A load generator in virtual time, with the interface of agent/engine: fires each granted slot
// once when it is due, with an outcome and a delay by chance, and keeps the same books
// (settled_through and closed_through as agent/engine/recorder.h). It tells the witness what it
// really did. Single-threaded.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "common/core/clock_map.h"
#include "common/core/segment.h"
#include "common/core/summary.h"
#include "common/core/test_spec.h"
#include "tests/sim/timeline.h"
#include "tests/sim/witness.h"

namespace broadside::sim {

class EngineModel {
 public:
  EngineModel(const Incarnation& incarnation, uint64_t seed, Witness* witness)
      : incarnation_(incarnation), random_(seed), witness_(witness) {}

  void Start(const TestId& test, std::shared_ptr<const TestSpec> spec, const ClockMap& clock);
  void SetClock(const TestId& test, const ClockMap& clock);
  void Extend(const TestId& test, const Grant& grant, BootTime now);
  void Cut(const TestId& test);
  void Abandon(const TestId& test);
  void Forget(const TestId& test);
  std::vector<TestDelta> Collect(BootTime now);

  // Fires what is due, ends what has its answer.
  void Advance(BootTime now);
  // When Advance has something to do next; BootTime::max() for never.
  BootTime NextWake() const;

 private:
  struct Waiting {
    Slot slot;
    int64_t k;
    TestTime due;
  };
  struct Flight {
    int64_t k;
    Outcome outcome;
    Nanos lag;
    TestTime due;
  };
  struct Due {
    int64_t open = 0;
    DueSummary summary;
  };
  struct Done {
    uint64_t completed = 0;
    Histogram response;
    Histogram lag;
  };
  struct Load {
    std::shared_ptr<const TestSpec> spec;
    ClockMap clock;
    bool cut = false;
    std::deque<Waiting> waiting;
    std::multimap<BootTime, Flight> flights;  // by the time of their end
    std::map<int64_t, Due> due;
    std::map<int64_t, Done> done;
    int64_t extended_through = -1;
    int64_t settled_through = -1;
    int64_t closed_through = -1;
  };

  void Book(const TestId& test, Load& load, int64_t k, Outcome outcome);
  void Fire(const TestId& test, Load& load, const Waiting& slot, BootTime now);
  void End(const TestId& test, Load& load, const Flight& flight, BootTime at);
  TestDelta Take(const TestId& test, Load& load, BootTime now);

  Incarnation incarnation_;
  Random random_;
  Witness* witness_;
  std::map<TestId, Load> loads_;
};

}  // namespace broadside::sim
