#pragma once

// The decisions of an agent: its connection to the controller, whom it trusts, its clock, the tests
// it holds, what it reports and when it may go. A pure state machine: what happened and the time
// come in, what is to be done goes out, in order. No thread, no clock, no I/O, no globals; the same
// options, events and times give the same effects. Owned by one thread (or a simulator). A step
// costs microseconds; one that sends a report copies it.
//
// Rules that it keeps:
//   - a grant up to plan_through is ignored, so redelivery is harmless;
//   - a test's clock is anchored once and never steps;
//   - every result is in exactly one report, reports are sent in order, kept until acknowledged,
//   and sent again unchanged after a reconnect;
//   - it serves one store: an older controller of it, or another store while slots of this one have
//   no outcome, is refused;
//   - a drain ends with code 0 only when the controller has released it and every result is
//   acknowledged.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/core/backoff.h"
#include "agent/core/capacity_estimate.h"
#include "agent/core/clock_estimate.h"
#include "agent/core/events.h"
#include "agent/core/report_queue.h"
#include "agent/core/test_holding.h"
#include "common/core/fleet_messages.h"
#include "common/core/limits.h"
#include "common/core/time.h"

namespace broadside {

struct AgentCoreOptions {
  Incarnation incarnation;
  std::string name;
  uint32_t threads = 1;
  std::string version;
  uint64_t seed = 0;  // of the jitter
};

// What people and probes may know of an agent; a copy.
struct AgentStatus {
  bool connected = false;  // welcomed, and the stream stands
  std::string reason;      // why not, when it is not
  bool draining = false;
  bool exited = false;
  bool clock_known = false;
  Nanos clock_offset{0};
  Nanos clock_error{0};
  uint64_t reports_made = 0;
  size_t reports_unacknowledged = 0;
  size_t tests = 0;
  uint64_t streams_opened = 0;
  std::optional<double> capacity_rps;  // nothing until it was measured
};

class AgentCore {
 public:
  // Another controller than the one whose results are undelivered is refused for this long after
  // that one was lost.
  static constexpr Seconds kForeignStoreGrace{10};
  // A controller of another protocol is asked again this seldom.
  static constexpr Seconds kSlowRetry{30};
  // A drain may take kBridge + max_lateness + timeout + kDrainGrace; in the last kDeliverGrace of
  // it nothing is in flight any more.
  static constexpr Seconds kDrainGrace{5};
  static constexpr Seconds kDeliverGrace{2};
  // Ended tests can be held until they are final, beside the running ones; a further test is not
  // taken.
  static constexpr size_t kTestsHeldMax = 4 * limits::kTestsRunningMax;
  // One that has lost its controller comes back this long to be heard: grants may have been lost
  // with the stream, of which only the controller knows.
  static constexpr Seconds kDrainAway{3};
  // A test is not started on a clock that may be off by more than kClockErrorMax, until the
  // estimate has been so bad for this long.
  static constexpr Seconds kAnchorWait{2};
  // A clock that is off is slewed such that it would be right this much later.
  static constexpr Seconds kSlewOver{5};

  explicit AgentCore(AgentCoreOptions options);

  Effects Step(const Event& event, BootTime now);
  // The earliest time at which a Tick may have an effect; calling later is safe, earlier useless.
  // Far away after Exit.
  BootTime NextTick() const;
  AgentStatus Status(BootTime now) const;

 private:
  enum class State : uint8_t { kBackingOff, kOpening, kGreeted, kWelcomed, kExited };

  // Connection (agent_core.cc).
  void On(const Tick&) {}
  void On(const StreamOpened& event);
  void On(const StreamClosed& event);
  void On(const MessageReceived& event);
  void On(const ResultsCollected& event);
  void On(const TestCut& event);
  void On(const DrainRequested& event);
  void Open();
  void Drop(std::string reason, Nanos wait);
  void OnWelcome(const Welcome& welcome);
  void OnReject(const Reject& reject);
  std::string RefusalOf(const Welcome& welcome) const;
  void AdvanceConnection();
  BootTime ConnectionDeadline() const;

  // Messages out (agent_core_reports.cc).
  Hello MakeHello() const;
  Beat MakeBeat();
  void Send(AgentMessage message);
  void SendReports();
  void AdvanceReports();
  BootTime NextReportTime() const;
  BootTime BeatDue() const;

  // Tests and clock (agent_core_tests.cc).
  void OnTestMessage(const ControllerMessage& message);
  void OnTestStart(const TestStart& start);
  void OnGrant(const TestGrant& message);
  void OnCut(const TestId& id);
  void OnBeatReply(const BeatReply& reply, BootTime received);
  void AdvanceClock();
  void StartHolding(const TestId& id, TestHolding& test);
  void Slew();
  void Forget(std::map<TestId, TestHolding>::iterator entry);
  void ForgetDryTests();
  bool HasUnfinishedSlots() const;
  Nanos ClockError(BootTime now) const;
  Nanos LongestSlot() const;

  // Drain (agent_core_tests.cc).
  void AdvanceDrain();
  bool IsDrained() const;
  BootTime DrainBound() const;
  void LeaveWith(int code);

  template <typename E>
  void Emit(E&& effect) {
    out_.emplace_back(std::forward<E>(effect));
  }
  void Log(Severity severity, std::string_view event, std::string detail);
  // Logs unless the same was the last thing said about being kept away: a retry every two seconds
  // would fill the log.
  void LogOnce(Severity severity, std::string_view event, const std::string& detail);

  // Constant after construction.
  const AgentCoreOptions options_;
  const Nanos spread_;  // of the reports, from the incarnation

  // Of the step under way.
  BootTime now_{};
  Effects out_;

  // Connection. `stream_` is the current one, 0 for none.
  State state_ = State::kBackingOff;
  Backoff backoff_;
  uint64_t stream_ = 0;
  uint64_t streams_opened_ = 0;
  BootTime retry_at_ = BootTime::min();
  BootTime opened_at_{};   // or greeted: since when the current state waits for the other side
  BootTime heard_at_{};    // last message
  BootTime away_since_{};  // since when there is no welcomed stream
  std::string not_connected_reason_ = "starting";
  std::string last_refusal_;

  // Whom it serves, and how that one wants it.
  std::string store_uuid_;
  uint64_t epoch_ = 0;
  uint64_t nonce_ = 0;
  Millis beat_interval_ = limits::kBeatSmallFleet;
  Millis report_interval_ = limits::kBeatSmallFleet;
  Millis silence_ = limits::kBeatSmallFleet * limits::kSilenceBeats;

  // Clock, tests, reports.
  ClockEstimate clock_;
  std::optional<BootTime> clock_bad_since_;  // the estimate may be off by more than kClockErrorMax
  bool clock_told_ = false;                  // the last beat said that the clock is known
  std::map<TestId, TestHolding> tests_;
  ReportQueue reports_;
  CapacityEstimate capacity_;
  LoadStats stats_;         // worst since the last beat
  bool stats_told_ = true;  // a beat has carried stats_
  BootTime sent_at_{};      // last message of this stream
  BootTime
      last_beat_sent_{};  // or a little before its stamp: the answer to it continues the series
  bool collecting_ = false;
  BootTime collect_since_{};
  BootTime next_collect_ = BootTime::min();
  BootTime report_anchor_{};  // reports are due at anchor + spread + n * interval

  // Drain.
  std::optional<BootTime> drain_since_;
  bool may_leave_ = false;  // the controller knows of it: nothing is on its way, nothing will be
  bool abandoned_ = false;
};

}  // namespace broadside
