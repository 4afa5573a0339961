// What users do and what goes wrong, by chance.

#include <algorithm>
#include <utility>

#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {
namespace {

constexpr int kTestsMax = 6;
constexpr size_t kFleetMax = 9;
constexpr int kBornMax = 24;

int64_t InMillis(Nanos span) { return span / Millis(1); }

}  // namespace

void World::Count(const std::string& fault, const std::string& detail) {
  ++faults_[fault];
  witness_.Note(Concat("--> ", fault, " ", detail));
}

void World::Disturb(size_t i, Nanos until) {
  Agent& agent = *agents_[i];
  agent.disturbed_until = std::max(agent.disturbed_until, until);
  witness_.Disturbed(agent.incarnation, until);
}

// ---- users ----

TestSpec World::RandomSpec() {
  TestSpec spec;
  spec.name = "sim";
  spec.target.url = "http://127.0.0.1:8000/";
  spec.target.host = "127.0.0.1";
  spec.timeout = random_.Between(300, 3000) * Millis(1);
  spec.max_lateness = random_.Between(100, 1000) * Millis(1);
  spec.agents.min = random_.Between(1, 2);
  spec.agents.use = random_.Chance(0.4) ? AgentsUse::kAll : AgentsUse::kAuto;
  if (random_.Chance(0.1)) spec.connections.max_per_agent = static_cast<int>(random_.Between(1, 8));
  for (int64_t stages = random_.Between(1, 3); stages > 0; --stages) {
    Stage stage;
    stage.duration_ms = random_.Between(1'000, 20'000);
    stage.rate_from = random_.Between(1, 200 * kMicro);
    stage.rate_to = random_.Chance(0.5) ? stage.rate_from : random_.Between(0, 200 * kMicro);
    spec.load.stages.push_back(stage);
  }
  return spec;
}

void World::StartTestByUser() {
  if (tests_made_ < kTestsMax) Start(RandomSpec());
}

TestId World::AnyTest() {
  if (tests_made_ == 0) return "";
  return Concat("t", random_.Between(1, tests_made_));
}

void World::DrainByUser(size_t i) {
  if (!site().Up() || agents_[i]->drains) return;
  Count("drain by a user", agents_[i]->name);
  site().requests[++last_request_].drain = i;
  ToController(site(), DrainAsked{last_request_, agents_[i]->name});
}

void World::Sigterm(size_t i) {
  if (!agents_[i]->alive) return;
  Count("SIGTERM", agents_[i]->name);
  agents_[i]->drains = true;
  ToAgent(i, DrainRequested{});
}

// ---- faults of an agent ----

void World::Crash(size_t i, Nanos reborn_after) {
  if (!agents_[i]->alive) return;
  Count("crash", agents_[i]->name);
  Die(i);
  if (reborn_after == kNever) return;
  // Another process of the same name.
  timeline_.After(reborn_after, [this, name = agents_[i]->name] { AddAgent(name); });
}

void World::CutOff(size_t i, Nanos span) {
  Agent& agent = *agents_[i];
  Count("cut off", Concat(agent.name, " for ", InMillis(span), " ms"));
  agent.cut_off_until = timeline_.now() + span;
  Disturb(i, agent.cut_off_until);
  if (agent.wire != nullptr) Break(agent.wire, random_.Chance(0.3), random_.Chance(0.3));
}

// TCP keeps what cannot go through, and delivers it in order when the way is free again.
void World::BlockOneWay(size_t i, bool up, Nanos span) {
  Agent& agent = *agents_[i];
  Count(up ? "one-way partition, up" : "one-way partition, down",
        Concat(agent.name, " for ", InMillis(span), " ms"));
  (up ? agent.up_blocked_until : agent.down_blocked_until) = timeline_.now() + span;
  Disturb(i, timeline_.now() + span);
}

void World::Freeze(size_t i, Nanos span) {
  Agent& agent = *agents_[i];
  Count("freeze", Concat(agent.name, " for ", InMillis(span), " ms"));
  agent.frozen_until = std::max(agent.frozen_until, timeline_.now() + span);
  Disturb(i, agent.frozen_until);
}

void World::ReadSlowly(size_t i, Nanos span) {
  Agent& agent = *agents_[i];
  Count("slow reader", Concat(agent.name, " for ", InMillis(span), " ms"));
  agent.reads_slowly_until = timeline_.now() + span;
  Disturb(i, agent.reads_slowly_until + Seconds(5));
}

// A starved machine: it gets the processor now and then.
void World::SlowDown(size_t i) {
  Agent& agent = *agents_[i];
  if (!agent.alive || timeline_.now() >= agent.slow_until) return;
  agent.frozen_until =
      std::max(agent.frozen_until, timeline_.now() + random_.Between(Millis(5), Millis(150)));
  timeline_.At(agent.frozen_until + random_.Between(Millis(5), Millis(100)),
               [this, i] { SlowDown(i); });
}

