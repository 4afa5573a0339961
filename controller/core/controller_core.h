#pragma once

// The controller's mind: agents, tests, plan and books. Pure: `Step(event, now)` takes what
// happened, `Flush(now)` gives what must be durable and what may go out once it is. A simulator
// runs it in virtual time.
//
// Not thread-safe: owned by the controller's home. Between two flushes everything collects, so that
// a tick or a burst of reports is one transaction and one message for each agent. ControllerEffects
// that promise nothing (clock replies, rejections) leave Step at once.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/core/agent_record.h"
#include "controller/core/event.h"
#include "controller/core/outbox.h"
#include "controller/core/test_run.h"

namespace broadside {

struct CoreOptions {
  Nanos horizon = limits::kHorizonDefault;
  Nanos start_lead = limits::kStartLead;
  std::string version;
  uint64_t nonce = 0;  // of this process
};

class ControllerCore {
 public:
  ControllerCore(const CoreOptions& options, const StoredState& stored, Now now);

  ControllerEffects Step(const ControllerEvent& event, Now now);

  // Something waits for Flush; Urgent when somebody waits for it (a grant, a user's reply), else it
  // may collect for a while.
  bool NeedsFlush() const;
  bool Urgent() const { return urgent_; }
  // REQUIRES: the commit of the last Flush was performed.
  Commit Flush(Now now);

  // All grants so far were taken by the agents that are connected, as far as their beats say: a
  // planned restart may go on.
  bool PlanTaken() const;
  size_t running_tests() const { return runs_.size(); }
  // Seconds of all running tests that are in memory: those that are open, and the plan ahead.
  size_t LiveIntervals() const;

 private:
  void On(const AgentSaid& said, Now now, ControllerEffects& effects);
  void On(const StreamEnded& closed, Now now, ControllerEffects& effects);
  void On(const StartAsked& asked, Now now, ControllerEffects& effects);
  void On(const RateAsked& asked, Now now, ControllerEffects& effects);
  void On(const StopAsked& asked, Now now, ControllerEffects& effects);
  void On(const DeleteAsked& asked, Now now, ControllerEffects& effects);
  void On(const TestsExpired& expired, Now now, ControllerEffects& effects);
  void On(const DrainAsked& asked, Now now, ControllerEffects& effects);
  void On(const Ticked& tick, Now now, ControllerEffects& effects);
  void On(const RestartAsked& asked, Now now, ControllerEffects& effects);

  void OnHello(const AgentSaid& said, Now now, ControllerEffects& effects);
  std::optional<Reject> Refusal(const Hello& hello, Now now);
  void WelcomeAgent(AgentRecord& agent, const Hello& hello, Now now);
  void OnBeat(AgentRecord& agent, const Beat& beat, Now now);
  void OnReport(AgentRecord& agent, const Report& report, Now now, ControllerEffects& effects);
  void StartDraining(AgentRecord& agent, Now now);
  // Tells a draining agent that it may leave, once everything that it was granted is on this stream
  // before that word.
  void Release(AgentRecord& agent);
  void RememberDrain(const Incarnation& incarnation);
  void Lose(AgentRecord& agent, Now now);
  void ForgetAgents(Now now);
  Fleet::iterator Forget(Fleet::iterator agent);
  // Forgets the agent that was lost first when there are as many as there may be, lost ones
  // included. REQUIRES: one of them is lost. A pass over the fleet at most.
  void MakeRoom();
  void RememberGone(const Incarnation& incarnation, uint64_t seq);
  AgentRecord& RecordOf(const Incarnation& incarnation);

  // A text when the fleet has too few ports for the rate; empty when it has enough.
  std::string PortsExhausted(const TestSpec& spec, MicroRate peak, int64_t agents) const;
  AgentRecord* AgentOf(StreamId stream);
  // Answers a request whose Idempotency-Key was used before; false when it was not.
  bool AnswerAgain(const StartAsked& asked, ControllerEffects& effects);
  // Answers after the next commit, with the test as it is then, or as it ended.
  void ReplyWithTest(RequestId request, const TestId& test, CommandResult result);
  // Nothing of an ended test is kept.
  void ForgetTest(const TestId& test);
  void CollectLogs(TestRun& run, ControllerEffects& effects);
  void FinishReplies(Commit& commit);
  std::shared_ptr<FleetView> MakeView(Now now) const;
  std::vector<AgentView> AgentViews() const;
  // What the next Welcome tells, by the number of agents that are connected; those that came before
  // keep what they were told.
  Millis BeatInterval() const;
  Millis ReportInterval() const;

  // Constant after construction.
  CoreOptions options_;
  RunOptions run_options_;
  std::string store_uuid_;
  uint64_t epoch_;

  // Changed by home.
  Fleet agents_;  // bounded by limits::kAgentsMax
  // Highest counted reports of agents that are not in `agents_` (any more): one that comes back
  // goes on from there, or its last reports would be a gap, or count twice. The oldest are dropped.
  std::map<Incarnation, uint64_t> gone_;
  std::deque<Incarnation> gone_order_;  // bounded by limits::kGoneAgentsMax
  // Agent processes that users asked to drain; told again at each Hello until they do.
  std::set<Incarnation> drains_;
  std::deque<Incarnation> drains_order_;  // oldest first, bounded by limits::kAgentsMax
  std::map<StreamId, Incarnation> streams_;
  std::map<TestId, std::unique_ptr<TestRun>>
      runs_;  // unended, and ended ones until they are flushed
  std::map<TestId, std::shared_ptr<const TestView>> ended_;  // bounded by limits::kTestsInMemoryMax
  std::deque<TestId> ended_order_;                           // oldest first
  struct UsedKey {
    TestId test;
    uint64_t body_hash = 0;
  };
  std::map<std::string, UsedKey> keys_;  // Idempotency-Keys of the tests in memory
  std::deque<BootTime> hellos_;          // of the last second
  uint64_t reports_after_final_ = 0;
  bool bridge_ = false;

  // Collected for the next flush.
  Outbox outbox_;
  std::vector<LedgerRecord> marks_;  // high-water marks without a test
  std::vector<TestId> deleted_;
  std::vector<Incarnation> new_drains_;
  struct PendingReply {
    RequestId request = 0;
    TestId test;  // whose view the reply carries, as of the flush
    CommandResult result;
  };
  std::vector<PendingReply> replies_;
  bool changed_ = true;
  bool urgent_ = false;
};

}  // namespace broadside
