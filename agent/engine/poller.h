#pragma once

// An epoll set with exact waits (on a kernel before 5.11, which has none, up to 1 ms longer). A
// connection is added once, edge-triggered for everything, and leaves by being closed: no system
// call per change of mind. Owned by one shard.

#include <sys/epoll.h>

#include <array>
#include <span>

#include "common/core/time.h"

namespace broadside {

inline constexpr uint32_t kPeerEnded = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

class Poller {
 public:
  static constexpr size_t kEventsMax = 256;  // per wait; the rest comes with the next

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // `tag` comes back with the events of `fd`. 0, or the errno.
  int Add(int fd, void* tag);
  // Waits until there are events, at most so long. Valid until the next call.
  std::span<const epoll_event> Wait(Nanos timeout);

 private:
  int WaitFor(Nanos timeout);

  int fd_;
  bool exact_ = true;  // the kernel has epoll_pwait2
  std::array<epoll_event, kEventsMax> events_{};
};

}  // namespace broadside