// Steps of CLOCK_BOOTTIME come with virtual machines that were stopped; never back.
void World::ClockFault(size_t i) {
  Agent& agent = *agents_[i];
  if (!wild_clocks_) return;
  const bool steps = random_.Chance(0.5);
  // One far step in a life: the sum of them is the error that the ceiling has to allow.
  const Nanos most = std::exchange(big_step_, true) ? Millis(20) : Millis(2000);
  const Nanos step = steps ? random_.Between(Nanos(Millis(1)), most) : Nanos(0);
  const int64_t ppm = random_.Between(-400, 400);
  Count(steps ? "clock step" : "clock drift",
        Concat(agent.name, " ", InMillis(step), " ms, ", ppm, " ppm"));
  agent.clock.Change(timeline_.now(), step, ppm);
  Disturb(i, timeline_.now() + Seconds(5));
  // What was to happen at a time of the old clock.
  agent.tick_at = agent.wake_at = kNever;
  Arm(i);
}

void World::AgentFault(size_t i, int64_t kind) {
  Agent& agent = *agents_[i];
  Disturb(i, timeline_.now());
  if (kind < 14) {
    if (agent.wire == nullptr) return;
    Count("break", agent.name);
    Break(agent.wire, random_.Chance(0.7), random_.Chance(0.7));
  } else if (kind < 20) {
    CutOff(i, random_.Between(Millis(500), Seconds(5)));
  } else if (kind < 29) {
    BlockOneWay(i, random_.Chance(0.5), random_.Between(Millis(200), Seconds(6)));
  } else if (kind < 36) {
    const bool long_one = random_.Chance(0.1);
    Freeze(i, random_.Between(Millis(50), long_one ? Seconds(12) : Seconds(4)));
  } else if (kind < 39) {
    Count("slow agent", agent.name);
    agent.slow_until = timeline_.now() + random_.Between(Seconds(1), Seconds(8));
    Disturb(i, agent.slow_until);
    SlowDown(i);
  } else if (kind < 41) {
    // One that reads its clock answers late does not know its time well.
    if (wild_clocks_) ReadSlowly(i, random_.Between(Seconds(2), Seconds(15)));
  } else if (kind < 45) {
    if (!crashes_allowed_) return;
    if (random_.Chance(0.4)) {
      agent.crash_in_effects = static_cast<int>(random_.Between(0, 12));
    } else {
      Crash(i, random_.Chance(0.7) ? random_.Between(Millis(500), Seconds(8)) : kNever);
    }
  } else if (kind < 49) {
    Sigterm(i);
  } else if (kind < 51) {
    DrainByUser(i);
  } else {
    ClockFault(i);
  }
}

// ---- faults of the fleet ----

void World::NextFault() {
  if (timeline_.now() >= faults_end_) return;
  timeline_.After(random_.Between(Nanos(Millis(100)), 2 * fault_gap_), [this] { NextFault(); });
  const int64_t kind = random_.Between(0, 99);
  if (kind >= 55) return FleetFault(kind);
  const size_t i = random_.Index(agents_.size());
  if (agents_[i]->alive) AgentFault(i, kind);
}

void World::FleetFault(int64_t kind) {
  if (kind < 62) {
    if (Living().size() < kFleetMax && born_ < kBornMax) AddAgent();
  } else if (kind < 70) {
    StartTestByUser();
  } else if (kind < 76) {
    ChangeRate(AnyTest(), random_.Between(0, 200) * kMicro);
  } else if (kind < 79) {
    Stop(AnyTest());
  } else if (kind < 82) {
    Storm();
  } else {
    ControllerFault(kind);
  }
}

// Many come at once, or half of them go.
void World::Storm() {
  if (random_.Chance(0.5)) {
    if (born_ + 6 > kBornMax || Living().size() >= kFleetMax) return;
    Count("join storm");
    // Some are evicted as soon as they are there.
    const bool evicted = random_.Chance(0.5);
    for (int n = 0; n < 6; ++n) {
      AddAgent();
      if (!evicted) continue;
      timeline_.After(random_.Between(Nanos(Millis(1)), Nanos(Millis(1500))),
                      [this, i = agents_.size() - 1] {
                        if (!healed_) Sigterm(i);
                      });
    }
    return;
  }
  const std::vector<size_t> living = Living();
  if (living.size() < 2) return;
  Count("drain storm");
  for (size_t n = 0; n < living.size() / 2; ++n) Sigterm(living[n]);
}

void World::ControllerFault(int64_t kind) {
  Site& here = site();
  if (kind < 86) {
    KillController(random_.Between(Millis(100), Seconds(6)));
  } else if (kind < 90) {
    if (!here.Up()) return;
    here.next_death = static_cast<Death>(random_.Between(1, 3));
    Count(here.next_death == Death::kBeforeWrite  ? "kill before the write"
          : here.next_death == Death::kAfterWrite ? "kill after the write"
                                                  : "kill among the effects");
  } else if (kind < 93) {
    RestartController();
  } else if (kind < 95) {
    Count("slow store");
    here.slow_store_until = timeline_.now() + random_.Between(Seconds(1), Seconds(4));
    witness_.AllDisturbed(here.slow_store_until);
  } else if (kind < 98) {
    FailStore(random_.Between(Millis(50), Seconds(4)));
  } else {
    FlapController(static_cast<int>(random_.Between(2, 5)));
  }
}

}  // namespace broadside::sim
