#include "tests/sim/witness.h"

#include <algorithm>
#include <utility>

#include "common/core/arc.h"
#include "common/core/curve.h"
#include "common/core/status.h"

namespace broadside::sim {

void Witness::Note(std::string text) {
  const auto ms = timeline_->now() / Millis(1);
  story_.push_back(Concat(ms, " ms  ", text));
  if (story_.size() > kStory) story_.pop_front();
}

void Witness::Fail(std::string text) {
  Note(Concat("FAILED: ", text));
  if (failure_.empty()) failure_ = std::move(text);
}

std::string Witness::Story() const {
  std::string story = Concat(failure_, "\n");
  for (const std::string& line : story_) story += Concat("  ", line, "\n");
  return story;
}

void Witness::Committed(const StoreBatch& batch) {
  for (const PartitionRecord& partition : batch.partitions)
    tests_[partition.test].partitions[partition.number] = partition;
  for (const SegmentRecord& segment : batch.segments) {
    const auto [it, fresh] = tests_[segment.test].segments.emplace(segment.k, segment);
    if (!fresh) Fail(Concat(segment.test, ": segment ", segment.k, " committed twice"));
  }
  for (const IntervalRecord& record : batch.intervals)
    tests_[record.test].intervals[record.interval.k] = record.interval;
}

void Witness::Fired(const TestId& test, const Incarnation& agent, Slot slot, int64_t k,
                    TestTime due) {
  Truth& truth = tests_[test];
  ++fired_;
  if (!truth.fired.insert(slot).second) return Fail(Concat(test, ": slot ", slot, " fired twice"));
  const auto segment = truth.segments.find(k);
  if (segment == truth.segments.end())
    return Fail(Concat(test, ": slot ", slot, " of segment ", k, " that was never committed"));
  const SlotRange& slots = segment->second.slots;
  if (slot < slots.from || slot >= slots.until || SegmentOf(due) != k)
    return Fail(Concat(test, ": slot ", slot, " is not of segment ", k));
  const auto partition = truth.partitions.find(segment->second.partition);
  const uint64_t point = SlotPoint(slot, ArcOffset(test));
  const bool owns = partition != truth.partitions.end() &&
                    std::any_of(partition->second.owners.begin(), partition->second.owners.end(),
                                [&](const Owner& owner) {
                                  return owner.incarnation == agent && owner.arc.Contains(point);
                                });
  if (!owns) Fail(Concat(test, ": slot ", slot, " fired by an agent that does not own it"));
}

void Witness::Booked(const TestId& test, int64_t k, Outcome outcome) {
  Truth& truth = tests_[test];
  ++truth.outcomes[outcome];
  ++truth.by_due[k][outcome];
}

void Witness::Published(const FleetView& view) {
  for (const auto& [id, test] : view.tests) {
    Truth& truth = tests_[id];
    const Totals& totals = test->totals;
    const auto sum = static_cast<int64_t>(totals.due.outcomes.Total());
    if (test->state == TestState::kInconsistent) Fail(Concat(id, " is inconsistent"));
    if (!test->balanced || totals.planned != sum + totals.outstanding || totals.outstanding < 0) {
      Fail(Concat(id, ": planned ", totals.planned, ", outcomes ", sum, ", outstanding ",
                  totals.outstanding));
    }
    if (truth.seen != nullptr) CheckProgress(*truth.seen, *test);
    CheckUpdates(truth, *test);
    truth.seen = test;
  }
}

void Witness::CheckProgress(const TestView& before, const TestView& after) {
  const auto rises = [&](std::string_view what, auto was, auto is) {
    if (is < was) Fail(Concat(after.id, ": ", what, " fell from ", was, " to ", is));
    if (HasEnded(before.state) && is != was) Fail(Concat(after.id, ": ", what, " after the end"));
  };
  rises("planned", before.totals.planned, after.totals.planned);
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    rises(kOutcomeNames[i], before.totals.due.outcomes.count[i],
          after.totals.due.outcomes.count[i]);
  }
  rises("completed", before.totals.done.completed, after.totals.done.completed);
  rises("response times", before.totals.response_time.count(), after.totals.response_time.count());
  rises("send lags", before.totals.send_lag.count(), after.totals.send_lag.count());
  rises("revision", before.revision, after.revision);
  if (HasEnded(before.state) && before.state != after.state)
    Fail(Concat(after.id, ": another state after the end"));
  if (before.started_at.has_value() && before.started_at != after.started_at)
    Fail(Concat(after.id, ": another start"));
}

