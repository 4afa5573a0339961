// The network of the world: streams with delays, that break, stall in one direction, or pile up.

#include <algorithm>
#include <utility>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {

Nanos World::Delay() {
  if (healed_) return random_.Between(Nanos(100'000), Millis(5));
  if (random_.Chance(0.01)) return random_.Between(Millis(50), Millis(600));
  if (random_.Chance(0.1)) return random_.Between(Millis(5), Millis(60));
  return random_.Between(Nanos(100'000), Millis(5));
}

void World::OpenWire(size_t i, uint64_t number) {
  Agent& agent = *agents_[i];
  if (!agent.alive) return;
  Site& to = *sites_[agent.site];
  const Nanos now = timeline_.now();
  if (std::max(agent.up_blocked_until, agent.down_blocked_until) > now) {
    // No handshake: nothing is heard before the attempt is given up.
    timeline_.After(limits::kConnectAttemptTimeout, [this, i, number] {
      ToAgent(i, StreamClosed{number, "no route"});
    });
    return;
  }
  if (!to.Up() || now < agent.cut_off_until) return ToAgent(i, StreamClosed{number, "refused"});
  auto wire = std::make_shared<Wire>();
  wire->agent = i;
  wire->number = number;
  wire->id = ++last_stream_;
  wire->site = &to;
  wire->process = to.process;
  agent.wire = wire;
  to.wires[wire->id] = wire;
  ToAgent(i, StreamOpened{number});
}

// Ends a stream. A side that does not see it finds out by the silence.
void World::Break(const std::shared_ptr<Wire>& wire, bool agent_sees, bool controller_sees) {
  const Nanos now = timeline_.now();
  const Agent& agent = *agents_[wire->agent];
  // Before the Welcome an agent waits 15 s, longer than a test waits for its results: a break of
  // that kind would be a loss by design.
  agent_sees = agent_sees || (agent.alive && !agent.core.Status(BootOf(agent)).connected);
  wire->up_until = std::min(wire->up_until, now + random_.Between(Nanos(0), Millis(50)));
  wire->down_until = std::min(wire->down_until, now + random_.Between(Nanos(0), Millis(50)));
  if (agent_sees) {
    const Nanos at = std::max({wire->down_until, now + Delay(), agent.down_blocked_until});
    timeline_.At(at, [this, wire] {
      wire->agent_open = false;
      ToAgent(wire->agent, StreamClosed{wire->number, "broken"});
    });
  }
  if (controller_sees) {
    const Nanos at = std::max({wire->up_until, now + Delay(), agent.up_blocked_until});
    timeline_.At(at, [this, wire] {
      Site& to = *wire->site;
      if (!wire->controller_open || to.core == nullptr || wire->process != to.process) return;
      wire->controller_open = false;
      to.wires.erase(wire->id);
      ToController(to, StreamEnded{wire->id});
    });
  }
}

void World::SendDown(const std::shared_ptr<Wire>& wire, ControllerMessage message) {
  const Agent& agent = *agents_[wire->agent];
  const Nanos now = timeline_.now();
  // A consumer that is too slow has its stream ended, as by the outbox of common/rpc.
  if (++wire->down_waiting > limits::kOutboxMessagesMax) {
    Count("outbox full", agent.name);
    return Break(wire, true, true);
  }
  if (message.beat_reply) message.beat_reply->controller_sent = NowAt(*wire->site).boot;
  Nanos at = std::max(wire->down_last, now + Delay());
  if (agent.down_blocked_until > now) at = std::max(at, agent.down_blocked_until + Delay());
  if (agent.reads_slowly_until > now)
    at = std::max(at, wire->down_last + random_.Between(Millis(50), Millis(900)));
  wire->down_last = at;
  timeline_.At(at, [this, wire, what = std::move(message)] {
    --wire->down_waiting;
    if (timeline_.now() > wire->down_until || !wire->agent_open) return;
    ToAgent(wire->agent, MessageReceived{wire->number, what, {}});
  });
}

void World::CloseDown(const std::shared_ptr<Wire>& wire) {
  wire->controller_open = false;
  const Nanos blocked = agents_[wire->agent]->down_blocked_until;
  timeline_.At(std::max(wire->down_last, blocked), [this, wire] {
    if (timeline_.now() > wire->down_until) return;
    wire->agent_open = false;
    ToAgent(wire->agent, StreamClosed{wire->number, "closed by the controller"});
  });
}

}  // namespace broadside::sim
