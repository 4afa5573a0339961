#pragma once

// Counts the streams that gRPC still holds, so that their owner can wait for the last one: the gate
// at shutdown. Thread-safe. Held by shared_ptr, by the owner and by each stream.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "common/core/status.h"
#include "common/core/time.h"

namespace broadside {

class StreamGate {
 public:
  explicit StreamGate(size_t streams_max) : streams_max_(streams_max) {}

  // Not ok when the gate is closed or full; else Leave must follow.
  absl::Status Enter() {
    const std::lock_guard lock(mutex_);
    if (closed_) return Unavailable("shutting down");
    if (inside_ >= streams_max_) {
      return ResourceExhausted(inside_, " streams are open (limit: ", streams_max_, ")");
    }
    ++inside_;
    return absl::OkStatus();
  }
  // The stream's last act.
  void Leave() {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0) empty_.notify_all();
  }
  // Nobody enters any more.
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  // False if streams are still inside after `timeout`.
  bool WaitEmpty(Millis timeout) {
    std::unique_lock lock(mutex_);
    return empty_.wait_for(lock, timeout, [this] { return inside_ == 0; });
  }

 private:
  // Constant after construction.
  const size_t streams_max_;
  // Shared, guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable empty_;
  size_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace broadside
