#pragma once

// Lets other threads post to an IoThread for as long as its user lives: after Close, which the user
// calls before the thread goes, posts are dropped. Shared by std::shared_ptr among the user and
// whoever may still call back. Thread-safe; a post costs one uncontended lock more than
// IoThread::Post.

#include <functional>
#include <mutex>
#include <utility>

#include "common/net/io_thread.h"

namespace broadside {

class IoGate {
 public:
  explicit IoGate(IoThread* thread) : thread_(thread) {}
  void Post(std::function<void()> f) {
    const std::lock_guard lock(mutex_);
    if (thread_ != nullptr) thread_->Post(std::move(f));
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    thread_ = nullptr;
  }

 private:
  std::mutex mutex_;
  IoThread* thread_;  // guarded by mutex_; nullptr once closed
};

}  // namespace broadside
