#include "agent/engine/poller.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/core/check.h"

namespace broadside {

Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
  BS_CHECK(fd_ >= 0) << "epoll_create1: " << std::strerror(errno);
}

Poller::~Poller() { close(fd_); }

int Poller::Add(int fd, void* tag) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = tag;
  return epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

int Poller::WaitFor(Nanos timeout) {
  if (timeout > Nanos(0) && exact_) {
    const Seconds whole = std::chrono::duration_cast<Seconds>(timeout);
    timespec limit{};
    limit.tv_sec = whole.count();
    limit.tv_nsec = (timeout - whole).count();
    const int count = epoll_pwait2(fd_, events_.data(), kEventsMax, &limit, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    exact_ = false;
  }
  const auto limit = std::chrono::ceil<Millis>(std::clamp(timeout, Nanos(0), Nanos(Seconds(3600))));
  return epoll_wait(fd_, events_.data(), kEventsMax, static_cast<int>(limit.count()));
}

std::span<const epoll_event> Poller::Wait(Nanos timeout) {
  const int count = WaitFor(timeout);
  BS_CHECK(count >= 0 || errno == EINTR) << "epoll_wait: " << std::strerror(errno);
  return {events_.data(), static_cast<size_t>(count < 0 ? 0 : count)};
}

}  // namespace broadside
