#include "tests/sim/engine_model.h"

#include <algorithm>
#include <utility>

#include "common/core/arc.h"
#include "common/core/curve.h"
#include "common/core/status.h"

namespace broadside::sim {
namespace {

constexpr Nanos kSkipEvery = Millis(2);  // as in agent/engine/shard_load.cc

bool Completes(Outcome outcome) { return outcome == Outcome::kOk || outcome == Outcome::kFailed; }

}  // namespace

void EngineModel::Start(const TestId& test, std::shared_ptr<const TestSpec> spec,
                        const ClockMap& clock, Witness* witness) {
  const auto [it, fresh] = loads_.try_emplace(test);
  if (!fresh) return witness->Fail("engine", Concat(test, " started twice"));
  Load& load = it->second;
  load.test = test;
  load.clock = clock;
  load.witness = witness;
  const int64_t connections = spec->connections.max_per_agent;
  const int active = static_cast<int>(std::min<int64_t>(connections, shards_));
  for (int i = 0; i < active; ++i) {
    const int64_t limit = connections / active + (i < connections % active ? 1 : 0);
    load.shards.emplace_back(PacerOptions{ArcOffset(test), i, active, spec->max_lateness}, test,
                             static_cast<size_t>(limit));
  }
  load.spec = std::move(spec);
}

void EngineModel::SetClock(const TestId& test, const ClockMap& clock) {
  loads_.at(test).clock = clock;
}

void EngineModel::Extend(const TestId& test, const Grant& grant, BootTime now, Witness* witness) {
  Load& load = loads_.at(test);
  load.witness = witness;
  witness->Extended(test, incarnation_, grant.segment.k);
  for (Shard& shard : load.shards) {
    const int64_t slots = shard.pacer.Extend(grant, load.clock.ToTest(now));
    shard.recorder.Open(grant.segment.k, slots);
    BookUnsent(load, shard);
  }
}

void EngineModel::Cut(const TestId& test) {
  Load& load = loads_.at(test);
  for (Shard& shard : load.shards) {
    shard.pacer.Cut();
    BookUnsent(load, shard);
    const size_t unsent = std::erase_if(shard.flights, [&](const Flight& flight) {
      if (!flight.sent) Book(load, shard, flight.slot.k, Outcome::kCancelled);
      return !flight.sent;
    });
    if (unsent > 0) std::make_heap(shard.flights.begin(), shard.flights.end());
  }
}

void EngineModel::Abandon(const TestId& test) {
  Cut(test);
  Load& load = loads_.at(test);
  for (Shard& shard : load.shards) {
    for (const Flight& flight : shard.flights)
      Book(load, shard, flight.slot.k, Outcome::kAbandoned);
    shard.flights.clear();
  }
}

void EngineModel::Forget(const TestId& test) { loads_.erase(test); }

void EngineModel::Book(Load& load, Shard& shard, int64_t k, Outcome outcome, uint64_t slots) {
  if (outcome == Outcome::kTimeout) {
    shard.recorder.BookTimeout(k, TimeoutPhase::kFirstByte);
  } else {
    shard.recorder.Book(k, outcome, slots);
  }
  load.witness->Booked(load.test, k, outcome, slots);
}

void EngineModel::BookUnsent(Load& load, Shard& shard) {
  for (const SlotTally& tally : shard.pacer.skipped())
    Book(load, shard, tally.k, Outcome::kSkipped, tally.count);
  for (const SlotTally& tally : shard.pacer.cancelled())
    Book(load, shard, tally.k, Outcome::kCancelled, tally.count);
  shard.pacer.skipped().clear();
  shard.pacer.cancelled().clear();
}

void EngineModel::Push(Shard& shard, const Flight& flight) {
  shard.flights.push_back(flight);
  std::push_heap(shard.flights.begin(), shard.flights.end());
}

// One slot in ten finds no idle connection; one connect in ten is a long one.
void EngineModel::Dispatch(Load& load, Shard& shard, const DueSlot& slot, BootTime now) {
  Flight flight{slot, load.clock.ToBoot(slot.due), now + load.spec->timeout, now, now};
  if (random_.Between(0, 9) > 0) return Send(load, shard, flight, now);
  const bool is_long = long_connects_ && random_.Between(0, 9) == 0;
  const Nanos delay = random_.Between(Millis(1), is_long ? Millis(2000) : Millis(20));
  flight.ends = std::min(now + delay, flight.deadline);
  if (random_.Between(0, 4) == 0) flight.outcome = Outcome::kConnectError;
  Push(shard, flight);
}

void EngineModel::Connected(Load& load, Shard& shard, Flight flight, BootTime now) {
  if (flight.outcome == Outcome::kConnectError) return End(load, shard, flight, flight.ends);
  if (now >= flight.deadline) {
    flight.outcome = Outcome::kTimeout;
    return End(load, shard, flight, flight.deadline);
  }
  if (now - flight.intended > load.spec->max_lateness) {
    flight.outcome = Outcome::kSkipped;
    return End(load, shard, flight, now);
  }
  Send(load, shard, flight, now);
}

void EngineModel::Send(Load& load, Shard& shard, Flight flight, BootTime now) {
  const DueSlot& slot = flight.slot;
  load.witness->Fired(
      {load.test, incarnation_, slot.slot, slot.k, slot.due, load.clock.ToTest(now)});
  flight.sent = true;
  flight.began = now;
  Nanos delay = random_.Between(Millis(1), Millis(200));
  const int64_t kind = random_.Between(0, 99);
  if (kind < 3) {
    flight.outcome = Outcome::kTimeout;
    delay = load.spec->timeout;
  } else if (kind < 6) {
    flight.outcome = Outcome::kFailed;
  } else if (kind < 7) {
    flight.outcome = Outcome::kReset;
  } else if (kind < 8) {
    flight.resent = true;
  }
  flight.ends = std::min(now + delay, flight.deadline);
  Push(shard, flight);
}

void EngineModel::End(Load& load, Shard& shard, const Flight& flight, BootTime at) {
  ExchangeSample sample;
  sample.done_k = SegmentOf(load.clock.ToTest(at));
  sample.timed = Completes(flight.outcome) || flight.outcome == Outcome::kTimeout;
  sample.sent = flight.sent;
  if (Completes(flight.outcome)) sample.code = flight.outcome == Outcome::kOk ? 200 : 503;
  sample.response_time = std::max(at - flight.intended, Nanos(0));
  sample.service_time = std::max(at - flight.began, Nanos(0));
  sample.send_lag = std::max(flight.began - flight.intended, Nanos(0));
  shard.recorder.Record(sample);
  if (flight.resent) shard.recorder.RecordResend(sample.done_k);
  Book(load, shard, flight.slot.k, flight.outcome);
}

// Receives first, then sends, as a turn of the shard.
void EngineModel::Advance(BootTime now) {
  for (auto& [test, load] : loads_) {
    const TestTime tau = load.clock.ToTest(now);
    for (Shard& shard : load.shards) {
      while (!shard.flights.empty() && shard.flights.front().ends <= now) {
        std::pop_heap(shard.flights.begin(), shard.flights.end());
        const Flight flight = shard.flights.back();
        shard.flights.pop_back();
        if (flight.sent) {
          End(load, shard, flight, flight.ends);
        } else {
          Connected(load, shard, flight, now);
        }
      }
      if (shard.pacer.Empty()) continue;
      while (shard.flights.size() < shard.limit) {
        const std::optional<DueSlot> slot = shard.pacer.TakeDue(tau);
        if (!slot.has_value()) break;
        Dispatch(load, shard, *slot, now);
      }
      shard.pacer.SkipLate(tau);
      BookUnsent(load, shard);
    }
  }
}

BootTime EngineModel::NextWake(BootTime now) const {
  BootTime next = BootTime::max();
  for (const auto& [test, load] : loads_) {
    for (const Shard& shard : load.shards) {
      if (!shard.flights.empty()) next = std::min(next, shard.flights.front().ends);
      if (shard.flights.size() < shard.limit) {
        const std::optional<TestTime> release = shard.pacer.NextRelease();
        if (release.has_value()) next = std::min(next, load.clock.ToBoot(*release) + Nanos(1));
      } else if (const std::optional<TestTime> skip = shard.pacer.NextSkip(); skip.has_value()) {
        next = std::min(next, std::max(load.clock.ToBoot(*skip), now + kSkipEvery));
      }
    }
  }
  return next;
}

size_t EngineModel::in_flight() const {
  size_t flights = 0;
  for (const auto& [test, load] : loads_) {
    for (const Shard& shard : load.shards) flights += shard.flights.size();
  }
  return flights;
}

std::vector<TestDelta> EngineModel::Collect(BootTime now) {
  Advance(now);
  std::map<TestId, TestDelta> merged;
  for (auto& [test, load] : loads_) {
    const int64_t closed = SegmentOf(load.clock.ToTest(now)) - 1;
    for (Shard& shard : load.shards) MergeShard(shard.recorder.Take(closed), &merged);
  }
  std::vector<TestDelta> deltas;
  deltas.reserve(merged.size());
  for (auto& [test, delta] : merged) deltas.push_back(std::move(delta));
  return deltas;
}

}  // namespace broadside::sim
