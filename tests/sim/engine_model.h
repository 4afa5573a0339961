#pragma once

// A load generator in virtual time, with the interface of agent/engine: the real Pacer and Recorder
// of each shard, and in place of sockets a target that connects and answers by chance. Wakes when
// ShardLoad would, keeps to the limit of connections and to max_lateness as it does, and tells the
// witness what was really sent.
// Single-threaded.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "agent/engine/pacer.h"
#include "agent/engine/recorder.h"
#include "common/core/clock_map.h"
#include "common/core/segment.h"
#include "common/core/summary.h"
#include "common/core/test_spec.h"
#include "tests/sim/timeline.h"
#include "tests/sim/witness.h"

namespace broadside::sim {

class EngineModel {
 public:
  EngineModel(const Incarnation& incarnation, int shards, uint64_t seed)
      : incarnation_(incarnation), shards_(shards), random_(seed) {}

  // As in Engine; `witness` hears of everything that is sent.
  void Start(const TestId& test, std::shared_ptr<const TestSpec> spec, const ClockMap& clock,
             Witness* witness);
  void SetClock(const TestId& test, const ClockMap& clock);
  void Extend(const TestId& test, const Grant& grant, BootTime now, Witness* witness);
  void Cut(const TestId& test);
  void Abandon(const TestId& test);
  void Forget(const TestId& test);
  std::vector<TestDelta> Collect(BootTime now);

  // From now on no connect takes long.
  void Heal() { long_connects_ = false; }
  // Ends what has its answer, sends what is due.
  void Advance(BootTime now);
  // When Advance has something to do next; BootTime::max() for never.
  BootTime NextWake(BootTime now) const;
  // How many slots are on their way. None when nothing was granted.
  size_t in_flight() const;

 private:
  struct Flight {
    DueSlot slot;
    BootTime intended;
    BootTime deadline;
    BootTime began;  // dispatched, then sent
    BootTime ends;   // the connect that it waits for, then the answer
    bool sent = false;
    Outcome outcome = Outcome::kOk;
    bool resent = false;
    friend bool operator<(const Flight& a, const Flight& b) { return a.ends > b.ends; }
  };
  struct Shard {
    Shard(const PacerOptions& options, const TestId& test, size_t connections)
        : pacer(options), recorder(test), limit(connections) {}
    Pacer pacer;
    Recorder recorder;
    size_t limit;                 // of connections
    std::vector<Flight> flights;  // a heap: the next to end is first
  };
  struct Load {
    TestId test;
    std::shared_ptr<const TestSpec> spec;
    ClockMap clock;
    Witness* witness = nullptr;
    std::deque<Shard> shards;
  };

  static void Book(Load& load, Shard& shard, int64_t k, Outcome outcome, uint64_t slots = 1);
  static void BookUnsent(Load& load, Shard& shard);
  static void End(Load& load, Shard& shard, const Flight& flight, BootTime at);
  void Dispatch(Load& load, Shard& shard, const DueSlot& slot, BootTime now);
  void Connected(Load& load, Shard& shard, Flight flight, BootTime now);
  void Send(Load& load, Shard& shard, Flight flight, BootTime now);
  static void Push(Shard& shard, const Flight& flight);

  Incarnation incarnation_;
  int shards_;
  Random random_;
  bool long_connects_ = true;
  std::map<TestId, Load> loads_;
};

}  // namespace broadside::sim
