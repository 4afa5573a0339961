#pragma once

// What other threads ask of a shard: a bounded list of functions behind a mutex, and an eventfd
// that wakes the shard's poller. Thread-safe. For control only; nothing of a request comes through
// here.

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

namespace broadside {

class Mailbox {
 public:
  // A shard that leaves so many unread is stuck: the process aborts.
  static constexpr size_t kMessagesMax = 1 << 16;

  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // False (and nothing happens) after Close.
  bool Post(std::function<void()> message);
  // Takes all messages, in the order of posting, and clears the eventfd.
  std::vector<std::function<void()>> TakeAll();
  // Nothing can be posted any more.
  void Close();
  // Readable when there are messages.
  int event_fd() const { return event_fd_; }

 private:
  const int event_fd_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::function<void()>> messages_;
  bool closed_ = false;
};

}  // namespace broadside
