#pragma once

// A whole fleet in one thread and in virtual time, by one seed: the real ControllerCore and the
// real AgentCores, between them streams with delays that break, below them a store that takes time,
// around them users and faults. After a stretch of faults all is healed, and time runs until every
// test has ended; then the witness is asked. Single-threaded.

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/agent_core.h"
#include "controller/core/controller_core.h"
#include "tests/sim/engine_model.h"
#include "tests/sim/timeline.h"
#include "tests/sim/witness.h"
#include "tests/unit/controller/core/fake_store.h"

namespace broadside::sim {

inline constexpr Nanos kNever{std::numeric_limits<int64_t>::max()};

class World {
 public:
  explicit World(uint64_t seed);

  // The whole life of this world, up to the first thing that is wrong.
  void Run();

  const Witness& witness() const { return witness_; }
  // How often each fault was injected.
  const std::map<std::string, int>& faults() const { return faults_; }

 private:
  // One stream between an agent and one controller process. What would arrive after `*_until` is
  // lost: a break cuts off the tail of both directions, each on its own.
  struct Wire {
    size_t agent = 0;
    uint64_t number = 0;  // as the agent knows it
    StreamId id = 0;      // as the controller knows it
    uint64_t process = 0;
    bool agent_open = true;
    bool controller_open = true;
    Nanos up_until = kNever;
    Nanos down_until = kNever;
    Nanos up_last{0};  // arrival of the last message: order is kept
    Nanos down_last{0};
  };
  struct Agent {
    Agent(const AgentCoreOptions& options, Witness* witness)
        : core(options), engine(options.incarnation, options.seed, witness) {}
    std::string name;
    AgentCore core;
    EngineModel engine;
    Nanos clock_offset{0};
    int64_t clock_ppm = 0;
    Nanos frozen_until{0};
    Nanos cut_off_until{0};
    Nanos disturbed_until{0};  // by the last fault
    bool alive = true;
    bool drains = false;
    std::shared_ptr<Wire> wire;
    Nanos tick_at = kNever;
    Nanos wake_at = kNever;
  };

  // Agents (world_agents.cc).
  void AddAgent();
  BootTime BootOf(const Agent& agent) const;
  Nanos WhenBoot(const Agent& agent, BootTime boot) const;
  void ToAgent(size_t i, const Event& event);
  void Arm(size_t i);
  void Wake(size_t i);
  void Perform(size_t i, Effects effects);
  void Do(size_t i, const OpenStream& open);
  void Do(size_t i, const CloseStream& close);
  void Do(size_t i, SendMessage& send);
  void Do(size_t i, const StartTest& start);
  void Do(size_t i, const SetClock& set);
  void Do(size_t i, const ExtendTest& extend);
  void Do(size_t i, const CutTest& cut);
  void Do(size_t i, const AbandonTest& abandon);
  void Do(size_t i, const ForgetTest& forget);
  void Do(size_t i, const CollectResults& collect);
  void Do(size_t i, const Exit& exit);
  void Do(size_t i, const LogLine& line);

  // Streams (world_agents.cc).
  Nanos Delay();
  void Break(const std::shared_ptr<Wire>& wire, bool agent_sees, bool controller_sees);

  // Controller (world_controller.cc).
  Now ControllerNow() const;
  void StartController();
  void KillController(Nanos away);
  void RestartPlanned(Nanos since);
  void TickController(uint64_t process);
  void ToController(const ControllerEvent& event);
  void PerformController(ControllerEffects effects);
  void MaybeFlush();
  void Flush();
  void Committed(const std::shared_ptr<Commit>& commit);
  void Answered(const Reply& reply);

  // Users and faults (world_faults.cc).
  void StartTestByUser();
  TestSpec RandomSpec();
  void NextFault();
  void AgentFault(size_t i, int64_t kind);
  void FleetFault(int64_t kind);
  std::optional<size_t> AnyAgent();
  TestId AnyTest();
  void Count(const std::string& fault, const std::string& detail = "");
  void Heal();
  void CheckAgents();

  Timeline timeline_;
  Random random_;
  Witness witness_;
  std::map<std::string, int> faults_;

  std::vector<std::unique_ptr<Agent>> agents_;
  std::map<StreamId, std::shared_ptr<Wire>> wires_;  // that the present process knows
  StreamId last_stream_ = 0;

  FakeStore store_;
  std::unique_ptr<ControllerCore> core_;
  uint64_t process_ = 0;
  Nanos controller_offset_{0};
  std::shared_ptr<Commit> in_flight_;
  bool flush_armed_ = false;
  bool restarting_ = false;
  std::shared_ptr<const FleetView> view_ = std::make_shared<const FleetView>();

  struct Request {
    TestId start;
    TestId stop;
    std::optional<size_t> drain;
  };
  std::map<RequestId, Request> requests_;  // of the present process, unanswered
  RequestId last_request_ = 0;
  int tests_made_ = 0;
  bool crashes_allowed_ = false;
  int crashes_left_ = 2;
  bool healed_ = false;
  Nanos faults_end_{0};
  Nanos next_kill_{0};
  Nanos controller_back_{0};  // when the last restart was over
  Nanos slow_store_until_{0};
};

}  // namespace broadside::sim
