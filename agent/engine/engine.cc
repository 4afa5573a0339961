#include "agent/engine/engine.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <utility>

#include "agent/engine/recorder.h"
#include "agent/engine/shard.h"
#include "common/core/check.h"

namespace broadside {
namespace {

// What the shards say to one Collect, until the last of them has.
struct Collection {
  std::function<void(std::vector<TestDelta>, EngineStats)> done;
  std::mutex mutex;
  // Guarded by mutex.
  int missing = 0;
  std::map<TestId, TestDelta> deltas;
  EngineStats stats;
};

void MergeStats(const EngineStats& from, EngineStats* to) {
  to->loop_delay = std::max(to->loop_delay, from.loop_delay);
  to->cursor_lag = std::max(to->cursor_lag, from.cursor_lag);
  to->cpu_fraction = std::max(to->cpu_fraction, from.cpu_fraction);
  to->requests_sent += from.requests_sent;
  to->connections_opened += from.connections_opened;
  to->connections_open += from.connections_open;
  to->connects_failed += from.connects_failed;
  to->replaced += from.replaced;
  to->ports_exhausted += from.ports_exhausted;
  to->descriptors_exhausted += from.descriptors_exhausted;
  to->stamps_clamped += from.stamps_clamped;
  to->in_flight += from.in_flight;
}

void AddPart(std::vector<TestDelta> deltas, const EngineStats& stats, Collection* collection) {
  std::vector<TestDelta> merged;
  {
    const std::lock_guard lock(collection->mutex);
    for (TestDelta& delta : deltas) MergeShard(std::move(delta), &collection->deltas);
    MergeStats(stats, &collection->stats);
    if (--collection->missing > 0) return;
    for (auto& [id, delta] : collection->deltas) merged.push_back(std::move(delta));
  }
  collection->done(std::move(merged), collection->stats);
}

}  // namespace

class Engine::Impl {
 public:
  explicit Impl(EngineOptions options) : options_(std::move(options)) {
    BS_CHECK(1 <= options_.shards && options_.shards <= limits::kShardsMax) << options_.shards;
    for (int i = 0; i < options_.shards; ++i) shards_.push_back(std::make_unique<Shard>(i));
  }
  ~Impl() { Stop(); }

  void StartTest(const TestId& test, const std::shared_ptr<const TestSpec>& spec,
                 const ClockMap& clock) {
    for (size_t i = 0; i < shards_.size(); ++i) {
      ShardLoadOptions run{options_.user_agent, options_.slot_header, static_cast<int>(i),
                           options_.shards, random_()};
      shards_[i]->Post([test, spec, clock, run](Shard& shard) {
        shard.Add(test, std::make_unique<ShardLoad>(test, spec, clock, run, &shard.resources()));
      });
    }
    Resolve(test, spec->target);
  }

  // Runs `action` with the test on every shard that has it.
  template <typename Action>
  void ForEachRun(const TestId& test, Action action) {
    for (std::unique_ptr<Shard>& shard : shards_) {
      shard->Post([test, action](Shard& s) {
        ShardLoad* run = s.Find(test);
        if (run != nullptr) action(*run, s.now());
      });
    }
  }

  void Cut(const TestId& test, const std::function<void()>& done) {
    auto missing = std::make_shared<std::atomic<size_t>>(shards_.size());
    for (std::unique_ptr<Shard>& shard : shards_) {
      shard->Post([test, missing, done](Shard& s) {
        if (ShardLoad* run = s.Find(test); run != nullptr) run->Cut(s.now());
        if (missing->fetch_sub(1) == 1) done();
      });
    }
  }

  void Forget(const TestId& test) {
    resolvers_.erase(test);
    for (std::unique_ptr<Shard>& shard : shards_) {
      shard->Post([test](Shard& s) { s.Remove(test); });
    }
  }

  void Collect(std::function<void(std::vector<TestDelta>, EngineStats)> done) {
    auto collection = std::make_shared<Collection>();
    collection->done = std::move(done);
    collection->missing = options_.shards;
    for (std::unique_ptr<Shard>& shard : shards_) {
      shard->Post([collection](Shard& s) {
        std::vector<TestDelta> deltas = s.TakeDeltas();
        AddPart(std::move(deltas), s.TakeStats(), collection.get());
      });
    }
  }

  void Stop() {
    resolvers_.clear();
    for (std::unique_ptr<Shard>& shard : shards_) shard->Stop();
  }

  void StopResolving(const TestId& test) { resolvers_.erase(test); }
  int shards() const { return options_.shards; }

 private:
  void Resolve(const TestId& test, const Target& target) {
    const auto deliver = [this, test](const AddressAnswer& answer) {
      ForEachRun(test, [answer](ShardLoad& run, BootTime now) { run.SetAddresses(answer, now); });
    };
    const auto literal = SocketAddress::FromLiteral(target.host, target.port);
    if (literal.has_value()) return deliver({*literal});
    resolvers_[test] = std::make_unique<Resolver>(target.host, target.port, deliver,
                                                  options_.lookup, options_.resolving);
  }

  // Constant after construction.
  const EngineOptions options_;
  std::vector<std::unique_ptr<Shard>> shards_;
  // Home only.
  std::random_device random_;
  // Last: their threads use the shards.
  std::map<TestId, std::unique_ptr<Resolver>> resolvers_;
};

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() = default;

void Engine::StartTest(const TestId& test, std::shared_ptr<const TestSpec> spec,
                       const ClockMap& clock) {
  impl_->StartTest(test, spec, clock);
}

void Engine::SetClock(const TestId& test, const ClockMap& clock) {
  impl_->ForEachRun(test, [clock](ShardLoad& run, BootTime) { run.SetClock(clock); });
}

void Engine::Extend(const TestId& test, const Grant& grant) {
  const auto shared = std::make_shared<const Grant>(grant);
  impl_->ForEachRun(test, [shared](ShardLoad& run, BootTime now) { run.Extend(*shared, now); });
}

void Engine::Cut(const TestId& test, std::function<void()> done) { impl_->Cut(test, done); }

void Engine::Abandon(const TestId& test) {
  impl_->StopResolving(test);
  impl_->ForEachRun(test, [](ShardLoad& run, BootTime now) { run.Abandon(now); });
}

void Engine::Forget(const TestId& test) { impl_->Forget(test); }

void Engine::Collect(std::function<void(std::vector<TestDelta>, EngineStats)> done) {
  impl_->Collect(std::move(done));
}

void Engine::Stop() { impl_->Stop(); }
int Engine::shards() const { return impl_->shards(); }

}  // namespace broadside
