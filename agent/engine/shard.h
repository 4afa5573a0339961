#pragma once

// One thread of the engine: an epoll loop that runs the tests' parts of this shard. It owns its
// tests, their pacers, connections and recorders; nothing is shared with other shards.
//
// A turn: take due slots, send all that is ready, wait (exactly until the next due slot; when slots
// are closer than kWakeGap, on a grid of kWakeGap, which gathers sends and answers), receive from
// all readable connections, expire deadlines, read the mailbox. docs/adr/0002 has the figures.
//
// Post is thread-safe; what is posted runs on the shard's thread in order. Everything else is that
// thread's.

#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "agent/engine/engine.h"
#include "agent/engine/mailbox.h"
#include "agent/engine/shard_load.h"
#include "common/net/thread_cpu.h"

namespace broadside {

class Shard {
 public:
  static constexpr Nanos kWakeGap = std::chrono::microseconds(100);

  explicit Shard(int index);  // starts the thread
  ~Shard();                   // stops
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Runs `message` on the shard's thread. False after Stop.
  bool Post(std::function<void(Shard&)> message);
  // Runs what was posted before, closes all connections and joins. Idempotent.
  void Stop();

  // For messages, on the shard's thread.
  ShardResources& resources() { return resources_; }
  void Add(const TestId& test, std::unique_ptr<ShardLoad> run);  // in place of one that it has
  ShardLoad* Find(const TestId& test);                           // null when it is not there
  void Remove(const TestId& test);                               // its totals stay
  BootTime now() const { return now_; }
  // The results since the last call; abandoned tests are removed.
  std::vector<TestDelta> TakeDeltas();
  // Rates since the last call.
  EngineStats TakeStats();

 private:
  void Run();
  void Turn();
  std::span<const epoll_event> Wait();
  BootTime NextWake() const;
  bool Gathers() const;
  Nanos NapBefore(Nanos timeout) const;
  void Maintain();
  void ReadMailbox();

  // Constant after construction.
  const int index_;
  // Synchronised by itself.
  Mailbox mailbox_;
  // The shard's thread only.
  ShardResources resources_;
  std::map<TestId, std::unique_ptr<ShardLoad>> runs_;
  EngineStats gone_;  // totals of removed tests
  BootTime now_{};
  BootTime tick_{};  // the next moment for a turn while slots are closer than kWakeGap
  size_t events_last_ = 0;
  BootTime maintain_at_{};
  Nanos loop_delay_{0};
  Nanos cursor_lag_{0};
  ThreadCpu cpu_;
  bool stopping_ = false;

  std::thread thread_;  // last: it uses the others
};

}  // namespace broadside
