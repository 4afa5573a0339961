#pragma once

// One test from its creation to its end: plan, books, sums and judgement. A state machine without a
// clock: every method is given `now`.
//
//   pending --agents.min ready--> running --last segment past, nothing outstanding--> finished
//      |                             |--stop or threshold--> stopping --certain--> stopped
//      |                             |--books broken--> inconsistent
//      '--60 s--> failed             '--no controller for 5 min--> failed
//
// Owned by ControllerCore, on home. What has to be stored and sent collects until the core flushes.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/core/agent_record.h"
#include "controller/core/aggregator.h"
#include "controller/core/event.h"
#include "controller/core/judge.h"
#include "controller/core/ledger.h"
#include "controller/core/outbox.h"
#include "controller/core/plan.h"

namespace broadside {

struct RunOptions {
  Nanos horizon = limits::kHorizonDefault;
  Nanos start_lead = limits::kStartLead;
};

class TestRun {
 public:
  // A new test.
  TestRun(TestId id, const StartRequest& request, const RunOptions& options, Now now);
  // One that a store held. Unended ones wait in `recovering` until OnAgentBack or time gives them
  // their T0 back.
  TestRun(const StoredTest& stored, const std::vector<StoredLedgerEntry>& ledger,
          const RunOptions& options, Now now);

  // Moves everything that depends on time: start, append, begin, close, settle, judge, end.
  void Tick(Now now, const Fleet& fleet, bool bridge, Outbox& outbox);

  // ---- agents ----
  // The agent (re)connected: it gets the test and the grants that it does not hold.
  void OnAgentBack(const AgentRecord& agent, const HeldTest* held, Now now, const Fleet& fleet,
                   Outbox& outbox);
  void OnAgentLost(const AgentRecord& agent, Now now);
  void OnBeat(const AgentRecord& agent, const Beat& before, Now now);
  void OnDraining(const AgentRecord& agent, Now now, Outbox& outbox);
  void OnReport(const AgentRecord& agent, const TestDelta& delta, uint64_t seq, Now now,
                Outbox& outbox, const Fleet& fleet);
  void OnCutDone(const AgentRecord& agent);

  // ---- users ----
  // When the new rate begins, never in the past; nothing while the test waits for its start.
  // Refused when the test cannot change any more, has changed too often, or does not know its T0
  // yet.
  struct RateAnswer {
    CommandCode code = CommandCode::kOk;
    std::string error;
    std::optional<WallTime> effective_at;
  };
  RateAnswer ChangeRate(MicroRate rate, Now now);
  // Idempotent.
  void Stop(Now now, const Fleet& fleet, Outbox& outbox, const std::string& why);

  void OnControllerHealth(const Ticked& tick, Now now);

  // Adds what changed since the last call to the batch. Afterwards view() shows it.
  void Flush(StoreBatch& batch, Now now, const Fleet& fleet);
  bool Dirty() const { return dirty_; }
  std::shared_ptr<const TestView> view() const { return view_; }

  const TestId& id() const { return record_.id; }
  TestState state() const { return record_.state; }
  bool Ended() const { return HasEnded(record_.state); }
  // Seconds in memory: bounded by the horizon, and per lost agent by its grants and Margin.
  size_t live_intervals() const { return sums_.live_intervals(); }
  const TestRecord& record() const { return record_; }
  int64_t OutstandingOf(const Incarnation& agent) const { return ledger_.OutstandingOf(agent); }
  // Every connected owner said that it has its last grant.
  bool PlanTaken(const Fleet& fleet) const;
  // Restored, and it does not know its T0 yet: agents are told nothing.
  bool Recovering() const { return recovering_ && !Ended(); }
  // Its part of the circle in the last appended segment, 0 to 1. O(log owners).
  double ShareOf(const Incarnation& agent) const;
  std::vector<LogEvent> TakeLogs();

 private:
  // An agent that owns or owned slots of this test.
  struct Participant {
    std::string name;
    int64_t first_owned = -1;
    int64_t last_owned = -1;
    int64_t settled_through = -1;  // as it last said; never goes back
    int64_t closed_through = -1;   // the same
    std::optional<StreamId> told;  // the stream on which it was given TestStart
    std::optional<HeldTest> held;  // while recovering: what it said that it holds
    bool cut_done = false;
    bool lost = false;
    // Slots with an outcome and skipped ones, by interval, until it is settled and judged.
    struct Pace {
      uint64_t ended = 0;
      uint64_t skipped = 0;
    };
    std::map<int64_t, Pace> pace;
    int slow_intervals = 0;
    std::optional<BootTime> saturated_since;
    // Slots of interval k, or of an earlier one, may still come from it. Earlier ones count too, so
    // that what an agent owes is open from its settled_through on: a restart relies on it.
    bool Owes(int64_t k) const {
      return settled_through < k && first_owned <= k && k <= last_owned;
    }
    // Answers done in interval k may still come from it.
    bool MayStillAdd(int64_t k, int64_t margin) const {
      return closed_through < k && settled_through < last_owned && first_owned <= k &&
             k <= last_owned + margin;
    }
  };

  // T0 as an agent's Hello said it.
  struct HeardT0 {
    Incarnation agent;
    std::optional<BootTime> on_its_clock;
    BootTime at_arrival;  // on our clock, late by the time that the Hello was on its way
    Nanos error;
  };

