#pragma once

// A controller and agents in this process, over gRPC's in-process channel: the same protocol, no
// cluster. Runs one test. Owned by main's thread; `ended` runs on the controller's home after each
// publication in which the test has ended.

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "agent/agent.h"
#include "cli/run_spec.h"
#include "controller/controller.h"
#include "controller/fleet/fleet_server.h"

namespace broadside {

// Agents of one process. A spec whose agents.min is higher is refused.
inline constexpr int kEmbeddedAgentsMax = 64;

struct EmbeddedOptions {
  int agents = 1;            // as many as the spec's agents.min if that is more
  int threads = 0;           // of each agent; 0: CPUs - 1, shared out
  bool slot_header = false;  // X-Broadside-Slot on each request (agent/engine/engine.h)
};

class Embedded {
 public:
  Embedded(const EmbeddedOptions& options, std::function<void()> ended);
  ~Embedded();  // stops

  // Brings all up and starts the test. InvalidArgument: the spec, with a line for each field.
  absl::Status Start(const RunSpec& run);
  void StopTest();
  // The test as last published.
  std::shared_ptr<const TestView> view() const;

 private:
  EmbeddedOptions options_;
  const std::function<void()> ended_;
  FleetServer* fleet_ = nullptr;  // the controller's
  Controller controller_;
  std::vector<std::unique_ptr<Agent>> agents_;
  TestId test_;
  std::shared_ptr<const TestView> first_;
  uint64_t subscription_ = 0;
};

}  // namespace broadside
