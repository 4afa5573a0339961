#include "tests/sim/witness.h"

#include <algorithm>
#include <utility>

#include "common/core/arc.h"
#include "common/core/status.h"

namespace broadside::sim {

void Witness::Note(std::string text) {
  const auto ms = timeline_->now() / Millis(1);
  story_.push_back(Concat(ms, " ms  ", text));
  if (story_.size() > kStory) story_.pop_front();
}

void Witness::Fail(std::string check, std::string text) {
  text = Concat(check, ": ", text);
  Note(Concat("FAILED: ", text));
  if (!failure_.empty()) return;
  failure_ = std::move(text);
  check_ = std::move(check);
}

std::string Witness::Story() const {
  std::string story = Concat(failure_, "\n");
  for (const std::string& line : story_) story += Concat("  ", line, "\n");
  return story;
}

// ---- agents ----

int Witness::IndexOf(const Incarnation& agent) const {
  const auto entry = indices_.find(agent);
  return entry == indices_.end() ? kNobody : entry->second;
}

void Witness::Joined(const Incarnation& agent, int threads) {
  indices_[agent] = static_cast<int>(agents_.size());
  agents_.emplace_back();
  agents_.back().incarnation = agent;
  agents_.back().threads = threads;
}

void Witness::Disturbed(const Incarnation& agent, Nanos until) {
  Agent& entry = agents_.at(static_cast<size_t>(IndexOf(agent)));
  entry.disturbed = std::max(entry.disturbed, until);
}

void Witness::Died(const Incarnation& agent) {
  Agent& entry = agents_.at(static_cast<size_t>(IndexOf(agent)));
  entry.dead = true;
  entry.died = timeline_->now();
}

void Witness::Left(const Incarnation& agent) {
  agents_.at(static_cast<size_t>(IndexOf(agent))).left = true;
}

void Witness::BridgeAsked() { bridged_ = timeline_->now(); }

void Witness::Heard(const Incarnation& agent) {
  agents_.at(static_cast<size_t>(IndexOf(agent))).heard = timeline_->now();
}

void Witness::Reported(const Incarnation& agent, uint64_t seq, Nanos collected) {
  // Sent again it is the same.
  agents_.at(static_cast<size_t>(IndexOf(agent))).covers.try_emplace(seq, collected);
}

// ---- commits ----

void Witness::Committed(const StoreBatch& batch, Nanos offset) {
  for (const TestRecord& record : batch.tests) TakeRecord(tests_[record.id], record, offset);
  for (const PartitionRecord& partition : batch.partitions)
    TakePartition(tests_[partition.test], partition);
  for (const SegmentRecord& segment : batch.segments) TakeSegment(tests_[segment.test], segment);
  for (const IntervalRecord& record : batch.intervals)
    tests_[record.test].intervals[record.interval.k] = record.interval;
  for (const LedgerRecord& record : batch.ledger) TakeReport(record);
}

void Witness::TakeRecord(Truth& truth, const TestRecord& record, Nanos offset) {
  truth.spec = record.spec;
  if (truth.pieces != record.pieces) {
    truth.pieces = record.pieces;
    truth.curve = Curve::FromPieces(record.pieces);
  }
  // A restarted controller writes what it read until it has found its own T0.
  if (!record.started_at.has_value() || record.t0 == truth.t0) return;
  truth.t0 = record.t0;
  truth.present_t0 = record.t0.time_since_epoch() - offset;
  if (!std::exchange(truth.timed, true)) truth.true_t0 = truth.present_t0;
  const Nanos shift = std::chrono::abs(truth.present_t0 - truth.true_t0);
  if (shift <= truth.shift) return;
  truth.shift = shift;
  shift_seen_ = std::max(shift_seen_, shift);
  // The ceiling over again, with the greater error.
  truth.least = 0;
  for (size_t i = 0; i < truth.sends.size(); ++i) Lower(truth, i, truth.sends[i]);
}

// Arcs that follow each other from one end of the circle to the other give every slot once.
void Witness::TakePartition(Truth& truth, const PartitionRecord& partition) {
  truth.partitions[partition.number] = partition;
  std::vector<Arc> arcs;
  for (const Owner& owner : partition.owners) arcs.push_back(owner.arc);
  std::sort(arcs.begin(), arcs.end(), [](const Arc& a, const Arc& b) { return a.lo < b.lo; });
  uint64_t next = 0;
  for (const Arc& arc : arcs) {
    if (arc.lo != next) return Fail("partition", Concat(partition.test, ": arcs overlap or gape"));
    next = arc.last + 1;
  }
  if (arcs.empty() || next != 0)
    Fail("partition", Concat(partition.test, ": the circle is not covered"));
}

void Witness::TakeSegment(Truth& truth, const SegmentRecord& segment) {
  const int64_t k = segment.k;
  const auto [it, fresh] = truth.segments.emplace(k, segment);
  const auto name = [&] { return Concat(segment.test, " segment ", k); };
  if (!fresh) return Fail("plan", Concat(name(), " was committed twice"));
  if (k != 0 && !truth.segments.contains(k - 1)) Fail("plan", Concat(name(), " leaves a gap"));
  if (segment.slots.from != static_cast<int64_t>(truth.owner.size()) ||
      segment.slots != truth.curve.SegmentSlots(k))
    Fail("plan", Concat(name(), " has other slots than the curve"));
  const bool bridge = bridged_ >= Nanos(0);
  const Nanos reach = bridge ? Nanos(limits::kBridge) : Nanos(limits::kHorizonDefault);
  const Nanos tau = timeline_->now() - truth.present_t0;
  if (SegmentStart(k + 1).time_since_epoch() > tau + reach && k * kSegment > reach - kSegment)
    Fail("plan", Concat(name(), " is beyond the horizon"));

  const auto partition = truth.partitions.find(segment.partition);
  const uint64_t offset = ArcOffset(segment.test);
  for (Slot slot = segment.slots.from; slot < segment.slots.until; ++slot) {
    int agent = kNobody;
    if (partition != truth.partitions.end()) {
      const uint64_t point = SlotPoint(slot, offset);
      for (const Owner& owner : partition->second.owners) {
        if (owner.arc.Contains(point)) agent = IndexOf(owner.incarnation);
      }
      ++truth.accounts[{agent, k}].granted;
    }
    truth.owner.push_back(agent);
    truth.fired.push_back(0);
  }
}

void Witness::TakeReport(const LedgerRecord& record) {
  const int index = IndexOf(record.incarnation);
  Agent& agent = agents_.at(static_cast<size_t>(index));
  agent.durable_seq = std::max(agent.durable_seq, record.seq);
  const auto covers = agent.covers.find(record.seq);
  if (covers != agent.covers.end()) {
    agent.covered = std::max(agent.covered, covers->second);
    agent.covers.erase(agent.covers.begin(), covers);
  }
  if (record.test.empty()) return;
  for (const auto& [k, slots] : record.reported) {
    Account& account = tests_[record.test].accounts[{index, k}];
    account.reported += slots;
    if (account.reported > account.granted)
      Fail("exactly once", Concat(record.test, ": more reported than granted in ", k));
  }
}

// What goes out must be durable.
void Witness::LetOut(const Incarnation& agent, const ControllerMessage& message) {
  const int index = IndexOf(agent);
  const uint64_t durable = agents_.at(static_cast<size_t>(index)).durable_seq;
  if (message.ack.value_or(0) > durable ||
      (message.welcome.has_value() && message.welcome->acked_seq > durable))
    Fail("commit first", "a report is acknowledged that is not durable");
  for (const TestGrant& entry : message.grants) {
    const Truth& truth = tests_[entry.test];
    for (const Grant& grant : entry.grants) {
      const auto segment = truth.segments.find(grant.segment.k);
      if (segment == truth.segments.end()) {
        Fail("commit first",
             Concat(entry.test, ": segment ", grant.segment.k, " is granted and not durable"));
        continue;
      }
      const auto partition = truth.partitions.find(segment->second.partition);
      const bool owns = partition != truth.partitions.end() &&
                        std::any_of(partition->second.owners.begin(),
                                    partition->second.owners.end(), [&](const Owner& owner) {
                                      return owner.incarnation == agent && owner.arc == grant.arc;
                                    });
      if (!owns || segment->second.slots != grant.segment.slots)
        Fail("ownership", Concat(entry.test, ": segment ", grant.segment.k,
                                 " is granted otherwise than planned"));
    }
  }
}

// ---- requests ----

void Witness::Booked(const TestId& test, int64_t k, Outcome outcome, uint64_t slots) {
  Truth& truth = tests_[test];
  truth.outcomes[outcome] += slots;
  truth.by_due[k][outcome] += slots;
}

void Witness::Extended(const TestId& test, const Incarnation& agent, int64_t k) {
  Account& account = tests_[test].accounts[{IndexOf(agent), k}];
  account.held_since = std::min(account.held_since, timeline_->now());
}

void Witness::Fired(const Sent& sent) {
  Truth& truth = tests_[sent.test];
  ++fired_;
  const auto name = [&] { return Concat(sent.test, " slot ", sent.slot); };
  if (sent.slot < 0 || sent.slot >= static_cast<Slot>(truth.owner.size()) || !truth.timed)
    return Fail("ownership", Concat(name(), " is in no committed segment"));
  const auto place = static_cast<size_t>(sent.slot);
  if (std::exchange(truth.fired[place], 1) != 0)
    Fail("exactly once", Concat(name(), " was sent twice"));
  const int agent = IndexOf(sent.agent);
  if (truth.owner[place] != agent)
    Fail("ownership", Concat(name(), " was sent by an agent that does not own it"));
  if (SegmentOf(sent.due) != sent.k || truth.curve.Due(sent.slot) != sent.due)
    Fail("pacing", Concat(name(), " is due at another time"));
  // The last look is at the clock of the machine, which tau may leave by the slew meanwhile.
  const Nanos waited = truth.spec->max_lateness + truth.spec->timeout;
  const Nanos late = truth.spec->max_lateness + waited * limits::kSlewPpm / 1'000'000;
  if (sent.tau < sent.due || sent.tau - sent.due > late)
    Fail("pacing",
         Concat(name(), " was sent ", (sent.tau - sent.due) / Millis(1), " ms after due"));
  if (truth.seen != nullptr && HasEnded(truth.seen->state))
    Fail("ended", Concat(name(), " was sent after the test had ended"));
  const Nanos tau = TrueTau(truth, timeline_->now());
  const Nanos error = std::chrono::abs(sent.tau.time_since_epoch() - tau);
  clock_error_seen_ = std::max(clock_error_seen_, error);
  if (error > clock_error_ + truth.shift)
    Fail("clock", Concat(name(), " was sent by agent ", agent + 1, " with a clock that is ",
                         error / Millis(1), " ms off"));
  CheckCeiling(truth, sent, agent, tau);
}

// N(t): the curve has knots of a millisecond.
double Witness::SlotsBy(const Truth& truth, int64_t ms) {
  return static_cast<double>(truth.curve.At(std::max<int64_t>(ms, 0))) / kMicro;
}

// The interval could begin right before this send, the first after so many.
void Witness::Lower(Truth& truth, size_t sends, Nanos tau) {
  const Nanos late = truth.spec->max_lateness + clock_error_ + truth.shift;
  const double before = SlotsBy(truth, (tau - late) / Millis(1));
  truth.least = std::min(truth.least, static_cast<double>(sends) - before);
}

// sends in [a, b] <= N(b + e) - N(a - L - e) + one per sending thread, for all a at once: b is now,
// and of all a the worst is kept. Rounding is to the safe side.
void Witness::CheckCeiling(Truth& truth, const Sent& sent, int agent, Nanos tau) {
  if (truth.senders.insert(agent).second)
    truth.threads += agents_.at(static_cast<size_t>(agent)).threads;
  Lower(truth, truth.sends.size(), tau);
  truth.sends.push_back(tau);
  const double until = SlotsBy(truth, (tau + clock_error_ + truth.shift) / Millis(1) + 1);
  const auto threads = static_cast<double>(truth.threads);
  if (static_cast<double>(truth.sends.size()) > until + truth.least + 1 + threads)
    Fail("ceiling",
         Concat(sent.test, " slot ", sent.slot, ": more was sent than the schedule has"));
}

// ---- views ----

void Witness::Published(const FleetView& view) {
  for (const auto& [id, test] : view.tests) {
    Truth& truth = tests_[id];
    if (truth.seen == test) continue;
    const Totals& totals = test->totals;
    const auto sum = static_cast<int64_t>(totals.due.outcomes.Total());
    if (test->state == TestState::kInconsistent) {
      if (!copied_) Fail("conservation", Concat(id, " is inconsistent: ", test->reason));
    } else if (!test->balanced || totals.planned != sum + totals.outstanding ||
               totals.outstanding < 0) {
      Fail("conservation", Concat(id, ": planned ", totals.planned, ", outcomes ", sum,
                                  ", outstanding ", totals.outstanding));
    }
    if (truth.seen != nullptr) CheckProgress(*truth.seen, *test);
    if (HasEnded(test->state) && (truth.seen == nullptr || !HasEnded(truth.seen->state)))
      truth.ended = timeline_->now();
    CheckUpdates(truth, *test);
    truth.seen = test;
  }
}

void Witness::CheckProgress(const TestView& before, const TestView& after) {
  const auto rises = [&](std::string_view what, auto was, auto is) {
    if (is < was) Fail("monotonic", Concat(after.id, ": ", what, " fell from ", was, " to ", is));
    if (HasEnded(before.state) && is != was)
      Fail("monotonic", Concat(after.id, ": ", what, " changed after the end"));
  };
  rises("planned", before.totals.planned, after.totals.planned);
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    rises(kOutcomeNames[i], before.totals.due.outcomes.count[i],
          after.totals.due.outcomes.count[i]);
  }
  rises("completed", before.totals.done.completed, after.totals.done.completed);
  rises("resends", before.totals.done.resends, after.totals.done.resends);
  rises("response times", before.totals.response_time.count(), after.totals.response_time.count());
  rises("send lags", before.totals.send_lag.count(), after.totals.send_lag.count());
  rises("revision", before.revision, after.revision);
  if (HasEnded(before.state) && before.state != after.state)
    Fail("monotonic", Concat(after.id, ": another state after the end"));
  if (before.started_at.has_value() && before.started_at != after.started_at)
    Fail("monotonic", Concat(after.id, ": another start"));
}

void Witness::CheckUpdates(Truth& truth, const TestView& view) {
  uint64_t revision = 0;
  for (const Update& update : view.updates) {
    if (update.revision <= revision || update.revision > view.revision)
      Fail("monotonic", Concat(view.id, ": update ", update.revision, " after ", revision));
    revision = update.revision;
    if (update.interval == nullptr || !update.interval->closed) continue;
    const auto [it, fresh] =
        truth.closed.emplace(update.interval->k, update.interval->closed_completed);
    if (it->second != update.interval->closed_completed)
      Fail("monotonic", Concat(view.id, ": closed second ", it->first, " changed"));
  }
}

}  // namespace broadside::sim
