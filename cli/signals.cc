#include "cli/signals.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>

#include "cli/exit_code.h"
#include "common/core/check.h"

namespace broadside {

namespace {

sigset_t HandledSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

void SetHandler(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  for (const int number : {SIGINT, SIGTERM}) BS_CHECK(sigaction(number, &action, nullptr) == 0);
}

}  // namespace

Signals::Signals() {
  const sigset_t set = HandledSignals();
  BS_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  // A peer that went away is an error code, not the end of the process.
  signal(SIGPIPE, SIG_IGN);
  signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  BS_CHECK(signal_fd_ >= 0 && wake_fd_ >= 0);
}

Signals::~Signals() {
  close(signal_fd_);
  close(wake_fd_);
}

int Signals::Wait(int timeout_ms) {
  pollfd fds[2] = {{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  if (poll(fds, 2, timeout_ms) <= 0) return -1;
  if ((fds[0].revents & POLLIN) != 0) {
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) == sizeof info)
      return static_cast<int>(info.ssi_signo);
  }
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(wake_fd_, &count, sizeof count);
  return 0;
}

ExitOnSignal::ExitOnSignal() {
  SetHandler([](int) { _exit(kExitAborted); });
  const sigset_t set = HandledSignals();
  BS_CHECK(pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
}

ExitOnSignal::~ExitOnSignal() {
  const sigset_t set = HandledSignals();
  BS_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  SetHandler(SIG_DFL);
}

void Signals::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

}  // namespace broadside
