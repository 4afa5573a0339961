// What the witness asks when everything is over.

#include <algorithm>

#include "common/core/status.h"
#include "tests/sim/witness.h"

namespace broadside::sim {
namespace {

// A planned restart waits so long for its bridge to be taken.
constexpr Nanos kBridgeTaken = Seconds(5);
constexpr Nanos kTicks = 2 * Millis(100);
// From the death of an agent until the controller gives it nothing more.
constexpr Nanos kNoticed = limits::kBeatSmallFleet * limits::kSilenceBeats + Seconds(1);
// From a result to the report that holds it, its way and its commit, when nothing is wrong.
constexpr Nanos kDelivered = Millis(2500);
// So long before the end of a test an agent may have been hindered, to owe results when it ends: no
// Welcome for 15 s, the backoff, and the 10 s that results are waited for.
constexpr Nanos kLateForEnd = Seconds(30);

Nanos StartOf(int64_t k) { return SegmentStart(k).time_since_epoch(); }

}  // namespace

bool Witness::AllEnded() const {
  return std::all_of(tests_.begin(), tests_.end(), [](const auto& test) {
    return test.second.seen == nullptr || HasEnded(test.second.seen->state);
  });
}

void Witness::CheckEnd(const FleetView& view) {
  for (const TestId& test : started_) {
    if (!view.tests.contains(test))
      Fail("commit first", Concat(test, ": answered 201, and then forgotten"));
  }
  for (const auto& [id, test] : view.tests) {
    if (!HasEnded(test->state))
      Fail("liveness", Concat(id, " is ", TestStateName(test->state), " for ever"));
    ++ends_[test->state];
    if (test->state == TestState::kInconsistent) continue;
    const Truth& truth = tests_.at(id);
    CheckBooks(truth, *test);
    CheckIntervals(truth, *test);
    CheckUnknown(truth, *test);
    CheckLive(truth, *test);
  }
}

void Witness::CheckBooks(const Truth& truth, const TestView& view) {
  const OutcomeCounts& said = view.totals.due.outcomes;
  const uint64_t unknown = said[Outcome::kUnknown];
  if (view.totals.outstanding != 0)
    Fail("conservation", Concat(view.id, ": outstanding after the end"));
  for (size_t i = 0; i < static_cast<size_t>(Outcome::kUnassigned); ++i) {
    const uint64_t real = truth.outcomes.count[i];
    if (said.count[i] > real || real > said.count[i] + unknown) {
      Fail("exactly once", Concat(view.id, ": ", kOutcomeNames[i], " is ", said.count[i],
                                  ", really ", real, ", unknown ", unknown));
    }
  }
  const uint64_t timed = said[Outcome::kOk] + said[Outcome::kFailed] + said[Outcome::kTimeout];
  if (view.totals.response_time.count() != timed) {
    Fail("exactly once", Concat(view.id, ": ", timed, " answers and time-outs, ",
                                view.totals.response_time.count(), " response times"));
  }
  if (view.state == TestState::kFailed) return;
  if (stopped_.contains(view.id) && view.state != TestState::kStopped &&
      view.state != TestState::kFinished)
    Fail("commit first", Concat(view.id, ": stopped, but ", TestStateName(view.state)));
  if (view.state == TestState::kFinished && view.totals.planned != truth.curve.TotalSlots())
    Fail("conservation", Concat(view.id, ": finished with ", view.totals.planned, " of ",
                                truth.curve.TotalSlots(), " slots"));
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
      Fail("conservation",
           Concat(view.id, ": second ", k, " planned ", interval.planned, ", outcomes ", total));
    if (!interval.settled && interval.planned > 0)
      Fail("conservation", Concat(view.id, ": second ", k, " not settled"));
    const auto real = truth.by_due.find(k);
    for (size_t i = 0; i < static_cast<size_t>(Outcome::kUnassigned); ++i) {
      const uint64_t happened = real == truth.by_due.end() ? 0 : real->second.count[i];
      if (interval.due.outcomes.count[i] > happened)
        Fail("exactly once",
             Concat(view.id, ": second ", k, " says more ", kOutcomeNames[i], " than there were"));
    }
  }
  if (sum != view.totals.due.outcomes)
    Fail("conservation", Concat(view.id, ": the series has ", sum.Total(), " outcomes, the totals ",
                                view.totals.due.outcomes.Total()));
  if (completed != view.totals.done.completed)
    Fail("conservation", Concat(view.id, ": the series has ", completed, " answers, the totals ",
                                view.totals.done.completed));
}

