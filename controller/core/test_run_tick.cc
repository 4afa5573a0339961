// The part of TestRun that moves with time.

#include <algorithm>

#include "common/core/check.h"
#include "common/core/mutant.h"
#include "common/core/status.h"
#include "controller/core/test_run.h"

namespace broadside {

std::vector<Candidate> TestRun::EligibleFor(const Fleet& fleet, Now now) const {
  std::vector<Candidate> eligible;
  for (const auto& [incarnation, agent] : fleet) {
    if (!agent.Eligible(now.boot)) continue;
    // Twice the threads, so that a quarantined agent can have half of an odd weight.
    uint32_t weight = agent.threads * 2;
    if (quarantined_.contains(incarnation)) weight = agent.threads;
    eligible.push_back({incarnation, agent.name, weight});
  }
  return eligible;
}

void TestRun::Tick(Now now, const Fleet& fleet, bool bridge, Outbox& outbox) {
  if (Ended()) return;
  if (record_.state == TestState::kPending) {
    TickPending(now, fleet, outbox);
    if (record_.state != TestState::kRunning) return;
  }
  if (recovering_) {
    TickRecovering(now, fleet, outbox);
    if (recovering_ || Ended()) return;
  }
  if (!missing_.empty() && now.boot >= missing_until_) LoseMissing(now);
  if (record_.state == TestState::kRunning) Append(now, fleet, bridge, outbox);
  const int64_t begun_before = sums_.begun_through();
  BeginThrough(std::min(SegmentOf(Tau(now)), plan_.appended_through()));
  if (sums_.begun_through() > begun_before) ForgetParticipants(fleet);
  CloseSeconds(now);
  SettleIntervals(now);
  CheckBooks(now, fleet, outbox);
  if (!Ended()) CheckThresholds(now, fleet, outbox);
  if (!Ended()) CheckFinal(now, fleet, outbox);
}

void TestRun::TickPending(Now now, const Fleet& fleet, Outbox& outbox) {
  const int64_t ready = EligibleAgents(fleet, now.boot);
  if (ready < spec_->agents.min) {
    if (now.boot - created_boot_ <= limits::kAgentsReadyTimeout) return;
    Fail(Concat(ready, " of ", spec_->agents.min, " agents (agents.min) were ready within ",
                Seconds(limits::kAgentsReadyTimeout).count(), " s"),
         now, fleet, outbox);
    return;
  }
  record_.t0 = now.boot + options_.start_lead;
  record_.started_at = now.wall + options_.start_lead;
  record_.state = TestState::kRunning;
  Note(ChangeKind::kState, "running", now);
  LogInfo("test_started", {{"name", spec_->name}, {"agents_ready", Concat(ready)}});
}

void TestRun::Append(Now now, const Fleet& fleet, bool bridge, Outbox& outbox) {
  Nanos reach = bridge ? Nanos(limits::kBridge) : options_.horizon;
  if (BROADSIDE_MUTANT("horizon_too_long")) reach += kSegment;
  const int64_t end = SegmentOf(Tau(now)) + reach / kSegment;
  if (plan_.Complete() || plan_.appended_through() + 1 >= end) return;
  const std::vector<Candidate> eligible = EligibleFor(fleet, now);
  while (!plan_.Complete() && plan_.appended_through() + 1 < end) {
    const int64_t k = plan_.appended_through() + 1;
    const Nanos lead = SegmentStart(k) - Tau(now);
    std::vector<Candidate> owners;
    if (lead >= limits::kGrantLeadMin) {
      owners =
          ChooseOwners(record_.id, eligible, plan_.owners(), plan_.curve().PeakRateFrom(k * 1000),
                       spec_->agents.min, spec_->agents.use);
      // Who is not there yet may be in time: a segment is given up only when it must be.
      if (owners.empty()) break;
    }
    const Plan::Appended appended =
        plan_.Append(owners, bridge ? SegmentKind::kBridge : SegmentKind::kPlanned);
    sums_.Append(k, appended.segment.slots.Size());
    if (appended.new_partition && !BROADSIDE_MUTANT("partition_not_stored")) {
      new_partitions_.push_back({record_.id, appended.partition, appended.owners});
    }
    new_segments_.push_back(plan_.segments().at(k));
    if (appended.owners.empty() && !BROADSIDE_MUTANT("unassigned_not_booked"))
      sums_.Book(k, Outcome::kUnassigned, appended.segment.slots.Size());
    for (size_t i = 0; i < appended.owners.size(); ++i) {
      GrantTo(appended.owners[i], appended.segment, appended.slots[i], now, fleet, outbox);
    }
    Touch();
  }
  record_.appended_through = plan_.appended_through();
}

void TestRun::GrantTo(const Owner& owner, const Segment& segment, int64_t slots, Now now,
                      const Fleet& fleet, Outbox& outbox) {
  const AgentRecord& agent = fleet.at(owner.incarnation);
  const auto [it, fresh] = participants_.try_emplace(owner.incarnation);
  Participant& participant = it->second;
  if (fresh && segment.k > 0) Note(ChangeKind::kAgentJoined, owner.name, now);
  if (participant.last_owned < 0) {
    participant.name = owner.name;
    // It owes nothing of the seconds before it came.
    participant.settled_through = participant.closed_through = segment.k - 1;
    participant.first_owned = segment.k;
  }
  if (slots == 0) return;  // an empty share is no message
  participant.last_owned = segment.k;
  ledger_.Grant(owner.incarnation, segment.k, slots);
  BS_CHECK(agent.Connected()) << agent.name << " owns a segment without a stream";
  Tell(agent, participant, outbox);
  outbox.AddGrant(*agent.stream, record_.id, Grant{segment, owner.arc});
}

void TestRun::CloseSeconds(Now now) {
  const int64_t margin = spec_->SecondsToEnd();
  for (int64_t k = sums_.closed_through() + 1; k <= sums_.begun_through(); ++k) {
    const TestTime end = SegmentStart(k + 1);
    if (Tau(now) < end) return;
    const auto may_add = [&](const auto& entry) { return entry.second.MayStillAdd(k, margin); };
    // The first one that is missing is found early, most often.
    if (Tau(now) < end + limits::kCloseAfter &&
        std::any_of(participants_.begin(), participants_.end(), may_add))
      return;
    sums_.Close(k, Coverage(k));
    Touch();
  }
}

double TestRun::Coverage(int64_t k) const {
  const int64_t margin = spec_->SecondsToEnd();
  int64_t owing = 0;
  int64_t missing = 0;
  for (const auto& [incarnation, participant] : participants_) {
    if (participant.first_owned > k || k > participant.last_owned + margin) continue;
    ++owing;
    if (participant.MayStillAdd(k, margin)) ++missing;
  }
  return owing == 0 ? 1.0 : 1.0 - static_cast<double>(missing) / static_cast<double>(owing);
}

void TestRun::SettleIntervals(Now now) {
  const int64_t margin = spec_->SecondsToEnd();
  const int64_t past = std::min(SegmentOf(Tau(now)) - 1, sums_.closed_through());
  for (auto it = open_.begin(); it != open_.end() && it->first <= past;) {
    const auto at = it++;
    const int64_t k = at->first;
    if (ledger_.Outstanding(k) != 0) continue;
    const auto may_add = [&](const auto& entry) {
      if (BROADSIDE_MUTANT("settled_while_answers_come")) return entry.second.Owes(k);
      return entry.second.Owes(k) || entry.second.MayStillAdd(k, margin);
    };
    // Most often it is the same agent as the last time.
    const auto same = participants_.find(at->second);
    if (same != participants_.end() && may_add(*same)) continue;
    const auto other = std::find_if(participants_.begin(), participants_.end(), may_add);
    if (other == participants_.end()) {
      Settle(k);
    } else {
      at->second = other->first;
    }
  }
}

void TestRun::BeginThrough(int64_t k) {
  const int64_t before = sums_.begun_through();
  sums_.Begin(k);
  for (int64_t begun = before + 1; begun <= sums_.begun_through(); ++begun)
    open_.try_emplace(begun);
  if (sums_.begun_through() == before) return;
  record_.begun_through = sums_.begun_through();
  Touch();
}

void TestRun::ForgetParticipants(const Fleet& fleet) {
  std::erase_if(participants_, [&](const auto& entry) {
    const auto& [incarnation, participant] = entry;
    if (fleet.contains(incarnation) || missing_.contains(incarnation)) return false;
    if (ledger_.OutstandingOf(incarnation) != 0) return false;
    return participant.settled_through >= participant.last_owned;
  });
}

void TestRun::CloseBooks() {
  BeginThrough(plan_.appended_through());
  for (const auto& [k, slots] : ledger_.WriteOff()) sums_.Book(k, Outcome::kUnknown, slots);
  while (sums_.closed_through() < sums_.begun_through()) {
    const int64_t k = sums_.closed_through() + 1;
    sums_.Close(k, Coverage(k));
  }
  while (!open_.empty()) Settle(open_.begin()->first);
  sums_.CloseRest();
}

void TestRun::Settle(int64_t k) {
  sums_.Settle(k);
  settled_.push_back(k);
  open_.erase(k);
  Touch();
}

void TestRun::CheckThresholds(Now now, const Fleet& fleet, Outbox& outbox) {
  if (spec_->thresholds.empty() || !record_.started_at.has_value()) return;
  std::vector<ThresholdView> judged =
      JudgeThresholds(spec_->thresholds, sums_.totals(), Requests(now));
  std::string abort;
  for (size_t i = 0; i < judged.size(); ++i) {
    const bool was_ok = i >= thresholds_.size() || thresholds_[i].ok;
    const Threshold& threshold = judged[i].threshold;
    const std::string text =
        Concat(ThresholdMetricName(threshold.metric), " ", threshold.expression);
    if (judged[i].ok != was_ok)
      Note(ChangeKind::kThreshold, Concat(text, judged[i].ok ? " holds again" : " crossed"), now);
    if (!judged[i].ok && threshold.abort_on_fail &&
        Tau(now) >= TestTime(threshold.delay_abort_eval))
      abort = text;
  }
  thresholds_ = std::move(judged);
  if (!abort.empty()) Stop(now, fleet, outbox, Concat(kThresholdCrossed, abort));
}

void TestRun::CheckBooks(Now now, const Fleet& fleet, Outbox& outbox) {
  const Totals& totals = sums_.totals();
  const auto booked = static_cast<int64_t>(totals.due.outcomes.Total());
  const int64_t outstanding = OutstandingBegun();
  if (totals.planned == booked + outstanding) return;
  MarkInconsistent(
      Concat("planned ", totals.planned, ", outcomes ", booked, ", outstanding ", outstanding), now,
      fleet, outbox);
}

void TestRun::CheckFinal(Now now, const Fleet& fleet, Outbox& outbox) {
  if (!plan_.Complete()) return;
  const TestTime end = SegmentStart(plan_.appended_through() + 1);
  const Nanos owed = spec_->max_lateness + spec_->timeout;
  const bool stopping = record_.state == TestState::kStopping;
  const bool nothing_open = ledger_.total_outstanding() == 0;
  // Stopped is said only when it is certain that nothing more is sent.
  const bool certain = std::all_of(participants_.begin(), participants_.end(), [&](const auto& of) {
    const TestTime last = SegmentStart(of.second.last_owned + 1);
    return of.second.cut_done || Tau(now) >= last + spec_->max_lateness + limits::kClockErrorMax;
  });
  const bool settled = nothing_open && (stopping ? certain : Tau(now) >= end);
  // After a restart the agents have to come back before anything is given up.
  const bool back = !restored_at_.has_value() || BROADSIDE_MUTANT("written_off_at_once") ||
                    now.boot >= *restored_at_ + limits::kFinalGrace;
  const bool given_up = Tau(now) >= end + owed + limits::kFinalGrace && back;
  const bool hasty = BROADSIDE_MUTANT("stopped_before_certain") && stopping;
  if (!settled && !given_up && !hasty) return;
  LoseMissing(now);
  CloseBooks();
  End(stopping ? TestState::kStopped : TestState::kFinished, now, fleet, outbox);
}

}  // namespace broadside
