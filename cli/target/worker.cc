#include "cli/target/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

#include "common/core/check.h"

namespace broadside::target {

namespace {

constexpr int kEventsMax = 256;
constexpr int kAcceptsPerTurn = 64;
constexpr size_t kReadBytes = 64 * 1024;

timespec ToTimespec(Nanos duration) {
  const auto seconds = std::chrono::duration_cast<Seconds>(duration);
  return {seconds.count(), (duration - seconds).count()};
}

}  // namespace

Worker::Worker(const TargetOptions& options, int index, const Answers& answers,
               TargetCounters& counters)
    : options_(options),
      index_(index),
      answers_(answers),
      counters_(counters),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      latency_(options.latency, options.seed + static_cast<uint64_t>(index)),
      // Far from every seed of latencies, so that errors do not follow them.
      errors_(~(options.seed + static_cast<uint64_t>(index))),
      buffer_(kReadBytes),
      spare_fd_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  BS_CHECK(epoll_fd_ >= 0 && wake_fd_ >= 0) << strerror(errno);
}

Worker::~Worker() {
  Stop();
  for (const auto& connection : by_fd_) {
    if (connection) Close(*connection);
  }
  TakeAdopted();
  for (const auto& connection : by_fd_) {
    if (connection) Close(*connection);
  }
  close(epoll_fd_);
  close(wake_fd_);
  if (spare_fd_ >= 0) close(spare_fd_);
}

void Worker::Start(int listen_fd, std::vector<Worker*> all) {
  listen_fd_ = listen_fd;
  all_ = std::move(all);
  for (const int fd : {listen_fd_, wake_fd_}) {
    if (fd < 0) continue;
    epoll_event event{EPOLLIN, {.fd = fd}};
    BS_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0) << strerror(errno);
  }
  thread_ = std::thread([this] { Run(); });
}

void Worker::Adopt(int fd) {
  {
    std::lock_guard<std::mutex> lock(adopted_mutex_);
    adopted_.push_back(fd);
  }
  eventfd_write(wake_fd_, 1);
}

void Worker::Stop() {
  stop_.store(true);
  eventfd_write(wake_fd_, 1);
  if (thread_.joinable()) thread_.join();
}

void Worker::Run() {
  prctl(PR_SET_TIMERSLACK, 1);  // ns; with the default of 50 us every answer would be that late
  pthread_setname_np(pthread_self(), ("target" + std::to_string(index_)).c_str());
  while (!stop_.load(std::memory_order_relaxed)) {
    const auto stall_end = StallEndAt(std::chrono::steady_clock::now());
    if (stall_end) {
      WaitOutStall(*stall_end);
      continue;
    }
    RunDue();
    WaitForEvents();
    closed_.clear();
  }
}

void Worker::WaitForEvents() {
  epoll_event events[kEventsMax];
  timespec wait{};
  if (!timers_.empty()) {
    const Nanos left = timers_.top().at - std::chrono::steady_clock::now();
    wait = ToTimespec(std::max(left, Nanos(0)));
  }
  const int count =
      epoll_pwait2(epoll_fd_, events, kEventsMax, timers_.empty() ? nullptr : &wait, nullptr);
  for (int i = 0; i < count; ++i) {
    // Events left for after a stall come again: the set is level-triggered.
    if (!options_.stalls.empty() && StallEndAt(std::chrono::steady_clock::now())) return;
    const int fd = events[i].data.fd;
    if (fd == wake_fd_) {
      TakeAdopted();
    } else if (fd == listen_fd_) {
      Accept();
    } else if (Connection* connection = Find(fd)) {
      OnEvents(*connection, events[i].events);
    }
  }
}

void Worker::RunDue() {
  while (!timers_.empty()) {
    const Timer timer = timers_.top();
    const SteadyTime now = std::chrono::steady_clock::now();
    if (timer.at > now || StallEndAt(now)) return;
    timers_.pop();
    Connection* connection = Find(timer.fd);
    if (connection == nullptr || connection->generation != timer.generation) continue;
    if (connection->timer != timer.at) continue;  // set anew since
    connection->timer.reset();
    OnTimer(*connection);
  }
}

std::optional<SteadyTime> Worker::StallEndAt(SteadyTime now) const {
  if (options_.stalls.empty()) return std::nullopt;
  const auto first = counters_.first_request();
  if (!first) return std::nullopt;
  const auto end = StallEnd(options_.stalls, now - *first);
  return end ? std::optional(*first + *end) : std::nullopt;
}

void Worker::WaitOutStall(SteadyTime end) {
  while (!stop_.load(std::memory_order_relaxed)) {
    const Nanos left = end - std::chrono::steady_clock::now();
    if (left <= Nanos(0)) return;
    const timespec wait = ToTimespec(left);
    pollfd wake{wake_fd_, POLLIN, 0};
    if (ppoll(&wake, 1, &wait, nullptr) > 0) TakeAdopted();
  }
}

void Worker::TakeAdopted() {
  eventfd_t ignored;
  eventfd_read(wake_fd_, &ignored);
  std::vector<int> adopted;
  {
    std::lock_guard<std::mutex> lock(adopted_mutex_);
    adopted.swap(adopted_);
  }
  for (const int fd : adopted) Register(fd);
}

void Worker::Accept() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) RefuseForDescriptors();
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return;
    }
    if (!counters_.OnOpen()) {
      close(fd);
      continue;
    }
    Worker* worker = all_[next_worker_++ % all_.size()];
    if (worker == this) {
      Register(fd);
    } else {
      worker->Adopt(fd);
    }
  }
}

// Without a free descriptor the connection cannot even be refused, and the loop would spin on it:
// the spare one makes room.
void Worker::RefuseForDescriptors() {
  if (spare_fd_ >= 0) close(spare_fd_);
  const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    counters_.OnRefused();
    close(fd);
  }
  spare_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  errno = EMFILE;
}

void Worker::Register(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const size_t index = static_cast<size_t>(fd);
  if (by_fd_.size() <= index) by_fd_.resize(index + 1);
  by_fd_[index] = std::make_unique<Connection>();
  Connection& connection = *by_fd_[index];
  connection.fd = fd;
  connection.generation = ++generation_;
  connection.interest = EPOLLIN;
  epoll_event event{connection.interest, {.fd = fd}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) Close(connection);
}

Connection* Worker::Find(int fd) {
  const size_t index = static_cast<size_t>(fd);
  return index < by_fd_.size() ? by_fd_[index].get() : nullptr;
}

}  // namespace broadside::target