void Witness::CheckUpdates(Truth& truth, const TestView& view) {
  uint64_t revision = 0;
  for (const Update& update : view.updates) {
    if (update.revision <= revision || update.revision > view.revision)
      Fail(Concat(view.id, ": update ", update.revision, " after ", revision));
    revision = update.revision;
    if (update.interval == nullptr || !update.interval->closed) continue;
    const auto [it, fresh] =
        truth.closed.emplace(update.interval->k, update.interval->closed_completed);
    if (it->second != update.interval->closed_completed)
      Fail(Concat(view.id, ": closed second ", it->first, " changed"));
  }
}

bool Witness::AllEnded() const {
  return std::all_of(tests_.begin(), tests_.end(), [](const auto& test) {
    return test.second.seen == nullptr || HasEnded(test.second.seen->state);
  });
}

void Witness::CheckEnd(const FleetView& view) {
  for (const TestId& test : started_) {
    if (!view.tests.contains(test)) Fail(Concat(test, ": answered 201, and then forgotten"));
  }
  for (const auto& [id, test] : view.tests) {
    if (!HasEnded(test->state)) Fail(Concat(id, " is ", TestStateName(test->state), " for ever"));
    ++ends_[test->state];
    const Truth& truth = tests_.at(id);
    CheckBooks(truth, *test);
    CheckIntervals(truth, *test);
  }
}

void Witness::CheckBooks(const Truth& truth, const TestView& view) {
  const OutcomeCounts& said = view.totals.due.outcomes;
  const uint64_t unknown = said[Outcome::kUnknown];
  if (view.totals.outstanding != 0) Fail(Concat(view.id, ": outstanding after the end"));
  if (unknown > 0 && crashes_ == 0)
    Fail(Concat(view.id, ": ", unknown, " unknown, though no agent crashed"));
  for (size_t i = 0; i < static_cast<size_t>(Outcome::kUnassigned); ++i) {
    const uint64_t real = truth.outcomes.count[i];
    if (said.count[i] > real || real > said.count[i] + unknown) {
      Fail(Concat(view.id, ": ", kOutcomeNames[i], " is ", said.count[i], ", really ", real,
                  ", unknown ", unknown));
    }
  }
  const uint64_t timed = said[Outcome::kOk] + said[Outcome::kFailed] + said[Outcome::kTimeout];
  if (view.totals.response_time.count() != timed) {
    Fail(Concat(view.id, ": ", timed, " answers and time-outs, ", view.totals.response_time.count(),
                " response times"));
  }
  if (view.state == TestState::kFailed) return;
  if (stopped_.contains(view.id) && view.state != TestState::kStopped &&
      view.state != TestState::kFinished)
    Fail(Concat(view.id, ": stopped, but ", TestStateName(view.state)));
  const Curve curve = Curve::FromPieces(view.pieces);
  int64_t planned = 0;
  for (const auto& [k, segment] : truth.segments) {
    planned += segment.slots.Size();
    if (segment.slots != curve.SegmentSlots(k))
      Fail(Concat(view.id, ": segment ", k, " is not of the curve"));
  }
  if (planned != view.totals.planned)
    Fail(Concat(view.id, ": planned ", view.totals.planned, ", appended ", planned));
  if (view.state == TestState::kFinished && planned != curve.TotalSlots())
    Fail(Concat(view.id, ": planned ", planned, " of ", curve.TotalSlots()));
}

// The series says the same as the totals, second by second.
void Witness::CheckIntervals(const Truth& truth, const TestView& view) {
  OutcomeCounts sum;
  uint64_t completed = 0;
  for (const auto& [k, interval] : truth.intervals) {
    sum += interval.due.outcomes;
    completed += interval.done.completed;
    const auto total = static_cast<int64_t>(interval.due.outcomes.Total());
    if (interval.planned != total)
      Fail(Concat(view.id, ": second ", k, " planned ", interval.planned, ", outcomes ", total));
    if (!interval.settled && interval.planned > 0)
      Fail(Concat(view.id, ": second ", k, " not settled"));
    const auto real = truth.by_due.find(k);
    for (size_t i = 0; i < static_cast<size_t>(Outcome::kUnassigned); ++i) {
      const uint64_t happened = real == truth.by_due.end() ? 0 : real->second.count[i];
      if (interval.due.outcomes.count[i] > happened)
        Fail(Concat(view.id, ": second ", k, " says more ", kOutcomeNames[i], " than there were"));
    }
  }
  if (sum != view.totals.due.outcomes)
    Fail(Concat(view.id, ": the series has ", sum.Total(), " outcomes, the totals ",
                view.totals.due.outcomes.Total()));
  if (completed != view.totals.done.completed)
    Fail(Concat(view.id, ": the series has ", completed, " answers, the totals ",
                view.totals.done.completed));
}

}  // namespace broadside::sim
