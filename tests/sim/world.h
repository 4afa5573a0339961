#pragma once

// A whole fleet in one thread and in virtual time, by one seed: the real ControllerCore, the real
// AgentCores with the real Pacers and Recorders, between them streams with delays that break, below
// them a store that takes time and fails, around them users and faults. After a stretch of faults
// all is healed, and time runs until every test has ended; then the witness is asked.
// Single-threaded.

#include <cstdint>
#include <deque>
#include <functional>
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

// A clock of one machine: runs at its own speed from an anchor on; never back.
struct MachineClock {
  Nanos since{0};  // in the time of the run
  Nanos shown{0};  // what it showed then
  int64_t ppm = 0;

  Nanos At(Nanos now) const { return shown + (now - since) + (now - since) / 1'000'000 * ppm; }
  // The first moment at which it shows `what` or more; some microseconds early are harmless.
  Nanos When(Nanos what) const {
    const Nanos ahead = what - shown;
    return since + ahead - ahead / 1'000'000 * ppm + Nanos(2'000);
  }
  void Change(Nanos now, Nanos step, int64_t speed_ppm) {
    shown = At(now) + step;
    since = now;
    ppm = speed_ppm;
  }
};

class World {
 public:
  explicit World(uint64_t seed);

  // A life with faults at random, up to the first thing that is wrong.
  void Run();

  // ---- for scenarios: instead of Run ----
  // A controller and so many agents.
  void Begin(int agents);
  // Something that happens at this moment.
  void At(Nanos when, std::function<void()> what) { timeline_.At(when, std::move(what)); }
  // What is scheduled up to `heal_at`, then peace, the end, and its checks.
  void RunUntilPeace(Nanos heal_at);
  void Start(const TestSpec& spec);
  void Stop(const TestId& test);
  void ChangeRate(const TestId& test, MicroRate rate);
  void AddAgent(const std::string& name = "");
  // Agents that live and do not drain, in the order in which they came.
  std::vector<size_t> Living() const;
  const std::string& NameOf(size_t i) const { return agents_[i]->name; }
  void Sigterm(size_t i);
  void Crash(size_t i, Nanos reborn_after);  // kNever: it does not come back
  void CutOff(size_t i, Nanos span);
  void BlockOneWay(size_t i, bool up, Nanos span);
  void Freeze(size_t i, Nanos span);
  void ReadSlowly(size_t i, Nanos span);
  void KillController(Nanos away);
  void RestartController();
  void FlapController(int times);
  void FailStore(Nanos span);
  // A second controller on a copy of the store; `same_epoch`: both have restarted since.
  void SplitBrain(bool same_epoch);
  // Where the agent's next stream goes: 0 the first controller, 1 the second.
  void Route(size_t i, size_t site);
  void BreakStream(size_t i);
  Random& random() { return random_; }

  const Witness& witness() const { return witness_; }
  // Clocks drift fast and are stepped in this life.
  bool wild_clocks() const { return wild_clocks_; }
  Witness& witness() { return witness_; }
  const Witness& copy_witness() const { return *sites_.at(1)->witness; }
  Nanos now() const { return timeline_.now(); }
  // How often each fault was injected.
  const std::map<std::string, int>& faults() const { return faults_; }

