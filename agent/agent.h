#pragma once

// An agent: performs what AgentCore decides, on the engine and on the stream to the controller, and
// serves its health.
//
//   home (one thread)   core, link, timer; every event is a step of the core
//   shards (threads)    the engine's; they only post to home
//   http (one thread)   reads the published snapshot
//
// Start and Stop from one owner, never from home; Drain and the rest from any thread. Costs threads
// + 2 threads and an idle wake-up every 100 ms.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/snapshot.h"
#include "common/core/fleet_messages.h"
#include "common/core/status.h"

namespace grpc {
class Channel;
}

namespace broadside {

struct AgentOptions {
  // Where the controller is, "HOST:PORT"; or a channel to it, for the embedded mode. One of them.
  std::string controller;
  std::shared_ptr<grpc::Channel> channel;
  // A label for people; empty: the host name.
  std::string name;
  // Sending threads, and the agent's weight; 0: one less than CPUs, at least one. More cost memory
  // and context switches.
  int threads = 0;
  // "HOST:PORT" for health and metrics; empty: none.
  std::string http;
  // Of the program, for people.
  std::string version = "dev";
  // Adds X-Broadside-Slot to each request (engine.h).
  bool slot_header = false;
};

class Agent {
 public:
  // Called once, on home, when the agent has nothing left to do: 0 after a complete drain, 1 when
  // it left results undelivered. It may not destroy the agent: post to your own thread.
  using ExitHandler = std::function<void(int code)>;

  // Begins to connect; does not wait for it. An error is one line that says what to do.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(AgentOptions options, ExitHandler on_exit);
  ~Agent();  // stops
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Finish what is granted, report it, exit. Bounded (AgentCore::kDrainGrace). Idempotent.
  void Drain();
  // Ends at once: what is not reported is lost, and the controller counts it as unknown.
  // Idempotent. No handler runs afterwards.
  void Stop();

  AgentSnapshot Snapshot() const;
  const Incarnation& incarnation() const;
  const std::string& name() const;
  // The port of the HTTP server; 0 without one.
  uint16_t http_port() const;

 private:
  class Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace broadside
