#pragma once

// The part of an agent that lives on home: feeds the core with what happens and performs what it
// answers. All methods on home, except the constructor's caller, which must hand it over before the
// first use. What the engine and gRPC say later is posted here and dropped once it has gone.

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "agent/core/agent_core.h"
#include "agent/engine/engine.h"
#include "agent/link/link.h"
#include "agent/snapshot.h"
#include "common/core/time.h"
#include "common/net/cpu_throttle.h"
#include "common/net/io_gate.h"
#include "common/net/io_thread.h"

namespace broadside {

class AgentHome {
 public:
  // `home` and `published` must outlive it. Connects at once.
  AgentHome(IoThread& home, AgentCoreOptions core, EngineOptions engine,
            std::shared_ptr<grpc::Channel> channel, PublishedSnapshot* published,
            std::function<void(int)> on_exit);
  // Stops the engine's threads and the stream; no handler runs afterwards.
  ~AgentHome();
  AgentHome(const AgentHome&) = delete;
  AgentHome& operator=(const AgentHome&) = delete;

  void Step(const Event& event);

 private:
  void Perform(const OpenStream& effect);
  void Perform(const CloseStream& effect);
  void Perform(const SendMessage& effect);
  void Perform(const StartTest& effect);
  void Perform(const SetClock& effect);
  void Perform(const ExtendTest& effect);
  void Perform(const CutTest& effect);
  void Perform(const AbandonTest& effect);
  void Perform(const ForgetTest& effect);
  void Perform(const CollectResults& effect);
  void Perform(const Exit& effect);
  void Perform(const LogLine& effect);

  void OpenLink(uint64_t stream);
  void OnLinkClosed(const absl::Status& status);
  void OnCollected(std::vector<TestDelta> tests, const EngineStats& stats);
  void Arm();
  void OnTimer();
  void Publish(BootTime now);

  // Constant after construction.
  IoThread& home_;
  PublishedSnapshot* const published_;
  const std::function<void(int)> on_exit_;
  const std::shared_ptr<IoGate> gate_;  // for the shards' callbacks

  // Changed by home only.
  AgentCore core_;
  CpuThrottle throttle_;
  Nanos home_delay_{0};  // worst since the last collection
  AgentSnapshot snapshot_;
  uint64_t stream_ = 0;  // the core's number for what the link has open; 0 for none
  uint64_t wanted_ = 0;  // a stream to open once the link has let go of the one before
  BootTime armed_{};     // when the timer fires
  std::shared_ptr<void> alive_ = std::make_shared<char>();  // gone when we are; home handlers ask
  boost::asio::steady_timer timer_;
  Engine engine_;
  // Last: the first to go.
  Link link_;
};

}  // namespace broadside
