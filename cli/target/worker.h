#pragma once

// One thread of the demo target: an epoll loop over its connections and a heap of answers that are
// due. The first worker also accepts and deals connections to all in turn. Start, Adopt, Wake and
// Stop may be called from any thread; the rest runs on its own.
//
// An answer is sent when the clock has passed its due time, never earlier; waits end within the
// timer slack of 1 ns. While a stall lasts the thread waits for its end (or Stop): it neither
// accepts, reads nor sends.

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string_view>
#include <thread>
#include <vector>

#include "cli/target/answers.h"
#include "cli/target/connection.h"
#include "cli/target/latency.h"
#include "cli/target/target_options.h"
#include "cli/target/target_stats.h"

namespace broadside::target {

class Worker {
 public:
  Worker(const TargetOptions& options, int index, const Answers& answers, TargetCounters& counters);
  ~Worker();  // stops; closes its connections
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Starts the thread. `listen_fd` (-1: does not accept) stays the caller's; new connections are
  // dealt to `all`, which outlive this thread.
  void Start(int listen_fd, std::vector<Worker*> all);
  // Takes over a connection that was counted as opened.
  void Adopt(int fd);
  void Stop();

 private:
  struct Timer {
    SteadyTime at;
    int fd;
    uint32_t generation;
    bool operator>(const Timer& other) const { return at > other.at; }
  };

  // worker.cc: the loop.
  void Run();
  void WaitForEvents();
  void RunDue();
  void TakeAdopted();
  void Accept();
  void RefuseForDescriptors();
  std::optional<SteadyTime> StallEndAt(SteadyTime now) const;
  void WaitOutStall(SteadyTime end);
  void Register(int fd);
  Connection* Find(int fd);

  // exchange.cc: what happens on a connection. After Close the connection is destroyed at the end
  // of the turn; `false` says that it was closed.
  void OnEvents(Connection& connection, uint32_t events);
  void OnTimer(Connection& connection);
  bool Read(Connection& connection);
  void Parse(Connection& connection, std::string_view received);
  std::string_view ParseSome(Connection& connection, std::string_view input);
  void TakeRequest(Connection& connection);
  void TakeControl(Connection& connection);
  void Refuse(Connection& connection);
  void Owe(Connection& connection, Answer answer, bool last);
  void Serve(Connection& connection);
  bool SendDue(Connection& connection, SteadyTime now);
  bool FinishSent(Connection& connection, size_t sent);
  void Linger(Connection& connection);
  void SetTimer(Connection& connection, SteadyTime at);
  void SetInterest(Connection& connection);
  void Close(Connection& connection);

  // Constant after Start.
  const TargetOptions& options_;
  const int index_;
  const Answers& answers_;
  TargetCounters& counters_;
  int listen_fd_ = -1;
  std::vector<Worker*> all_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  // Owned by its thread.
  LatencySampler latency_;
  TargetRandom errors_;
  std::vector<std::unique_ptr<Connection>> by_fd_;
  std::vector<std::unique_ptr<Connection>> closed_;  // in this turn
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<char> buffer_;
  uint32_t generation_ = 0;
  size_t next_worker_ = 0;
  int spare_fd_ = -1;  // given up for a moment to refuse a connection when no descriptor is left
  // Shared.
  std::atomic<bool> stop_{false};
  std::mutex adopted_mutex_;
  std::vector<int> adopted_;  // guarded by adopted_mutex_

  std::thread thread_;
};

}  // namespace broadside::target
