#include "agent/engine/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "common/core/check.h"

namespace broadside {

Mailbox::Mailbox() : event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  BS_CHECK(event_fd_ >= 0) << "eventfd: " << errno;
}

Mailbox::~Mailbox() { close(event_fd_); }

bool Mailbox::Post(std::function<void()> message) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  BS_CHECK(messages_.size() < kMessagesMax) << "a shard does not read its mailbox";
  messages_.push_back(std::move(message));
  const uint64_t one = 1;
  BS_CHECK(write(event_fd_, &one, sizeof one) == sizeof one) << "eventfd: " << errno;
  return true;
}

std::vector<std::function<void()>> Mailbox::TakeAll() {
  uint64_t count = 0;
  const ssize_t size = read(event_fd_, &count, sizeof count);
  BS_CHECK(size == sizeof count || errno == EAGAIN) << "eventfd: " << errno;
  const std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

void Mailbox::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace broadside
