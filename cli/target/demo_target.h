#pragma once

// The demo target: an HTTP/1.1 server on N threads whose latency, stalls, errors and body are set,
// and that counts what it saw (GET /__target/stats, POST /__target/reset; requests to them are not
// counted, and they have no latency, but stalls hold them too). Any other path and method is
// answered alike.
//
// Start, Stop and destruction from one thread; port() after Start; stats() from any thread while it
// exists. One thread answers over 100,000 keep-alive requests a second.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "cli/target/target_options.h"
#include "cli/target/target_stats.h"

namespace broadside {

namespace target {
class Worker;
}
class Answers;

class DemoTarget {
 public:
  explicit DemoTarget(TargetOptions options);
  ~DemoTarget();  // stops
  DemoTarget(const DemoTarget&) = delete;
  DemoTarget& operator=(const DemoTarget&) = delete;

  // Listens and answers from then on. An error names the option to change. Once only.
  absl::Status Start();
  // Closes all connections at once, answers owed or not, and the port. Idempotent.
  void Stop();
  // The port it listens on.
  uint16_t port() const { return port_; }
  // Also after Stop.
  TargetStats stats() const { return counters_.Snapshot(); }

 private:
  absl::Status Listen();

  // Constant after Start.
  TargetOptions options_;
  int listen_fd_ = -1;
  uint16_t port_ = 0;
  std::unique_ptr<Answers> answers_;
  std::vector<std::unique_ptr<target::Worker>> workers_;
  // Synchronised by itself.
  TargetCounters counters_;
};

}  // namespace broadside