 private:
  struct Site;
  // One stream between an agent and one controller process. What would arrive after `*_until` is
  // lost: a break cuts off the tail of both directions, each on its own.
  struct Wire {
    size_t agent = 0;
    uint64_t number = 0;  // as the agent knows it
    StreamId id = 0;      // as the controller knows it
    Site* site = nullptr;
    uint64_t process = 0;
    bool agent_open = true;
    bool controller_open = true;
    Nanos up_until = kNever;
    Nanos down_until = kNever;
    Nanos up_last{0};  // arrival of the last message: order is kept
    Nanos down_last{0};
    size_t down_waiting = 0;  // messages that the agent has not read
  };
  struct Agent {
    Agent(const AgentCoreOptions& options, int shards)
        : incarnation(options.incarnation),
          core(options),
          engine(options.incarnation, shards, options.seed) {}
    Incarnation incarnation;
    std::string name;
    AgentCore core;
    EngineModel engine;
    MachineClock clock;
    size_t site = 0;  // where its next stream goes
    Nanos frozen_until{0};
    std::deque<std::function<void()>> backlog;  // of a frozen one
    Nanos cut_off_until{0};
    Nanos up_blocked_until{0};
    Nanos down_blocked_until{0};
    Nanos reads_slowly_until{0};
    Nanos slow_until{0};
    Nanos disturbed_until{0};   // by the last fault
    Nanos collected{0};         // when its results were taken last
    int crash_in_effects = -1;  // it dies before this effect of a step
    bool alive = true;
    bool drains = false;
    std::shared_ptr<Wire> wire;
    Nanos tick_at = kNever;
    Nanos wake_at = kNever;
  };
  struct Request {
    TestId start;
    TestId stop;
    std::optional<size_t> drain;
  };
  enum class Death : uint8_t { kNone, kBeforeWrite, kAfterWrite, kAmongEffects };
  // A controller with its store.
  struct Site {
    FakeStore store;
    Witness* witness = nullptr;
    std::unique_ptr<ControllerCore> core;  // none: the process is away, or read-only
    uint64_t process = 0;                  // each core counts
    bool read_only = false;
    Nanos started{0};
    Nanos clock_offset{0};
    Nanos wall_step{0};
    std::shared_ptr<Commit> in_flight;
    bool flush_armed = false;
    bool restarting = false;
    Death next_death = Death::kNone;
    Nanos store_fails_until{0};
    Nanos slow_store_until{0};
    Nanos retry_after{0};
    std::shared_ptr<const FleetView> view = std::make_shared<const FleetView>();
    std::map<StreamId, std::shared_ptr<Wire>> wires;  // that the present process knows
    std::map<RequestId, Request> requests;            // of the present process, unanswered
    bool Up() const { return core != nullptr && !restarting; }
  };

  // Agents (world_agents.cc).
  BootTime BootOf(const Agent& agent) const { return BootTime(agent.clock.At(timeline_.now())); }
  void ToAgent(size_t i, const Event& event);
  bool WhileFrozen(size_t i, std::function<void()> what);
  void Thaw(size_t i);
  void Arm(size_t i);
  void Wake(size_t i);
  void Collect(size_t i);
  void Die(size_t i);
  Witness* WitnessOf(size_t i);
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

  // Streams (world_streams.cc).
  Nanos Delay();
  void OpenWire(size_t i, uint64_t number);
  void Break(const std::shared_ptr<Wire>& wire, bool agent_sees, bool controller_sees);
  void SendDown(const std::shared_ptr<Wire>& wire, ControllerMessage message);
  void CloseDown(const std::shared_ptr<Wire>& wire);

  // Controllers (world_controller.cc).
  Site& site() { return *sites_.front(); }
  Now NowAt(const Site& site) const;
  void StartController(Site& site, bool same_process);
  void Tick(Site& site, uint64_t process);
  void Kill(Site& site, Nanos away);
  void EnterReadOnly(Site& site);
  void TryAgainLater(Site& site);
  void AwaitBridge(Site& site, Nanos since);
  void ToController(Site& site, const ControllerEvent& event);
  void PerformController(Site& site, ControllerEffects effects);
  void MaybeFlush(Site& site);
  void Flush(Site& site);
  void MakeDurable(Site& site, const StoreBatch& batch);
  void Committed(Site& site, const std::shared_ptr<Commit>& commit);
  void DieAtCommit(Site& site, const std::shared_ptr<Commit>& commit);
  void Answered(Site& site, const Reply& reply);

  // Users and faults (world_faults.cc), the course of a life (world_life.cc).
  void RunAwayOverTheEnd();
  void StartTestByUser();
  TestSpec RandomSpec();
  void NextFault();
  void AgentFault(size_t i, int64_t kind);
  void ClockFault(size_t i);
  void FleetFault(int64_t kind);
  void ControllerFault(int64_t kind);
  void Storm();
  void SlowDown(size_t i);
  void DrainByUser(size_t i);
  void Disturb(size_t i, Nanos until);
  TestId AnyTest();
  void Count(const std::string& fault, const std::string& detail = "");
  void Heal();
  void WatchForPeace();
  bool IsWell() const;
  std::string Unrest() const;

  Timeline timeline_;
  Random random_;
  Witness witness_;
  std::unique_ptr<Witness> copy_witness_;
  std::map<std::string, int> faults_;
  std::vector<std::unique_ptr<Agent>> agents_;
  std::vector<std::unique_ptr<Site>> sites_;
  StreamId last_stream_ = 0;
  RequestId last_request_ = 0;
  int tests_made_ = 0;
  int born_ = 0;

  // What this life may have.
  bool crashes_allowed_ = false;
  bool wild_clocks_ = false;
  bool big_step_ = false;  // a clock was stepped far
  Nanos fault_gap_{0};
  bool healed_ = false;
  Nanos faults_end_{0};
};

}  // namespace broadside::sim