  // It has a share of what is still to be planned, or slots without an outcome.
  bool OwnsOrOwes(const Incarnation& agent) const;
  // It is gone and leaves something behind: counts and tells it.
  void Lose(Participant& participant, Now now);
  // Counts the intervals in which the agent skipped too much, once they are settled.
  void JudgePace(const Incarnation& agent, Participant& participant, const TestDelta& delta);
  TestTime Tau(Now now) const { return TestTime(now.boot - record_.t0); }
  // For figures: while T0 is not known, by a clock that everybody shares. The test has started.
  Nanos TauShown(Now now) const {
    return recovering_ ? now.wall - *record_.started_at : Tau(now).time_since_epoch();
  }

  void TickPending(Now now, const Fleet& fleet, Outbox& outbox);
  void TickRecovering(Now now, const Fleet& fleet, Outbox& outbox);
  BootTime RecoveredT0(Now now, const Fleet& fleet) const;
  // By the agent's clock exchanges with this process; nothing before they are done.
  static std::optional<BootTime> ExactT0(const HeardT0& heard, const Fleet& fleet);
  // Nobody has said it exactly yet, and somebody is about to.
  bool T0CanBeKnownBetter(const Fleet& fleet) const;
  void Resume(const Fleet& fleet, Now now, Outbox& outbox);
  // Who was here before the restart and has not come back is lost.
  void LoseMissing(Now now);
  // A participant that is no longer in the fleet and owes nothing. It may come back as a new one.
  void ForgetParticipants(const Fleet& fleet);
  void RestoreBooks(const StoredTest& stored, const std::vector<StoredLedgerEntry>& ledger);
  void Append(Now now, const Fleet& fleet, bool bridge, Outbox& outbox);
  void GrantTo(const Owner& owner, const Segment& segment, int64_t slots, Now now,
               const Fleet& fleet, Outbox& outbox);
  void CloseSeconds(Now now);
  // Of the agents that owe a report about second k, the share that has given it.
  double Coverage(int64_t k) const;
  void SettleIntervals(Now now);
  void Settle(int64_t k);
  void BeginThrough(int64_t k);
  // Writes off what is outstanding, closes and settles everything: nothing changes any more.
  void CloseBooks();
  void CheckThresholds(Now now, const Fleet& fleet, Outbox& outbox);
  void CheckBooks(Now now, const Fleet& fleet, Outbox& outbox);
  void CheckFinal(Now now, const Fleet& fleet, Outbox& outbox);
  void End(TestState state, Now now, const Fleet& fleet, Outbox& outbox,
           const std::string& why = "");
  void Fail(const std::string& why, Now now, const Fleet& fleet, Outbox& outbox);
  void MarkInconsistent(const std::string& why, Now now, const Fleet& fleet, Outbox& outbox);

  int64_t FirstChangeable(Now now) const;
  void KnowHolder(const AgentRecord& agent, const HeldTest& held);
  bool HoldsOurPlan(const AgentRecord& agent, const HeldTest& held) const;
  void Tell(const AgentRecord& agent, Participant& participant, Outbox& outbox);
  void CutAll(const Fleet& fleet, Outbox& outbox);
  std::vector<Candidate> EligibleFor(const Fleet& fleet, Now now) const;
  int64_t OutstandingBegun() const;
  double ElapsedSeconds(Now now) const;
  RequestFigures Requests(Now now) const;
  void Note(ChangeKind kind, std::string detail, Now now);
  void LogInfo(std::string event, std::vector<std::pair<std::string, std::string>> fields);
  void Touch() { dirty_ = record_dirty_ = true; }

  std::shared_ptr<const TestView> MakeView(Now now, const Fleet& fleet) const;
  std::vector<AgentView> ParticipantViews(const Fleet& fleet) const;
  void PushUpdate(Update update);

  // Constant after construction.
  RunOptions options_;
  std::shared_ptr<const TestSpec> spec_;
  BootTime created_boot_{};

  // Changed by home.
  TestRecord record_;
  bool recovering_ = false;
  std::optional<BootTime> restored_at_;  // when this process found it in the store
  std::optional<BootTime> controller_saturated_since_;
  std::vector<HeardT0> heard_t0_;  // while recovering: of each agent that holds the test
  size_t owners_heard_ = 0;        // while recovering: of the last owners
  // After a restart: participants that owned or owed slots and have not come back, and until when
  // they may.
  std::set<Incarnation> missing_;
  BootTime missing_until_{};
  Plan plan_;
  Ledger ledger_;
  Aggregator sums_;
  GeneratorHealth health_;
  std::map<Incarnation, Participant> participants_;
  std::set<Incarnation> quarantined_;  // with half their weight for the rest of the test
  std::vector<ThresholdView> thresholds_;
  // The begun intervals that are not settled, each with an agent that may still add to it as far as
  // is known. One by one, so that an agent which never comes back holds up its own seconds alone.
  std::map<int64_t, Incarnation> open_;
  bool dirty_ = true;
  bool record_dirty_ = true;

  // Collected for the next flush.
  std::vector<int64_t> settled_;  // to be dropped when the batch has them
  std::vector<PartitionRecord> new_partitions_;
  std::vector<SegmentRecord> new_segments_;
  std::vector<LedgerRecord> new_ledger_;
  std::vector<Change> new_changes_;
  std::vector<LogEvent> logs_;

  std::vector<Update> updates_;  // as in TestView
  std::shared_ptr<const TestView> view_;
};

// Seconds of test time that the figures of a test count: up to `tau`, its last begun segment, its
// end, or the moment it was stopped, whichever came first. Slots that a stop cancelled are no part
// of it.
double MeasuredSeconds(const TestRecord& record, Nanos tau);

// The view of a test that the store alone remembers.
std::shared_ptr<const TestView> ViewOfRecord(const TestRecord& record);

}  // namespace broadside
