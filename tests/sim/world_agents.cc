// The agents' side of the world, and the streams.

#include <algorithm>
#include <utility>
#include <variant>

#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {

void World::AddAgent() {
  AgentCoreOptions options;
  options.incarnation = {random_.Bits(), agents_.size() + 1};
  options.name = Concat("agent-", agents_.size() + 1);
  options.threads = static_cast<uint32_t>(random_.Between(1, 4));
  options.version = "sim";
  options.seed = random_.Bits();
  auto agent = std::make_unique<Agent>(options, &witness_);
  agent->name = options.name;
  agent->clock_offset = random_.Between(Seconds(100), Seconds(100'000));
  agent->clock_ppm = random_.Between(-50, 50);
  agents_.push_back(std::move(agent));
  Count("join", options.name);
  ToAgent(agents_.size() - 1, Tick{});
}

BootTime World::BootOf(const Agent& agent) const {
  const Nanos now = timeline_.now();
  return BootTime(agent.clock_offset + now + now / 1'000'000 * agent.clock_ppm);
}

// The first moment at which the agent's clock shows `boot` or more.
Nanos World::WhenBoot(const Agent& agent, BootTime boot) const {
  if (boot == BootTime::max()) return kNever;
  const Nanos since = boot.time_since_epoch() - agent.clock_offset;
  // 1 us covers the rounding; to be a little early is harmless.
  return since - since / 1'000'000 * agent.clock_ppm + Nanos(1'000);
}

void World::ToAgent(size_t i, const Event& event) {
  Agent& agent = *agents_[i];
  if (!agent.alive) return;
  if (timeline_.now() < agent.frozen_until) {
    timeline_.At(agent.frozen_until, [this, i, event] { ToAgent(i, event); });
    return;
  }
  Event seen = event;
  if (auto* message = std::get_if<MessageReceived>(&seen)) message->at = BootOf(agent);
  Perform(i, agent.core.Step(seen, BootOf(agent)));
  Arm(i);
}

// Sees to it that the agent is woken when its core or its engine has something to do.
void World::Arm(size_t i) {
  Agent& agent = *agents_[i];
  if (!agent.alive) return;
  const Nanos tick = std::max(WhenBoot(agent, agent.core.NextTick()), timeline_.now() + Millis(1));
  if (tick < agent.tick_at) {
    agent.tick_at = tick;
    timeline_.At(tick, [this, i, tick] {
      if (agents_[i]->tick_at != tick) return;  // an earlier one was armed since
      agents_[i]->tick_at = kNever;
      ToAgent(i, Tick{});
    });
  }
  // Not every slot alone: an engine that wakes a little late is a usual one.
  const Nanos wake =
      std::max(WhenBoot(agent, agent.engine.NextWake()), timeline_.now() + Millis(2));
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
  if (!agent.alive) return;
  if (timeline_.now() < agent.frozen_until) {
    timeline_.At(agent.frozen_until, [this, i] { Wake(i); });
    return;
  }
  agent.engine.Advance(BootOf(agent));
  Arm(i);
}

void World::Perform(size_t i, Effects effects) {
  for (Effect& effect : effects) {
    std::visit([this, i](auto& what) { Do(i, what); }, effect);
  }
}

void World::Do(size_t i, const OpenStream& open) {
  timeline_.After(Delay(), [this, i, number = open.stream] {
    Agent& agent = *agents_[i];
    if (!agent.alive) return;
    if (core_ == nullptr || restarting_ || timeline_.now() < agent.cut_off_until)
      return ToAgent(i, StreamClosed{number, "refused"});
    auto wire = std::make_shared<Wire>();
    wire->agent = i;
    wire->number = number;
    wire->id = ++last_stream_;
    wire->process = process_;
    agent.wire = wire;
    wires_[wire->id] = wire;
    ToAgent(i, StreamOpened{number});
  });
}

void World::Do(size_t i, const CloseStream& close) {
  const std::shared_ptr<Wire> wire = agents_[i]->wire;
  if (wire == nullptr || wire->number != close.stream) return;
  Break(wire, false, true);
}

void World::Do(size_t i, SendMessage& send) {
  const std::shared_ptr<Wire> wire = agents_[i]->wire;
  if (wire == nullptr || wire->number != send.stream || !wire->agent_open) return;
  const Nanos at = std::max(wire->up_last, timeline_.now() + Delay());
  wire->up_last = at;
  timeline_.At(at, [this, wire, message = std::move(send.message)] {
    if (timeline_.now() > wire->up_until || !wire->controller_open) return;
    if (core_ == nullptr || wire->process != process_) return;
    ToController(AgentSaid{wire->id, message, ControllerNow().boot});
  });
}

void World::Do(size_t i, const StartTest& start) {
  agents_[i]->engine.Start(start.test, start.spec, start.clock);
}
void World::Do(size_t i, const SetClock& set) { agents_[i]->engine.SetClock(set.test, set.clock); }
void World::Do(size_t i, const ExtendTest& extend) {
  agents_[i]->engine.Extend(extend.test, extend.grant, BootOf(*agents_[i]));
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
  timeline_.After(random_.Between(Nanos(0), Millis(15)), [this, i] {
    Agent& agent = *agents_[i];
    if (!agent.alive) return;
    ToAgent(i, ResultsCollected{agent.engine.Collect(BootOf(agent)), {}});
  });
}

void World::Do(size_t i, const Exit& exit) {
  Agent& agent = *agents_[i];
  agent.alive = false;
  witness_.Note(Concat(agent.name, " exits with ", exit.code));
  // Grants of which it never heard are lost with it.
  const bool away = agent.wire == nullptr ||
                    agent.wire->number != agent.core.Status({}).streams_opened ||
                    agent.wire->down_until != kNever;
  if (away || exit.code != 0) witness_.AgentCrashed();
  // A bound is a bound: faults in its last seconds are its end.
  const Nanos disturbed = std::max(agent.disturbed_until, controller_back_);
  if (exit.code != 0 && timeline_.now() > disturbed + Seconds(15))
    witness_.Fail(Concat(agent.name, " left before it had drained"));
}

void World::Do(size_t i, const LogLine& line) {
  witness_.Note(Concat(agents_[i]->name, ": ", line.event, " ", line.detail));
}

// ---- streams ----

Nanos World::Delay() {
  if (healed_) return random_.Between(Nanos(100'000), Millis(5));
  if (random_.Chance(0.01)) return random_.Between(Millis(50), Millis(600));
  if (random_.Chance(0.1)) return random_.Between(Millis(5), Millis(60));
  return random_.Between(Nanos(100'000), Millis(5));
}

// Ends a stream. A side that does not see it finds out by the silence.
void World::Break(const std::shared_ptr<Wire>& wire, bool agent_sees, bool controller_sees) {
  const Nanos now = timeline_.now();
  // Before the Welcome an agent waits 15 s, longer than a test waits for its results: a break of
  // that kind would be a loss by design.
  const Agent& agent = *agents_[wire->agent];
  agent_sees = agent_sees || (agent.alive && !agent.core.Status(BootOf(agent)).connected);
  wire->up_until = std::min(wire->up_until, now + random_.Between(Nanos(0), Millis(50)));
  wire->down_until = std::min(wire->down_until, now + random_.Between(Nanos(0), Millis(50)));
  if (agent_sees) {
    timeline_.At(std::max(wire->down_until, now + Delay()), [this, wire] {
      wire->agent_open = false;
      ToAgent(wire->agent, StreamClosed{wire->number, "broken"});
    });
  }
  if (controller_sees) {
    timeline_.At(std::max(wire->up_until, now + Delay()), [this, wire] {
      if (!wire->controller_open || core_ == nullptr || wire->process != process_) return;
      wire->controller_open = false;
      wires_.erase(wire->id);
      ToController(StreamEnded{wire->id});
    });
  }
}

}  // namespace broadside::sim
