#pragma once

// Drives a real Engine against a server on loopback, for tests: a spec of one line, all grants at
// once, and the merged results when every slot has its outcome. Further tests may run beside it.
// One thread.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/engine.h"
#include "common/core/curve.h"
#include "common/net/clock.h"

namespace broadside {

// GET / on 127.0.0.1:port with `rate` slots a second for `duration`.
inline TestSpec SpecFor(uint16_t port, int64_t rate, Millis duration) {
  TestSpec spec;
  spec.name = "engine test";
  spec.target.host = "127.0.0.1";
  spec.target.port = port;
  spec.target.url = "http://127.0.0.1:" + std::to_string(port) + "/";
  spec.load.stages = {{duration.count(), rate * kMicro, rate * kMicro}};
  return spec;
}

inline std::vector<Grant> GrantsOf(const TestSpec& spec, const Arc& arc = {}) {
  const Curve curve = Curve::FromStages(spec.load.stages);
  std::vector<Grant> grants;
  for (int64_t k = 0; k < curve.SegmentCount(); ++k) {
    Segment segment{k, curve.SegmentSlots(k), curve.PiecesBetween(k * 1000, k * 1000 + 1000)};
    grants.push_back({std::move(segment), arc});
  }
  return grants;
}

// Sums over the intervals.
struct Totals {
  OutcomeCounts outcomes;
  std::array<uint64_t, kTimeoutPhaseCount> timeouts_by_phase{};
  DoneSummary done;
  int64_t settled_through = -1;

  void Add(const TestDelta& delta) {
    for (const auto& [k, due] : delta.by_due) {
      outcomes += due.outcomes;
      for (size_t i = 0; i < kTimeoutPhaseCount; ++i) {
        timeouts_by_phase[i] += due.timeouts_by_phase[i];
      }
    }
    for (const auto& [k, summary] : delta.by_done) done.Merge(summary);
    settled_through = delta.settled_through;
  }
};

class EngineHarness {
 public:
  static constexpr char kTest[] = "test-1";
  static constexpr Nanos kLead = Millis(50);  // in which the grants arrive

  explicit EngineHarness(TestSpec spec, EngineOptions options = {})
      : spec_(std::make_shared<const TestSpec>(std::move(spec))), engine_(std::move(options)) {
    engine_.StartTest(kTest, spec_, ClockMap(BootNow() + Seconds(3600)));
    Collect();  // the shards are ready, however busy the machine is
    engine_.SetClock(kTest, ClockMap(BootNow() + kLead));
  }

  // Moves T0.
  void StartIn(Nanos lead) { engine_.SetClock(kTest, ClockMap(BootNow() + lead)); }
  // Another test with all its grants, that starts after the lead too.
  void RunBeside(const TestId& test, const TestSpec& spec) {
    engine_.StartTest(test, std::make_shared<const TestSpec>(spec), ClockMap(BootNow() + kLead));
    for (const Grant& grant : GrantsOf(spec)) engine_.Extend(test, grant);
  }
  void GrantAll() {
    for (const Grant& grant : GrantsOf(*spec_)) engine_.Extend(kTest, grant);
  }
  int64_t planned() const { return Curve::FromStages(spec_->load.stages).TotalSlots(); }
  int64_t last_segment() const { return Curve::FromStages(spec_->load.stages).SegmentCount() - 1; }

  // One collection, added to the totals.
  void Collect() {
    bool arrived = false;
    engine_.Collect([&](std::vector<TestDelta> deltas, EngineStats stats) {
      const std::lock_guard lock(mutex_);
      for (const TestDelta& delta : deltas) totals_[delta.test].Add(delta);
      stats_ = stats;
      arrived = true;
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived; });
  }
  // Collects until `condition` holds; false when it does not within 20 s.
  template <typename Condition>
  bool CollectUntil(Condition condition) {
    const BootTime limit = BootNow() + Seconds(20);
    for (;;) {
      Collect();
      if (condition()) return true;
      if (BootNow() > limit) return false;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, Millis(2));
    }
  }
  bool CollectUntilSettled() {
    return CollectUntil([this] { return totals().settled_through >= last_segment(); });
  }
  // Grants everything and waits until it is settled.
  bool Run() {
    GrantAll();
    return CollectUntilSettled();
  }
  // Cuts and waits until all shards have.
  void Cut() {
    bool cut = false;
    engine_.Cut(kTest, [&] {
      const std::lock_guard lock(mutex_);
      cut = true;
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cut; });
  }

  Engine& engine() { return engine_; }
  const Totals& totals(const TestId& test = kTest) const { return totals_.at(test); }
  const EngineStats& stats() const { return stats_; }
  uint64_t outcome(Outcome outcome) const { return totals().outcomes[outcome]; }
  // "ok 3, reset 1"
  std::string Outcomes(const TestId& test = kTest) const {
    std::string text;
    for (size_t i = 0; i < kOutcomeCount; ++i) {
      const uint64_t count = totals(test).outcomes.count[i];
      if (count == 0) continue;
      if (!text.empty()) text += ", ";
      text += std::string(kOutcomeNames[i]) + " " + std::to_string(count);
    }
    return text;
  }

 private:
  std::shared_ptr<const TestSpec> spec_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_ while a collection is under way.
  std::map<TestId, Totals> totals_{{kTest, {}}};
  EngineStats stats_;
  Engine engine_;  // last: its threads use the others
};

}  // namespace broadside
