// The controller's side of the world: what controller/controller.cc does, in virtual time.

#include <algorithm>
#include <utility>

#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {
namespace {

constexpr Millis kTick{100};
constexpr Millis kCollect{50};
constexpr WallTime kWall0{Seconds(1'800'000'000)};

}  // namespace

Now World::ControllerNow() const {
  return {BootTime(controller_offset_ + timeline_.now()), kWall0 + timeline_.now()};
}

void World::StartController() {
  ++process_;
  restarting_ = flush_armed_ = false;
  in_flight_.reset();
  // Another node, another clock.
  controller_offset_ = random_.Between(Seconds(10), Seconds(1'000'000));
  CoreOptions options;
  options.version = "sim";
  options.nonce = random_.Bits();
  core_ = std::make_unique<ControllerCore>(options, store_.Open(), ControllerNow());
  witness_.Note(Concat("controller ", process_, " starts"));
  MaybeFlush();
  TickController(process_);
}

void World::TickController(uint64_t process) {
  if (core_ == nullptr || process != process_) return;
  ToController(Ticked{});
  timeline_.After(kTick, [this, process] { TickController(process); });
}

// What was not committed is gone; of a commit under way nobody knows, and nothing went out.
void World::KillController(Nanos away) {
  if (in_flight_ != nullptr && random_.Chance(0.5)) {
    witness_.Note("the commit under way becomes durable");
    store_.Write(in_flight_->batch);
    witness_.Committed(in_flight_->batch);
  }
  in_flight_.reset();
  core_.reset();
  requests_.clear();
  for (const auto& [id, wire] : wires_) Break(wire, random_.Chance(0.7), false);
  wires_.clear();
  next_kill_ = timeline_.now() + away + Seconds(12);
  controller_back_ = timeline_.now() + away;
  timeline_.After(away, [this] { StartController(); });
}

// As PrepareRestart and Stop: waits for the bridge to be taken, commits what is decided, goes.
void World::RestartPlanned(Nanos since) {
  if (core_ == nullptr) return;
  const bool taken = in_flight_ == nullptr && core_->PlanTaken();
  if (!taken && timeline_.now() - since < Seconds(5)) {
    timeline_.After(kCollect, [this, since] { RestartPlanned(since); });
    return;
  }
  witness_.Note(taken ? "the bridge is taken" : "the bridge is not taken by all");
  if (in_flight_ == nullptr && core_->NeedsFlush()) {
    const Commit last = core_->Flush(ControllerNow());
    store_.Write(last.batch);
    witness_.Committed(last.batch);
  }
  KillController(random_.Between(Millis(500), Seconds(8)));
}

void World::ToController(const ControllerEvent& event) {
  PerformController(core_->Step(event, ControllerNow()));
  MaybeFlush();
}

void World::PerformController(ControllerEffects effects) {
  for (const LogEvent& log : effects.logs) {
    std::string text = Concat("controller: ", log.event);
    for (const auto& [key, value] : log.fields) text += Concat(" ", key, "=", value);
    witness_.Note(std::move(text));
  }
  for (auto& [stream, message] : effects.messages) {
    const auto entry = wires_.find(stream);
    if (entry == wires_.end()) continue;
    const std::shared_ptr<Wire> wire = entry->second;
    if (message.beat_reply) message.beat_reply->controller_sent = ControllerNow().boot;
    const Nanos at = std::max(wire->down_last, timeline_.now() + Delay());
    wire->down_last = at;
    timeline_.At(at, [this, wire, what = std::move(message)] {
      if (timeline_.now() > wire->down_until || !wire->agent_open) return;
      ToAgent(wire->agent, MessageReceived{wire->number, what, {}});
    });
  }
  for (const auto& [stream, why] : effects.closes) {
    const auto entry = wires_.find(stream);
    if (entry == wires_.end()) continue;
    const std::shared_ptr<Wire> wire = entry->second;
    wire->controller_open = false;
    wires_.erase(entry);
    timeline_.At(wire->down_last, [this, wire] {
      if (timeline_.now() > wire->down_until) return;
      wire->agent_open = false;
      ToAgent(wire->agent, StreamClosed{wire->number, "closed by the controller"});
    });
  }
  for (const Reply& reply : effects.replies) Answered(reply);
}

void World::MaybeFlush() {
  if (in_flight_ != nullptr || core_ == nullptr || !core_->NeedsFlush()) return;
  if (core_->Urgent()) return Flush();
  if (flush_armed_) return;
  flush_armed_ = true;
  timeline_.After(kCollect, [this, process = process_] {
    if (core_ == nullptr || process != process_) return;
    flush_armed_ = false;
    if (in_flight_ == nullptr && core_->NeedsFlush()) Flush();
  });
}

void World::Flush() {
  in_flight_ = std::make_shared<Commit>(core_->Flush(ControllerNow()));
  Nanos takes = random_.Between(Millis(1), Millis(15));
  if (timeline_.now() < slow_store_until_) takes = random_.Between(Millis(50), Millis(700));
  timeline_.After(takes, [this, commit = in_flight_] {
    if (in_flight_ == commit) Committed(commit);
  });
}

void World::Committed(const std::shared_ptr<Commit>& commit) {
  in_flight_.reset();
  store_.Write(commit->batch);
  witness_.Committed(commit->batch);
  view_ = commit->view;
  witness_.Published(*view_);
  PerformController(std::move(commit->effects));
  MaybeFlush();
}

void World::Answered(const Reply& reply) {
  const auto entry = requests_.find(reply.request);
  if (entry == requests_.end()) return witness_.Fail("an answer that nobody waits for");
  const Request request = entry->second;
  requests_.erase(entry);
  if (reply.result.code != CommandCode::kOk) return;
  if (!request.start.empty()) witness_.StartAnswered(request.start);
  if (!request.stop.empty()) witness_.StopAnswered(request.stop);
  if (request.drain.has_value()) agents_[*request.drain]->drains = true;
}

}  // namespace broadside::sim
