// The tests an agent holds, the clock they run on, and its way out.

#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/core/agent_core.h"
#include "common/core/status.h"

namespace broadside {

void AgentCore::OnTestMessage(const ControllerMessage& message) {
  for (const TestStart& start : message.tests) OnTestStart(start);
  for (const TestGrant& grant : message.grants) OnGrant(grant);
  if (message.ack && !reports_.Acknowledge(*message.ack)) {
    Log(Severity::kError, "report_numbers_jumped",
        Concat("the controller acknowledges report ", *message.ack, ", which was never sent"));
  }
  for (const TestId& id : message.cuts) OnCut(id);
  for (const Released& released : message.released) {
    const auto entry = tests_.find(released.test);
    if (entry != tests_.end()) entry->second.released_through = released.through;
  }
  for (const TestId& id : message.finals) {
    if (const auto entry = tests_.find(id); entry != tests_.end()) Forget(entry);
  }
  if (message.may_leave && drain_since_) may_leave_ = true;
  if (message.drain) On(DrainRequested{});
}

void AgentCore::OnTestStart(const TestStart& start) {
  auto entry = tests_.find(start.test);
  if (entry == tests_.end()) {
    if (tests_.size() >= kTestsHeldMax) {
      return Log(Severity::kError, "test_not_taken",
                 Concat("holds ", tests_.size(), " tests already; test ", start.test));
    }
    entry = tests_.try_emplace(start.test).first;
    entry->second.spec = start.spec;
  }
  entry->second.t0 = start.t0;
  if (start.cut) OnCut(start.test);
}

void AgentCore::OnGrant(const TestGrant& message) {
  const auto entry = tests_.find(message.test);
  if (entry == tests_.end()) {
    return Log(Severity::kWarn, "grant_without_test", Concat("test ", message.test));
  }
  TestHolding& test = entry->second;
  for (const Grant& grant : message.grants) {
    if (grant.segment.k <= test.plan_through) continue;
    test.plan_through = grant.segment.k;
    test.last_hash = GrantHash(grant);
    if (test.clock) {
      Emit(ExtendTest{message.test, grant});
    } else {
      test.waiting.push_back(grant);
    }
  }
}

// Idempotent: asked again, it says again that it is done.
void AgentCore::OnCut(const TestId& id) {
  const auto entry = tests_.find(id);
  bool done = true;  // what it does not hold, it does not send
  if (entry != tests_.end()) {
    TestHolding& test = entry->second;
    if (!test.cut && test.clock) Emit(CutTest{id});
    test.cut = true;
    done = test.cut_done || !test.clock;
  }
  if (!done) return;
  AgentMessage message;
  message.cut_done.push_back(id);
  Send(std::move(message));
}

void AgentCore::On(const TestCut& event) {
  const auto entry = tests_.find(event.test);
  if (entry == tests_.end()) return;
  entry->second.cut_done = true;
  // Without a controller nothing is lost: it asks again.
  if (state_ != State::kWelcomed) return;
  AgentMessage message;
  message.cut_done.push_back(event.test);
  Send(std::move(message));
}

void AgentCore::Forget(std::map<TestId, TestHolding>::iterator entry) {
  if (entry->second.clock) Emit(ForgetTest{entry->first});
  reports_.Forget(entry->first);
  tests_.erase(entry);
}

// ---- clock ----

void AgentCore::OnBeatReply(const BeatReply& reply, BootTime received) {
  if (!clock_.Add(reply, received)) return;
  if (clock_.SeriesDone(now_)) {
    Slew();
  } else if (reply.agent_sent >= last_beat_sent_) {
    Send({});
  }
}

void AgentCore::AdvanceClock() {
  if (state_ != State::kWelcomed) return ForgetDryTests();
  clock_.SeriesDone(now_);
  if (!clock_.known()) return;
  // A test keeps the clock that it starts with, and a slew is slow. An estimate from answers that
  // were read late is soon replaced by a better one; if none comes, a wrong clock is better than
  // slots without an outcome.
  const bool good = clock_.error() <= limits::kClockErrorMax;
  if (good) {
    clock_bad_since_.reset();
  } else if (!clock_bad_since_) {
    clock_bad_since_ = now_;
  }
  for (auto& [id, test] : tests_) {
    if (test.clock || !test.t0) continue;
    if (good || now_ >= *clock_bad_since_ + kAnchorWait) StartHolding(id, test);
  }
  // At once, not with the next beat: an agent counts as ready only when its clock is known.
  if (!clock_told_) Send({});
}

void AgentCore::StartHolding(const TestId& id, TestHolding& test) {
  test.clock.emplace(*test.t0 + clock_.offset());
  Emit(StartTest{id, test.spec, *test.clock});
  // Before the grants, so that not one request of them is sent.
  if (test.cut) Emit(CutTest{id});
  for (Grant& grant : test.waiting) Emit(ExtendTest{id, std::move(grant)});
  test.waiting.clear();
  if (tests_.size() == 1) {
    report_anchor_ = test.clock->ToBoot(TestTime{});
    next_collect_ = std::min(next_collect_, NextReportTime());
  }
}

// Within the error of the estimate a clock counts as right: slewing after noise would only add
// some.
void AgentCore::Slew() {
  for (auto& [id, test] : tests_) {
    if (!test.clock || !test.t0) continue;
    const Nanos behind = test.Behind(now_, clock_.offset());
    const bool is_off = std::chrono::abs(behind) > clock_.error();
    if (!is_off && test.clock->slew_ppm() == 0) continue;
    const TestTime tau = test.clock->ToTest(now_);
    test.clock->SlewTo(now_, is_off ? tau + behind : tau, kSlewOver);
    Emit(SetClock{id, *test.clock});
  }
}

// Half the round trip, and how far the worst test's clock is from the estimate: a map may need long
// to slew back after a machine was paused.
Nanos AgentCore::ClockError(BootTime now) const {
  Nanos behind{0};
  for (const auto& [id, test] : tests_) {
    if (!test.clock || !test.t0 || !clock_.known()) continue;
    behind = std::max(behind, std::chrono::abs(test.Behind(now, clock_.offset())));
  }
  return clock_.error() + behind;
}

// ---- ends ----

bool AgentCore::HasUnfinishedSlots() const {
  return std::any_of(tests_.begin(), tests_.end(),
                     [](const auto& entry) { return !entry.second.Settled(); });
}

// The longest that a granted slot can take from its due time to its outcome.
Nanos AgentCore::LongestSlot() const {
  Nanos longest{0};
  for (const auto& [id, test] : tests_) {
    longest = std::max<Nanos>(longest, test.spec->max_lateness + test.spec->timeout);
  }
  return longest;
}

// A controller that stays away this long has ended its tests as failed: the engine need not keep
// them. One whose results are owed is kept: the controller, which may only have been out of reach,
// does not know that its slots are settled and would grant them again.
void AgentCore::ForgetDryTests() {
  if (reports_.Owes()) return;
  const Nanos kept = limits::kControllerGapMax + LongestSlot() + limits::kFinalGrace;
  if (now_ < away_since_ + kept) return;
  for (auto entry = tests_.begin(); entry != tests_.end();) {
    const auto next = std::next(entry);
    if (entry->second.Settled()) {
      Log(Severity::kWarn, "test_forgotten",
          Concat("test ", entry->first, ": no controller for ", kept / Seconds(1), " s"));
      Forget(entry);
    }
    entry = next;
  }
}

void AgentCore::On(const DrainRequested&) {
  if (drain_since_) return;
  drain_since_ = now_;
  Log(Severity::kInfo, "draining", Concat("holds ", tests_.size(), " tests"));
  if (state_ == State::kWelcomed)
    Send({});  // at once: the controller leaves it out from its next segment on
}

void AgentCore::AdvanceDrain() {
  if (!drain_since_) return;
  if (IsDrained()) {
    Log(Severity::kInfo, "drained", Concat("made ", reports_.next_seq() - 1, " reports"));
    return LeaveWith(0);
  }
  const BootTime bound = DrainBound();
  if (now_ >= bound - kDeliverGrace && !abandoned_) {
    abandoned_ = true;
    for (auto& [id, test] : tests_) {
      if (!test.clock) continue;
      if (!test.cut) Emit(CutTest{id});
      test.cut = true;
      Emit(AbandonTest{id});
    }
    next_collect_ = now_;
  }
  if (now_ < bound) return;
  Log(Severity::kWarn, "drain_incomplete",
      Concat("leaves at the drain bound with ", reports_.undelivered(),
             " reports not delivered and ", tests_.size(), " tests not released"));
  LeaveWith(1);
}

bool AgentCore::IsDrained() const {
  const bool welcomed = state_ == State::kWelcomed;
  if (welcomed ? !reports_.Empty() : reports_.Owes()) return false;
  for (const auto& [id, test] : tests_) {
    if (!test.DrainedOut()) return false;
  }
  // Before that something may be on its way, of a test of which nothing is known here.
  if (may_leave_) return true;
  if (welcomed) return false;
  return store_uuid_.empty() || now_ >= std::max(*drain_since_, away_since_) + kDrainAway;
}

BootTime AgentCore::DrainBound() const {
  return *drain_since_ + limits::kBridge + LongestSlot() + kDrainGrace;
}

void AgentCore::LeaveWith(int code) {
  if (stream_ != 0) Emit(CloseStream{stream_});
  stream_ = 0;
  not_connected_reason_ = "exited";
  state_ = State::kExited;
  Emit(Exit{code});
}

}  // namespace broadside