// Unknown is what was granted and is in no durable report, slot for slot.
void Witness::CheckUnknown(const Truth& truth, const TestView& view) {
  std::map<int64_t, int64_t> missing;
  for (const auto& [key, account] : truth.accounts) {
    const auto& [agent, k] = key;
    if (account.granted == account.reported) continue;
    missing[k] += account.granted - account.reported;
    CheckMissing(truth, view, agent, k, account);
  }
  for (const auto& [k, interval] : truth.intervals) {
    const auto unknown = static_cast<int64_t>(interval.due.outcomes[Outcome::kUnknown]);
    const auto expected = missing.find(k);
    unknown_ += static_cast<uint64_t>(unknown);
    if (unknown != (expected == missing.end() ? 0 : expected->second))
      Fail("exactly once", Concat(view.id, ": second ", k, " has ", unknown,
                                  " unknown, which is not what was never reported"));
  }
}

// The bound of what a crash leaves unknown: share x (D + H + 1 s + report + commit + L + T).
void Witness::CheckMissing(const Truth& truth, const TestView& view, int agent, int64_t k,
                           const Account& account) {
  if (agent == kNobody || shared_) return;
  const Agent& who = agents_.at(static_cast<size_t>(agent));
  const auto name = [&] {
    return Concat(view.id, ": ", account.granted - account.reported, " slots of agent ", agent + 1,
                  " in second ", k);
  };
  const Nanos disturbed = std::max(who.disturbed, all_disturbed_);
  if (who.left) return Fail("drain", Concat(name(), " are unknown, though it drained"));
  // Not so for a controller that was away: after its return results are awaited.
  if (!who.dead || who.died > truth.ended) {
    if (who.disturbed + kLateForEnd + truth.spec->timeout + truth.spec->max_lateness < truth.ended)
      Fail("bounded unknown", Concat(name(), " are unknown, though it lives"));
    return;
  }
  const Nanos owed = truth.spec->timeout + truth.spec->max_lateness + clock_error_ + truth.shift;
  if (account.held_since <= who.covered && StartOf(k + 1) + owed <= TrueTau(truth, who.covered))
    Fail("bounded unknown", Concat(name(), " are unknown, though a durable report covers them"));
  if (who.died > disturbed + Seconds(10) && who.died - who.covered > kDelivered)
    Fail("bounded unknown", Concat(name(), ": its last durable report is ",
                                   (who.died - who.covered) / Millis(1), " ms old"));
  const bool bridge = bridged_ >= Nanos(0);
  const Nanos plan = bridge ? Nanos(limits::kBridge) : Nanos(limits::kHorizonDefault);
  const Nanos last = TrueTau(truth, std::max(who.died, who.heard)) + kNoticed + plan + kTicks;
  if (StartOf(k) > last + clock_error_ + truth.shift)
    Fail("bounded unknown", Concat(name(), " were granted long after it had died"));
}

// Once all is well, every slot is owned and sent, from one horizon and two ticks on.
void Witness::CheckLive(const Truth& truth, const TestView& view) {
  if (well_ < Nanos(0) || !truth.timed || shared_) return;
  Nanos well = well_ + limits::kHorizonDefault;
  // A bridge that was appended before is a longer horizon.
  if (bridged_ >= Nanos(0)) well = std::max(well, bridged_ + kBridgeTaken + limits::kBridge);
  const Nanos from = TrueTau(truth, well) + kTicks + clock_error_ + truth.shift;
  for (const auto& [k, interval] : truth.intervals) {
    if (StartOf(k) < from || interval.planned == 0) continue;
    ++live_seconds_;
    const OutcomeCounts& outcomes = interval.due.outcomes;
    const bool limited = truth.spec->connections.max_per_agent < 100;
    if (outcomes[Outcome::kUnassigned] > 0 || outcomes[Outcome::kUnknown] > 0 ||
        (!limited && outcomes[Outcome::kSkipped] > 0) ||
        (outcomes[Outcome::kCancelled] > 0 && !stopped_.contains(view.id)))
      Fail("liveness",
           Concat(view.id, ": second ", k, " after healing: ", outcomes[Outcome::kUnassigned],
                  " unassigned, ", outcomes[Outcome::kUnknown], " unknown, ",
                  outcomes[Outcome::kSkipped], " skipped, ", outcomes[Outcome::kCancelled],
                  " cancelled of ", interval.planned));
  }
}

}  // namespace broadside::sim
