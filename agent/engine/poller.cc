#include "agent/engine/poller.h"

#include <unistd.h>

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

std::span<const epoll_event> Poller::Wait(Nanos timeout) {
  int count = 0;
  if (timeout <= Nanos(0)) {
    count = epoll_wait(fd_, events_.data(), kEventsMax, 0);
  } else {
    const Seconds whole = std::chrono::duration_cast<Seconds>(timeout);
    timespec limit{};
    limit.tv_sec = whole.count();
    limit.tv_nsec = (timeout - whole).count();
    count = epoll_pwait2(fd_, events_.data(), kEventsMax, &limit, nullptr);
  }
  BS_CHECK(count >= 0 || errno == EINTR) << "epoll_wait: " << std::strerror(errno);
  return {events_.data(), static_cast<size_t>(count < 0 ? 0 : count)};
}

}  // namespace broadside
