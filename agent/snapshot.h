#pragma once

// What an agent lets probes and Prometheus see. Home publishes it, any thread reads a copy; a copy
// costs a few hundred ns.

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "agent/core/agent_core.h"
#include "agent/core/events.h"
#include "agent/engine/engine.h"
#include "common/core/time.h"

namespace broadside {

struct AgentSnapshot {
  AgentStatus status;
  EngineStats engine;   // of the last collection
  LoadStats load;       // the same, with home's own delays and the cgroup's throttling
  BootTime alive_at{};  // when home last answered
};

// Thread-safe.
class PublishedSnapshot {
 public:
  void Set(AgentSnapshot snapshot) {
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(snapshot);
  }
  AgentSnapshot Get() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }

 private:
  mutable std::mutex mutex_;
  // Shared, guarded by mutex_.
  AgentSnapshot snapshot_;
};

}  // namespace broadside
