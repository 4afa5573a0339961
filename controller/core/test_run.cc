#include "controller/core/test_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/core/check.h"
#include "common/core/mutant.h"
#include "common/core/status.h"

namespace broadside {
namespace {

TestRecord NewRecord(TestId id, const StartRequest& request, Now now) {
  TestRecord record;
  record.id = std::move(id);
  record.idempotency_key = request.idempotency_key;
  record.body_hash = request.body_hash;
  record.spec = std::make_shared<const TestSpec>(request.spec);
  record.created_at = now.wall;
  record.pieces = Curve::FromStages(request.spec.load.stages).pieces();
  return record;
}

std::string RateText(MicroRate rate) {
  return absl::StrFormat("%.15g rps", static_cast<double>(rate) / static_cast<double>(kMicro));
}

// Seconds for which a thread has been saturated without a break, as far as it was looked at.
double SaturatedFor(double cpu_fraction, BootTime now, std::optional<BootTime>& since) {
  if (cpu_fraction <= limits::kCpuSaturated) {
    since.reset();
    return 0;
  }
  if (!since.has_value()) since = now;
  return std::chrono::duration<double>(now - *since).count();
}

}  // namespace

TestRun::TestRun(TestId id, const StartRequest& request, const RunOptions& options, Now now)
    : options_(options),
      created_boot_(now.boot),
      record_(NewRecord(std::move(id), request, now)),
      plan_(record_.id, Curve::FromPieces(record_.pieces)) {
  spec_ = record_.spec;
  Note(ChangeKind::kCreated, spec_->name, now);
}

void TestRun::Note(ChangeKind kind, std::string detail, Now now) {
  Change change;
  change.revision = ++record_.revision;
  change.kind = kind;
  change.at = now.wall;
  change.detail = std::move(detail);
  new_changes_.push_back(std::move(change));
  Touch();
}

void TestRun::LogInfo(std::string event, std::vector<std::pair<std::string, std::string>> fields) {
  fields.insert(fields.begin(), {"test", record_.id});
  logs_.push_back({LogEvent::Level::kInfo, std::move(event), std::move(fields)});
}

std::vector<LogEvent> TestRun::TakeLogs() { return std::exchange(logs_, {}); }

// ---- agents ----

void TestRun::Tell(const AgentRecord& agent, Participant& participant, Outbox& outbox) {
  if (participant.told == agent.stream) return;
  participant.told = agent.stream;
  TestStart start;
  start.test = record_.id;
  start.spec = spec_;
  start.t0 = record_.t0;
  start.cut = record_.state == TestState::kStopping;
  outbox.For(*agent.stream).tests.push_back(std::move(start));
}

void TestRun::OnAgentBack(const AgentRecord& agent, const HeldTest* held, Now now,
                          const Fleet& fleet, Outbox& outbox) {
  if (recovering_ && held != nullptr) {
    const Nanos tau = held->tau - TestTime{};
    HeardT0& heard = heard_t0_.emplace_back(
        HeardT0{agent.incarnation, agent.hello_sent, agent.hello_received - tau, held->tau_error});
    if (heard.on_its_clock.has_value()) *heard.on_its_clock -= tau;
    if (ShareOf(agent.incarnation) > 0) ++owners_heard_;
  }
  missing_.erase(agent.incarnation);
  if (held != nullptr) KnowHolder(agent, *held);
  const auto it = participants_.find(agent.incarnation);
  if (it == participants_.end()) return;
  Participant& participant = it->second;
  if (participant.lost) {
    participant.lost = false;
    Note(ChangeKind::kAgentBack, agent.name, now);
  }
  participant.held.reset();
  if (recovering_) {
    // The rest when T0 is known.
    if (held != nullptr) participant.held = *held;
    return;
  }
  if (held != nullptr && !HoldsOurPlan(agent, *held)) {
    MarkInconsistent(Concat("agent ", agent.name, " holds another segment ", held->plan_through,
                            ": the store was lost or replaced"),
                     now, fleet, outbox);
    return;
  }
  Tell(agent, participant, outbox);
  // What it settled it may have forgotten; given again, it would be counted again.
  const int64_t holds =
      std::max(held == nullptr ? -1 : held->plan_through, participant.settled_through);
  for (const auto& [k, segment] : plan_.segments()) {
    if (k <= holds + (BROADSIDE_MUTANT("redelivery_skips_one") ? 1 : 0)) continue;
    std::optional<Grant> grant = plan_.GrantOf(agent.incarnation, k);
    if (grant.has_value()) outbox.AddGrant(*agent.stream, record_.id, std::move(*grant));
  }
  if (agent.draining) OnDraining(agent, now, outbox);
}

// Nothing is known of those whose seconds were settled before a restart, nor of those that had the
// test but no slot of it yet, nor of those that were forgotten: they too are to be told how it goes
// on, and when it is over.
void TestRun::KnowHolder(const AgentRecord& agent, const HeldTest& held) {
  const int64_t k = held.plan_through;
  const bool settled = k <= sums_.begun_through() && !open_.contains(k);
  if (!settled && !plan_.GrantOf(agent.incarnation, k).has_value()) return;
  const auto [it, fresh] = participants_.try_emplace(agent.incarnation);
  if (!fresh) return;
  Participant& participant = it->second;
  participant.name = agent.name;
  participant.first_owned = participant.last_owned = k;
  participant.settled_through = participant.closed_through = k;
}

// What an agent was granted is in the plan, unless the store lost its end.
bool TestRun::HoldsOurPlan(const AgentRecord& agent, const HeldTest& held) const {
  if (held.plan_through > plan_.appended_through()) return false;
  if (held.last_hash == 0) return true;
  const std::optional<Grant> last = plan_.GrantOf(agent.incarnation, held.plan_through);
  return !last.has_value() || GrantHash(*last) == held.last_hash;
}

void TestRun::OnAgentLost(const AgentRecord& agent, Now now) {
  const auto it = participants_.find(agent.incarnation);
  if (it == participants_.end() || Ended()) return;
  Participant& participant = it->second;
  participant.told.reset();
  // One that drained and reported everything has gone home.
  if (agent.draining && ledger_.OutstandingOf(agent.incarnation) == 0) return;
  // One that owns nothing any more and owes nothing is nobody's loss.
  if (!OwnsOrOwes(agent.incarnation)) return;
  Lose(participant, now);
}

bool TestRun::OwnsOrOwes(const Incarnation& agent) const {
  const bool owns = ShareOf(agent) > 0 && !plan_.Complete();
  return owns || ledger_.OutstandingOf(agent) != 0;
}

void TestRun::Lose(Participant& participant, Now now) {
  participant.lost = true;
  ++health_.agents_lost;
  if (health_.lost_first.size() < GeneratorHealth::kLostNamed)
    health_.lost_first.push_back(participant.name);
  Note(ChangeKind::kAgentLost, participant.name, now);
}

void TestRun::OnBeat(const AgentRecord& agent, const Beat& before, Now now) {
  const auto it = participants_.find(agent.incarnation);
  if (it == participants_.end() || record_.state == TestState::kPending || Ended()) return;
  const Beat& beat = agent.beat;
  Participant& participant = it->second;
  health_.clock_error_max = std::max(health_.clock_error_max, beat.clock_error);
  health_.loop_delay_max = std::max(health_.loop_delay_max, beat.loop_delay);
  health_.throttled_max = std::max(health_.throttled_max, beat.throttled_fraction);
  // Only what the counters rose by while the agent took part is the test's.
  if (before.clock_known) {
    health_.ports_exhausted +=
        beat.ports_exhausted - std::min(before.ports_exhausted, beat.ports_exhausted);
    health_.descriptors_exhausted +=
        beat.descriptors_exhausted -
        std::min(before.descriptors_exhausted, beat.descriptors_exhausted);
  }
  health_.cpu_saturated_s =
      std::max(health_.cpu_saturated_s,
               SaturatedFor(beat.cpu_fraction, now.boot, participant.saturated_since));
}

void TestRun::OnDraining(const AgentRecord& agent, Now now, Outbox& outbox) {
  const auto it = participants_.find(agent.incarnation);
  if (it == participants_.end() || !agent.Connected()) return;
  if (!Ended() && ShareOf(agent.incarnation) > 0 && !plan_.Complete()) {
    Note(ChangeKind::kAgentDraining, agent.name, now);
  }
  outbox.For(*agent.stream).released.push_back({record_.id, it->second.last_owned});
}

void TestRun::OnReport(const AgentRecord& agent, const TestDelta& delta, uint64_t seq, Now now,
                       Outbox& outbox, const Fleet& fleet) {
  const auto it = participants_.find(agent.incarnation);
  if (it == participants_.end()) {
    if (!delta.Empty()) {
      MarkInconsistent(Concat("agent ", agent.name, " reported a test of which it owns nothing"),
                       now, fleet, outbox);
    }
    return;
  }
  const absl::Status booked = ledger_.Report(agent.incarnation, delta);
  if (!booked.ok()) {
    MarkInconsistent(std::string(ToStd(booked.message())), now, fleet, outbox);
    return;
  }
  sums_.Add(delta);
  Participant& participant = it->second;
  participant.settled_through = std::max(participant.settled_through, delta.settled_through);
  participant.closed_through = std::max(participant.closed_through, delta.closed_through);
  LedgerRecord entry{agent.incarnation, seq, record_.id, {}, participant.settled_through};
  for (const auto& [k, due] : delta.by_due) {
    const uint64_t count = due.outcomes.Total();
    entry.reported.emplace_back(k, static_cast<int64_t>(count));
  }
  JudgePace(agent.incarnation, participant, delta);
  new_ledger_.push_back(std::move(entry));
  dirty_ = record_dirty_ = true;
}

void TestRun::JudgePace(const Incarnation& agent, Participant& participant,
                        const TestDelta& delta) {
  if (quarantined_.contains(agent)) return;
  for (const auto& [k, due] : delta.by_due) {
    Participant::Pace& pace = participant.pace[k];
    pace.ended += due.outcomes.Total();
    pace.skipped += due.outcomes[Outcome::kSkipped];
  }
  // A slot is skipped a while after it was due, so an interval is judged when all of it is known.
  while (!participant.pace.empty() &&
         participant.pace.begin()->first <= participant.settled_through) {
    const Participant::Pace& pace = participant.pace.begin()->second;
    const double limit = static_cast<double>(pace.ended) * limits::kQuarantineSkippedShare;
    if (static_cast<double>(pace.skipped) > limit) ++participant.slow_intervals;
    participant.pace.erase(participant.pace.begin());
  }
  if (participant.slow_intervals < limits::kQuarantineIntervals) return;
  quarantined_.insert(agent);
  participant.pace.clear();
}

void TestRun::OnCutDone(const AgentRecord& agent) {
  const auto it = participants_.find(agent.incarnation);
  if (it == participants_.end()) return;
  it->second.cut_done = true;
  dirty_ = true;
}

void TestRun::OnControllerHealth(const Ticked& tick, Now now) {
  if (Ended() || record_.state == TestState::kPending) return;
  health_.controller_loop_delay_max = std::max(health_.controller_loop_delay_max, tick.loop_delay);
  health_.controller_throttled_max =
      std::max(health_.controller_throttled_max, tick.throttled_fraction);
  health_.controller_cpu_saturated_s =
      std::max(health_.controller_cpu_saturated_s,
               SaturatedFor(tick.cpu_fraction, now.boot, controller_saturated_since_));
}

// ---- users ----

// The first segment that is not appended yet and that agents can still be given in time. Others may
// have begun already, when home was held up: their rate is history.
int64_t TestRun::FirstChangeable(Now now) const {
  const int64_t next = plan_.appended_through() + 1;
  if (!record_.started_at.has_value()) return next;
  return std::max(next, SegmentOf(Tau(now) + limits::kGrantLeadMin) + 1);
}

TestRun::RateAnswer TestRun::ChangeRate(MicroRate rate, Now now) {
  if (record_.state != TestState::kPending && record_.state != TestState::kRunning) {
    return {CommandCode::kConflict, Concat("the test is ", TestStateName(record_.state)), {}};
  }
  if (recovering_) {
    return {CommandCode::kUnavailable,
            "the controller has just restarted and does not know the test's time yet",
            {}};
  }
  const int64_t from = FirstChangeable(now);
  if (plan_.Complete() || from >= plan_.curve().SegmentCount()) {
    return {CommandCode::kConflict,
            "the whole test is already handed out: it ends within the horizon",
            {}};
  }
  if (!plan_.ChangeRate(from, rate)) {
    return {CommandCode::kConflict,
            Concat("the test has ", plan_.curve().pieces().size(),
                   " stages and rate changes (limit ", limits::kCurvePiecesMax, ")"),
            {}};
  }
  record_.pieces = plan_.curve().pieces();
  RateAnswer answer;
  if (record_.started_at.has_value())
    answer.effective_at = std::max(*record_.started_at + from * kSegment, now.wall);
  Note(ChangeKind::kRate, Concat(RateText(rate), " from second ", from), now);
  LogInfo("rate_changed", {{"rate", RateText(rate)}, {"from_second", Concat(from)}});
  return answer;
}

void TestRun::CutAll(const Fleet& fleet, Outbox& outbox) {
  for (auto& [incarnation, participant] : participants_) {
    const auto agent = fleet.find(incarnation);
    if (agent == fleet.end() || !agent->second.Connected()) continue;
    outbox.For(*agent->second.stream).cuts.push_back(record_.id);
  }
}

void TestRun::Stop(Now now, const Fleet& fleet, Outbox& outbox, const std::string& why) {
  if (Ended() || record_.state == TestState::kStopping) return;
  plan_.Close();
  record_.reason = why;
  LogInfo("test_stopping", {{"why", why}});
  if (record_.state == TestState::kPending) {
    End(TestState::kStopped, now, fleet, outbox);
    return;
  }
  record_.state = TestState::kStopping;
  record_.stopped_after = std::max(Nanos(0), TauShown(now));
  Note(ChangeKind::kState, Concat("stopping: ", why), now);
  CutAll(fleet, outbox);
}

// ---- ends ----

void TestRun::Fail(const std::string& why, Now now, const Fleet& fleet, Outbox& outbox) {
  record_.reason = why;
  LogInfo("test_failed", {{"why", why}});
  End(TestState::kFailed, now, fleet, outbox, why);
}

void TestRun::End(TestState state, Now now, const Fleet& fleet, Outbox& outbox,
                  const std::string& why) {
  record_.state = state;
  record_.ended_at = now.wall;
  if (!sums_.totals().done.codes.empty() || sums_.totals().planned > 0) {
    thresholds_ = JudgeThresholds(spec_->thresholds, sums_.totals(), Requests(now));
  }
  record_.thresholds = thresholds_;
  record_.verdict = JudgeGenerator(sums_.totals(), health_);
  record_.agents = ParticipantViews(fleet);
  Note(ChangeKind::kState, Concat(TestStateName(state), why.empty() ? "" : ": ", why), now);
  for (const auto& [incarnation, participant] : participants_) {
    const auto agent = fleet.find(incarnation);
    if (agent == fleet.end() || !agent->second.Connected()) continue;
    outbox.For(*agent->second.stream).finals.push_back(record_.id);
  }
  LogInfo("test_ended", {{"state", std::string(TestStateName(state))},
                         {"planned", Concat(sums_.totals().planned)},
                         {"ok", Concat(sums_.totals().due.outcomes[Outcome::kOk])},
                         {"verdict", std::string(VerdictLevelName(record_.verdict.generator))}});
}

void TestRun::MarkInconsistent(const std::string& why, Now now, const Fleet& fleet,
                               Outbox& outbox) {
  if (Ended()) return;
  plan_.Close();
  record_.reason = why;
  logs_.push_back({LogEvent::Level::kError, "books_broken", {{"test", record_.id}, {"why", why}}});
  CutAll(fleet, outbox);
  End(TestState::kInconsistent, now, fleet, outbox, why);
}

bool TestRun::PlanTaken(const Fleet& fleet) const {
  return std::all_of(participants_.begin(), participants_.end(), [&](const auto& entry) {
    const auto agent = fleet.find(entry.first);
    if (agent == fleet.end() || !agent->second.Connected()) return true;
    const std::vector<Beat::Plan>& plans = agent->second.beat.plans;
    return std::any_of(plans.begin(), plans.end(), [&](const Beat::Plan& plan) {
      return plan.test == record_.id && plan.plan_through >= entry.second.last_owned;
    });
  });
}

double TestRun::ShareOf(const Incarnation& agent) const {
  const Owner* owner = FindOwner(plan_.owners(), agent);
  if (owner == nullptr) return 0;
  // 2^64 points make the circle.
  return (static_cast<double>(owner->arc.last - owner->arc.lo) + 1) / 18446744073709551616.0;
}

int64_t TestRun::OutstandingBegun() const {
  int64_t outstanding = ledger_.total_outstanding();
  for (int64_t k = sums_.begun_through() + 1; k <= plan_.appended_through(); ++k) {
    outstanding -= ledger_.Outstanding(k);
  }
  return outstanding;
}

}  // namespace broadside
