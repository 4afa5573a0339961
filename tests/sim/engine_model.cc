#include "tests/sim/engine_model.h"

#include <algorithm>
#include <utility>

#include "common/core/arc.h"
#include "common/core/curve.h"
#include "common/core/status.h"

namespace broadside::sim {

void EngineModel::Start(const TestId& test, std::shared_ptr<const TestSpec> spec,
                        const ClockMap& clock) {
  const auto [it, fresh] = loads_.try_emplace(test);
  if (!fresh) return witness_->Fail(Concat("engine: ", test, " started twice"));
  it->second.spec = std::move(spec);
  it->second.clock = clock;
}

void EngineModel::SetClock(const TestId& test, const ClockMap& clock) {
  loads_.at(test).clock = clock;
}

void EngineModel::Extend(const TestId& test, const Grant& grant, BootTime now) {
  Load& load = loads_.at(test);
  const int64_t k = grant.segment.k;
  if (k <= load.extended_through) witness_->Fail(Concat("engine: ", test, " grant ", k, " twice"));
  load.extended_through = k;
  const uint64_t offset = ArcOffset(test);
  const TestTime tau = load.clock.ToTest(now);
  Due& due = load.due[k];
  ArcWalker walker(grant.arc, offset);
  DueCursor cursor(grant.segment.pieces);
  for (Slot slot = walker.Seek(grant.segment.slots.from); slot < grant.segment.slots.until;
       slot = walker.Next()) {
    ++due.open;
    const TestTime at = cursor.Due(slot);
    if (load.cut) {
      Book(test, load, k, Outcome::kCancelled);
    } else if (at < tau) {
      Book(test, load, k, Outcome::kSkipped);
    } else {
      load.waiting.push_back({slot, k, at});
    }
  }
}

void EngineModel::Cut(const TestId& test) {
  Load& load = loads_.at(test);
  load.cut = true;
  for (const Waiting& slot : load.waiting) Book(test, load, slot.k, Outcome::kCancelled);
  load.waiting.clear();
}

void EngineModel::Abandon(const TestId& test) {
  Cut(test);
  Load& load = loads_.at(test);
  for (const auto& [at, flight] : load.flights) Book(test, load, flight.k, Outcome::kAbandoned);
  load.flights.clear();
}

void EngineModel::Forget(const TestId& test) { loads_.erase(test); }

void EngineModel::Book(const TestId& test, Load& load, int64_t k, Outcome outcome) {
  Due& due = load.due.at(k);
  --due.open;
  ++due.summary.outcomes[outcome];
  witness_->Booked(test, k, outcome);
}

void EngineModel::Fire(const TestId& test, Load& load, const Waiting& slot, BootTime now) {
  const Nanos lag = load.clock.ToTest(now) - slot.due;
  witness_->Fired(test, incarnation_, slot.slot, slot.k, slot.due);
  Flight flight{slot.k, Outcome::kOk, lag, slot.due};
  Nanos delay = random_.Between(Millis(1), Millis(200));
  const int64_t kind = random_.Between(0, 99);
  if (kind < 3) {
    flight.outcome = Outcome::kTimeout;
    delay = load.spec->timeout;
  } else if (kind < 6) {
    flight.outcome = Outcome::kFailed;
  } else if (kind < 8) {
    flight.outcome = Outcome::kConnectError;
  } else if (kind < 9) {
    flight.outcome = Outcome::kReset;
  }
  load.flights.emplace(now + std::min<Nanos>(delay, load.spec->timeout), flight);
}

void EngineModel::End(const TestId& test, Load& load, const Flight& flight, BootTime at) {
  Book(test, load, flight.k, flight.outcome);
  const TestTime tau = load.clock.ToTest(at);
  Done& done = load.done[std::max<int64_t>(0, SegmentOf(tau))];
  const bool complete = flight.outcome == Outcome::kOk || flight.outcome == Outcome::kFailed;
  if (complete) ++done.completed;
  if (complete || flight.outcome == Outcome::kTimeout) done.response.Record(tau - flight.due);
  if (WasSent(flight.outcome)) done.lag.Record(flight.lag);
}

void EngineModel::Advance(BootTime now) {
  for (auto& [test, load] : loads_) {
    const TestTime tau = load.clock.ToTest(now);
    while (!load.waiting.empty() && load.waiting.front().due <= tau) {
      const Waiting slot = load.waiting.front();
      load.waiting.pop_front();
      if (tau - slot.due > load.spec->max_lateness) {
        Book(test, load, slot.k, Outcome::kSkipped);
      } else {
        Fire(test, load, slot, now);
      }
    }
    while (!load.flights.empty() && load.flights.begin()->first <= now) {
      const auto flight = load.flights.begin();
      End(test, load, flight->second, flight->first);
      load.flights.erase(flight);
    }
  }
}

BootTime EngineModel::NextWake() const {
  BootTime next = BootTime::max();
  for (const auto& [test, load] : loads_) {
    if (!load.waiting.empty()) next = std::min(next, load.clock.ToBoot(load.waiting.front().due));
    if (!load.flights.empty()) next = std::min(next, load.flights.begin()->first);
  }
  return next;
}

std::vector<TestDelta> EngineModel::Collect(BootTime now) {
  Advance(now);
  std::vector<TestDelta> deltas;
  for (auto& [test, load] : loads_) deltas.push_back(Take(test, load, now));
  return deltas;
}

TestDelta EngineModel::Take(const TestId& test, Load& load, BootTime now) {
  TestDelta delta;
  delta.test = test;
  for (auto& [k, due] : load.due) {
    if (due.summary != DueSummary{}) delta.by_due[k] = std::exchange(due.summary, {});
  }
  while (!load.due.empty() && load.due.begin()->second.open == 0) {
    load.settled_through = load.due.begin()->first;
    load.due.erase(load.due.begin());
  }
  if (!load.due.empty())
    load.settled_through = std::max(load.settled_through, load.due.begin()->first - 1);
  for (auto& [k, done] : load.done) {
    DoneSummary& summary = delta.by_done[k];
    summary.completed = done.completed;
    if (done.completed > 0) summary.codes[200] = done.completed;
    summary.response_time = summary.service_time = done.response.Sparse();
    summary.send_lag = done.lag.Sparse();
  }
  load.done.clear();
  const int64_t over = SegmentOf(load.clock.ToTest(now) - Millis(5)) - 1;
  load.closed_through = std::max(load.closed_through, over);
  delta.settled_through = load.settled_through;
  delta.closed_through = load.closed_through;
  return delta;
}

}  // namespace broadside::sim
