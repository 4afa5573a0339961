// The part of TestRun that goes on after a restart of the controller.

#include <algorithm>
#include <utility>

#include "common/core/mutant.h"
#include "common/core/status.h"
#include "controller/core/test_run.h"

namespace broadside {
namespace {

// How long an agent may take to come back once test time is known: the longest silence.
constexpr Nanos kReturn = limits::kSilenceBeats * limits::kBeatLargeFleet;

}  // namespace

TestRun::TestRun(const StoredTest& stored, const std::vector<StoredLedgerEntry>& ledger,
                 const RunOptions& options, Now now)
    : options_(options),
      created_boot_(now.boot),
      record_(stored.test),
      restored_at_(now.boot),
      plan_(record_.id, Curve::FromPieces(record_.pieces)) {
  spec_ = record_.spec;
  thresholds_ = record_.thresholds;
  health_ = record_.health;
  quarantined_.insert(record_.quarantined.begin(), record_.quarantined.end());
  recovering_ = record_.state != TestState::kPending;
  plan_.Restore(stored.partitions, stored.segments, record_.appended_through);
  if (record_.state == TestState::kStopping) plan_.Close();
  RestoreBooks(stored, ledger);
}

void TestRun::RestoreBooks(const StoredTest& stored, const std::vector<StoredLedgerEntry>& ledger) {
  for (const int64_t k : record_.open) open_.try_emplace(k);
  const auto settled = [&](int64_t k) { return k <= record_.begun_through && !open_.contains(k); };
  std::vector<IntervalView> intervals;
  const IntervalView* last_closed = nullptr;
  for (const IntervalRecord& interval : stored.intervals) {
    if (interval.interval.closed) last_closed = &interval.interval;
    if (!settled(interval.interval.k)) intervals.push_back(interval.interval);
  }
  sums_.Restore(record_.planned, record_.due, record_.done, intervals, record_.begun_through,
                last_closed);
  for (const SegmentRecord& segment : stored.segments) {
    if (settled(segment.k)) plan_.Drop(segment.k);
  }
  for (const auto& [k, segment] : plan_.segments()) {
    if (k > sums_.begun_through()) {
      const bool has_outcomes = sums_.Find(k) != nullptr;
      sums_.Append(k, segment.slots.Size());
      if (!has_outcomes && segment.partition == kNoPartition)
        sums_.Book(k, Outcome::kUnassigned, segment.slots.Size());
    }
    const std::vector<Owner>* owners = plan_.PartitionOf(k);
    if (owners == nullptr) continue;
    for (const Owner& owner : *owners) {
      const int64_t slots = CountSlots(owner.arc, ArcOffset(record_.id), segment.slots);
      Participant& participant = participants_[owner.incarnation];
      participant.name = owner.name;
      if (participant.first_owned < 0) participant.first_owned = k;
      if (slots == 0) continue;
      participant.last_owned = k;
      ledger_.Grant(owner.incarnation, k, slots);
    }
  }
  for (const StoredLedgerEntry& entry : ledger) {
    if (entry.test != record_.id) continue;
    if (BROADSIDE_MUTANT("ledger_not_restored")) continue;
    ledger_.Restore(entry.incarnation, entry.settled_through, entry.reported);
    const auto participant = participants_.find(entry.incarnation);
    if (participant != participants_.end())
      participant->second.settled_through = entry.settled_through;
  }
  for (const Incarnation& lost : record_.lost) {
    const auto participant = participants_.find(lost);
    if (participant != participants_.end()) participant->second.lost = true;
  }
}

// The median of what the agents say, those whose clock is too uncertain to send left out. By the
// clock exchanges that followed the Hello, as a Hello may have been on its way for seconds; by its
// arrival only if there is nothing better.
BootTime TestRun::RecoveredT0(Now now, const Fleet& fleet) const {
  std::vector<BootTime> exact;
  std::vector<BootTime> rough;
  std::vector<BootTime> uncertain;
  for (const HeardT0& heard : heard_t0_) {
    if (const std::optional<BootTime> t0 = ExactT0(heard, fleet)) exact.push_back(*t0);
    (heard.error <= limits::kClockErrorMax ? rough : uncertain).push_back(heard.at_arrival);
  }
  for (std::vector<BootTime>* said : {&exact, &rough, &uncertain}) {
    if (said->empty()) continue;
    const auto middle = said->begin() + static_cast<std::ptrdiff_t>(said->size() / 2);
    std::nth_element(said->begin(), middle, said->end());
    return *middle;
  }
  // Nobody holds the test: the wall clock is all there is.
  return now.boot - (now.wall - *record_.started_at);
}

std::optional<BootTime> TestRun::ExactT0(const HeardT0& heard, const Fleet& fleet) {
  const auto agent = fleet.find(heard.agent);
  if (!heard.on_its_clock.has_value() || agent == fleet.end()) return std::nullopt;
  const Beat& beat = agent->second.beat;
  if (!beat.clock_known || heard.error + beat.clock_error > limits::kClockErrorMax)
    return std::nullopt;
  return *heard.on_its_clock - beat.clock_offset;
}

bool TestRun::T0CanBeKnownBetter(const Fleet& fleet) const {
  bool soon = false;
  for (const HeardT0& heard : heard_t0_) {
    if (ExactT0(heard, fleet).has_value()) return false;
    const auto agent = fleet.find(heard.agent);
    soon = soon || (heard.on_its_clock.has_value() && agent != fleet.end() &&
                    agent->second.Connected() && !agent->second.beat.clock_known);
  }
  return soon;
}

void TestRun::TickRecovering(Now now, const Fleet& fleet, Outbox& outbox) {
  const Nanos waited = now.boot - *restored_at_;
  const bool heard = 2 * owners_heard_ >= plan_.owners().size() && !T0CanBeKnownBetter(fleet);
  if (!heard && BROADSIDE_MUTANT("waits_for_owners_for_ever")) return;
  if (waited < limits::kRecoverMin || (!heard && waited < limits::kRecoverMax)) return;
  record_.t0 = RecoveredT0(now, fleet);
  recovering_ = false;
  Touch();
  missing_until_ = now.boot + kReturn;
  for (const auto& [incarnation, participant] : participants_) {
    const auto agent = fleet.find(incarnation);
    if (participant.lost || (agent != fleet.end() && agent->second.Connected())) continue;
    if (OwnsOrOwes(incarnation)) missing_.insert(incarnation);
  }
  const Nanos gap = Tau(now) - SegmentStart(plan_.appended_through() + 1);
  if (record_.state == TestState::kRunning && !plan_.Complete() &&
      gap > limits::kControllerGapMax) {
    plan_.Close();
    LoseMissing(now);
    CloseBooks();
    Fail(Concat("no controller for more than ", limits::kControllerGapMax.count(), " minutes"), now,
         fleet, outbox);
    return;
  }
  LogInfo("test_resumed", {{"agents_heard", Concat(heard_t0_.size())},
                           {"appended_through", Concat(plan_.appended_through())}});
  Resume(fleet, now, outbox);
}

void TestRun::LoseMissing(Now now) {
  for (const Incarnation& missing : std::exchange(missing_, {})) {
    if (plan_.Complete() && ledger_.OutstandingOf(missing) == 0) continue;
    Lose(participants_.at(missing), now);
  }
}

// What could not be told while T0 was unknown.
void TestRun::Resume(const Fleet& fleet, Now now, Outbox& outbox) {
  for (auto& [incarnation, participant] : participants_) {
    const auto agent = fleet.find(incarnation);
    if (agent == fleet.end() || !agent->second.Connected()) continue;
    const std::optional<HeldTest> held = std::exchange(participant.held, std::nullopt);
    OnAgentBack(agent->second, held.has_value() ? &*held : nullptr, now, fleet, outbox);
    if (Ended()) return;
  }
}

}  // namespace broadside
