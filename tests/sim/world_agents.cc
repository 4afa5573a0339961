// The agents' side of the world: what agent/agent.cc does, in virtual time.

#include <algorithm>
#include <utility>
#include <variant>

#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {

void World::AddAgent(const std::string& name) {
  AgentCoreOptions options;
  options.incarnation = {random_.Bits(), static_cast<uint64_t>(++born_)};
  options.name = name.empty() ? Concat("agent-", born_) : name;
  options.threads = static_cast<uint32_t>(random_.Between(1, 4));
  options.version = "sim";
  options.seed = random_.Bits();
  // Threads are weight; more than two shards would be more of the same.
  const int shards = static_cast<int>(std::min<uint32_t>(options.threads, 2));
  auto agent = std::make_unique<Agent>(options, shards);
  agent->name = options.name;
  const int64_t ppm = wild_clocks_ ? 300 : 50;
  agent->clock = {timeline_.now(), random_.Between(Seconds(100), Seconds(100'000)),
                  random_.Between(-ppm, ppm)};
  if (healed_) agent->engine.Heal();
  agents_.push_back(std::move(agent));
  witness_.Joined(options.incarnation, shards);
  if (copy_witness_ != nullptr) copy_witness_->Joined(options.incarnation, shards);
  Count("join", options.name);
  ToAgent(agents_.size() - 1, broadside::Tick{});
}

// A frozen process does nothing; what came meanwhile it finds in the order in which it came.
bool World::WhileFrozen(size_t i, std::function<void()> what) {
  Agent& agent = *agents_[i];
  if (timeline_.now() >= agent.frozen_until && agent.backlog.empty()) return false;
  if (agent.backlog.empty()) timeline_.At(agent.frozen_until, [this, i] { Thaw(i); });
  agent.backlog.push_back(std::move(what));
  return true;
}

void World::Thaw(size_t i) {
  Agent& agent = *agents_[i];
  if (timeline_.now() < agent.frozen_until) {
    timeline_.At(agent.frozen_until, [this, i] { Thaw(i); });
    return;
  }
  for (const std::function<void()>& what : std::exchange(agent.backlog, {})) what();
}

void World::ToAgent(size_t i, const Event& event) {
  Agent& agent = *agents_[i];
  if (!agent.alive || WhileFrozen(i, [this, i, event] { ToAgent(i, event); })) return;
  const BootTime now = BootOf(agent);
  if (std::holds_alternative<MessageReceived>(event)) {
    Event seen = event;
    std::get<MessageReceived>(seen).at = now;
    Perform(i, agent.core.Step(seen, now));
  } else {
    Perform(i, agent.core.Step(event, now));
  }
  Arm(i);
}

// Sees to it that the agent is woken when its core or its engine has something to do.
void World::Arm(size_t i) {
  Agent& agent = *agents_[i];
  if (!agent.alive) return;
  const auto when = [&](BootTime boot) {
    return boot == BootTime::max() ? kNever : agent.clock.When(boot.time_since_epoch());
  };
  const Nanos tick = std::max(when(agent.core.NextTick()), timeline_.now() + Millis(1));
  if (tick < agent.tick_at) {
    agent.tick_at = tick;
    timeline_.At(tick, [this, i, tick] {
      if (agents_[i]->tick_at != tick) return;  // an earlier one was armed since
      agents_[i]->tick_at = kNever;
      ToAgent(i, broadside::Tick{});
    });
  }
  // Not every slot alone: an engine that wakes a little late is a usual one.
  const Nanos wake =
      std::max(when(agent.engine.NextWake(BootOf(agent))), timeline_.now() + Millis(2));
  if (wake >= agent.wake_at || wake == kNever) return;
  agent.wake_at = wake;
  timeline_.At(wake, [this, i, wake] {
    if (agents_[i]->wake_at != wake) return;
    agents_[i]->wake_at = kNever;
    Wake(i);
  });
}

void World::Wake(size_t i) {
  Agent& agent = *agents_[i];
  if (!agent.alive || WhileFrozen(i, [this, i] { Wake(i); })) return;
  agent.engine.Advance(BootOf(agent));
  Arm(i);
}

// With all that it has not delivered.
void World::Die(size_t i) {
  Agent& agent = *agents_[i];
  if (!agent.alive) return;
  agent.alive = false;
  witness_.Died(agent.incarnation);
  if (copy_witness_ != nullptr) copy_witness_->Died(agent.incarnation);
  if (agent.wire != nullptr) Break(agent.wire, false, random_.Chance(0.7));
}

void World::Perform(size_t i, Effects effects) {
  for (Effect& effect : effects) {
    if (agents_[i]->crash_in_effects == 0) {
      Count("crash within a step", agents_[i]->name);
      return Die(i);
    }
    if (agents_[i]->crash_in_effects > 0) --agents_[i]->crash_in_effects;
    std::visit([this, i](auto& what) { Do(i, what); }, effect);
  }
}

void World::Do(size_t i, const OpenStream& open) {
  timeline_.After(Delay(), [this, i, number = open.stream] { OpenWire(i, number); });
}

void World::Do(size_t i, const CloseStream& close) {
  const std::shared_ptr<Wire> wire = agents_[i]->wire;
  if (wire == nullptr || wire->number != close.stream) return;
  Break(wire, false, true);
}

void World::Do(size_t i, SendMessage& send) {
  Agent& agent = *agents_[i];
  const std::shared_ptr<Wire> wire = agent.wire;
  if (wire == nullptr || wire->number != send.stream || !wire->agent_open) return;
  if (send.message.report.has_value()) {
    witness_.Reported(agent.incarnation, send.message.report->seq, agent.collected);
    if (copy_witness_ != nullptr)
      copy_witness_->Reported(agent.incarnation, send.message.report->seq, agent.collected);
  }
  Nanos at = std::max(wire->up_last, timeline_.now() + Delay());
  if (agent.up_blocked_until > timeline_.now()) at = std::max(at, agent.up_blocked_until + Delay());
  wire->up_last = at;
  timeline_.At(at, [this, wire, message = std::move(send.message)] {
    if (timeline_.now() > wire->up_until || !wire->controller_open) return;
    Site& to = *wire->site;
    if (to.core == nullptr || wire->process != to.process) return;
    to.witness->Heard(agents_[wire->agent]->incarnation);
    ToController(to, AgentSaid{wire->id, message, NowAt(to).boot});
  });
}

// Of the controller that it serves.
Witness* World::WitnessOf(size_t i) {
  const std::shared_ptr<Wire>& wire = agents_[i]->wire;
  return wire == nullptr ? &witness_ : wire->site->witness;
}

void World::Do(size_t i, const StartTest& start) {
  agents_[i]->engine.Start(start.test, start.spec, start.clock, WitnessOf(i));
}
void World::Do(size_t i, const SetClock& set) { agents_[i]->engine.SetClock(set.test, set.clock); }
void World::Do(size_t i, const ExtendTest& extend) {
  agents_[i]->engine.Extend(extend.test, extend.grant, BootOf(*agents_[i]), WitnessOf(i));
}
void World::Do(size_t i, const CutTest& cut) {
  witness_.Note(Concat(agents_[i]->name, " cuts ", cut.test));
  agents_[i]->engine.Cut(cut.test);
  timeline_.After(random_.Between(Nanos(0), Millis(10)),
                  [this, i, test = cut.test] { ToAgent(i, TestCut{test}); });
}
void World::Do(size_t i, const AbandonTest& abandon) {
  witness_.Note(Concat(agents_[i]->name, " abandons ", abandon.test));
  agents_[i]->engine.Abandon(abandon.test);
}
void World::Do(size_t i, const ForgetTest& forget) { agents_[i]->engine.Forget(forget.test); }

void World::Do(size_t i, const CollectResults& /*collect*/) {
  // The shards are asked and answer, each in its time.
  timeline_.After(random_.Between(Nanos(0), Millis(15)), [this, i] { Collect(i); });
}

void World::Collect(size_t i) {
  Agent& agent = *agents_[i];
  if (!agent.alive || WhileFrozen(i, [this, i] { Collect(i); })) return;
  agent.collected = timeline_.now();
  ToAgent(i, ResultsCollected{agent.engine.Collect(BootOf(agent)), {}});
}

void World::Do(size_t i, const Exit& exit) {
  Agent& agent = *agents_[i];
  agent.alive = false;
  witness_.Note(Concat(agent.name, " exits with ", exit.code));
  // Grants of which it never heard are lost with it.
  const bool away = agent.wire == nullptr ||
                    agent.wire->number != agent.core.Status({}).streams_opened ||
                    agent.wire->down_until != kNever;
  if (away || exit.code != 0) {
    witness_.Died(agent.incarnation);
  } else {
    witness_.Left(agent.incarnation);
  }
  // A bound is a bound: faults in its last seconds are its end.
  const Nanos disturbed = std::max(agent.disturbed_until, witness_.all_disturbed());
  if (exit.code != 0 && timeline_.now() > disturbed + Seconds(15))
    witness_.Fail("drain", Concat(agent.name, " left before it had drained"));
}

void World::Do(size_t i, const LogLine& line) {
  witness_.Note(Concat(agents_[i]->name, ": ", line.event, " ", line.detail));
}

}  // namespace broadside::sim
