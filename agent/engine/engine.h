#pragma once

// The load generator of one agent: N shards, each one thread that owns its pacer, connections and
// recorder. Nothing is shared between shards, and nothing is allocated, locked or waited for per
// request after warm-up.
//
// All methods are called from one thread, the agent's home. They post to the shards and return at
// once. Callbacks run on a shard's thread: give ones that only post to home. Stop joins the
// threads; after it no callback runs.
//
// Time is CLOCK_BOOTTIME. What slots, times and outcomes mean, and how connections are renewed, is
// in docs/methodology.md.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/engine/resolver.h"
#include "common/core/clock_map.h"
#include "common/core/segment.h"
#include "common/core/summary.h"
#include "common/core/test_spec.h"

namespace broadside {

struct EngineOptions {
  int shards = 1;
  // Sent as User-Agent unless the spec has one.
  std::string user_agent = "broadside";
  // Adds `X-Broadside-Slot: n` to each request, so that a target can check that every slot comes
  // once. For tests: it costs a copy of the head per request.
  bool slot_header = false;
  // How names become addresses, and how often; another way in tests.
  Lookup lookup = LookUp;
  Resolver::Times resolving = {};
};

// Health and counters of the shards since their last collection (rates) or since the start
// (totals).
struct EngineStats {
  Nanos loop_delay{0};                 // worst
  Nanos cursor_lag{0};                 // worst
  double cpu_fraction = 0;             // busiest shard
  uint64_t requests_sent = 0;          // total
  uint64_t connections_opened = 0;     // total
  uint64_t connections_open = 0;       // now
  uint64_t connects_failed = 0;        // total, with those that belong to no slot
  uint64_t replaced = 0;               // total: connections renewed by age
  uint64_t ports_exhausted = 0;        // total
  uint64_t descriptors_exhausted = 0;  // total
  uint64_t stamps_clamped = 0;         // total: receive stamps outside [sent, now]
  uint64_t in_flight = 0;              // now
};

class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();  // stops
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Prepares a test: connects nothing before it has a grant. Then some connections are opened while
  // its first slot is not due yet.
  void StartTest(const TestId& test, std::shared_ptr<const TestSpec> spec, const ClockMap& clock);
  // The map after a slew; it continues the one before without a step.
  void SetClock(const TestId& test, const ClockMap& clock);
  // Adds a grant; k ascends. Slots that were due before now are booked as skipped.
  void Extend(const TestId& test, const Grant& grant);
  // Sends nothing more of the test: what is granted and unsent becomes cancelled, what is in flight
  // goes on to its own end. `done` runs once every shard has stopped sending. Idempotent.
  void Cut(const TestId& test, std::function<void()> done);
  // Ends what is in flight of the test as abandoned and frees everything. Its last results are in
  // the next Collect.
  void Abandon(const TestId& test);
  // Frees a test that is over. Results not yet collected are dropped.
  void Forget(const TestId& test);

  // Takes all results since the last collection, merged over the shards, together with the stats.
  // `done` runs once.
  void Collect(std::function<void(std::vector<TestDelta>, EngineStats)> done);

  void Stop();
  int shards() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace broadside
