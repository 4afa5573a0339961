// The controllers' side of the world: what controller/controller.cc does, in virtual time.

#include <algorithm>
#include <utility>

#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {
namespace {

constexpr Millis kTick{100};
constexpr Millis kCollect{50};
constexpr Millis kRetryMin{500};  // as in controller/controller_read_only.cc
constexpr Seconds kRetryMax{5};
constexpr WallTime kWall0{Seconds(1'800'000'000)};

}  // namespace

Now World::NowAt(const Site& site) const {
  return {BootTime(site.clock_offset + timeline_.now()), kWall0 + timeline_.now() + site.wall_step};
}

// `same_process`: a new core in it, after a while of read-only.
void World::StartController(Site& site, bool same_process) {
  ++site.process;
  site.started = timeline_.now();
  site.restarting = site.flush_armed = site.read_only = false;
  site.in_flight.reset();
  // Another node, another clock.
  if (!same_process) {
    site.clock_offset = random_.Between(Seconds(10), Seconds(1'000'000));
    site.retry_after = Nanos(0);
  }
  CoreOptions options;
  options.version = "sim";
  options.nonce = random_.Bits();
  site.core = std::make_unique<ControllerCore>(options, site.store.Open(), NowAt(site));
  witness_.Note(Concat("controller ", site.process, " starts"));
  MaybeFlush(site);
  Tick(site, site.process);
}

void World::Tick(Site& site, uint64_t process) {
  if (site.core == nullptr || process != site.process) return;
  ToController(site, Ticked{});
  timeline_.After(kTick, [this, &site, process] { Tick(site, process); });
}

void World::MakeDurable(Site& site, const StoreBatch& batch) {
  site.store.Write(batch);
  site.witness->Committed(batch, site.clock_offset);
}

// What was not committed is gone; of a commit under way nobody knows, and nothing went out.
void World::Kill(Site& site, Nanos away) {
  if (site.in_flight != nullptr && random_.Chance(0.5)) {
    Count("the commit under way becomes durable");
    MakeDurable(site, site.in_flight->batch);
  }
  site.in_flight.reset();
  site.core.reset();
  site.requests.clear();
  site.next_death = Death::kNone;
  for (const auto& [id, wire] : site.wires) Break(wire, random_.Chance(0.7), false);
  site.wires.clear();
  site.witness->AllDisturbed(timeline_.now() + away);
  timeline_.After(away, [this, &site] { StartController(site, false); });
}

// As Controller::EnterReadOnly: the core goes, what was published stays, the store is tried again.
void World::EnterReadOnly(Site& site) {
  Count("read-only");
  site.core.reset();
  site.read_only = true;
  site.requests.clear();
  for (const auto& [id, wire] : site.wires) CloseDown(wire);
  site.wires.clear();
  auto view = std::make_shared<FleetView>(*site.view);
  view->ready = view->store_writable = false;
  site.view = view;
  site.witness->Published(*view);
  TryAgainLater(site);
}

void World::TryAgainLater(Site& site) {
  site.retry_after = site.retry_after == Nanos(0)
                         ? Nanos(kRetryMin)
                         : std::min<Nanos>(2 * site.retry_after, kRetryMax);
  site.witness->AllDisturbed(timeline_.now() + site.retry_after);
  timeline_.After(site.retry_after, [this, &site, process = site.process] {
    if (site.process != process || !site.read_only) return;
    if (timeline_.now() < site.store_fails_until) return TryAgainLater(site);
    StartController(site, true);
  });
}

// As PrepareRestart and Stop: waits for the bridge to be taken, commits what is decided, goes.
void World::AwaitBridge(Site& site, Nanos since) {
  if (site.core == nullptr) return;
  const bool taken = site.in_flight == nullptr && site.core->PlanTaken();
  if (!taken && timeline_.now() - since < Seconds(5)) {
    timeline_.After(kCollect, [this, &site, since] { AwaitBridge(site, since); });
    return;
  }
  witness_.Note(taken ? "the bridge is taken" : "the bridge is not taken by all");
  if (site.in_flight == nullptr && site.core->NeedsFlush()) {
    const Commit last = site.core->Flush(NowAt(site));
    MakeDurable(site, last.batch);
  }
  Kill(site, random_.Between(Millis(500), Seconds(8)));
}

void World::ToController(Site& site, const ControllerEvent& event) {
  PerformController(site, site.core->Step(event, NowAt(site)));
  MaybeFlush(site);
}

void World::PerformController(Site& site, ControllerEffects effects) {
  for (const LogEvent& log : effects.logs) {
    std::string text = Concat("controller: ", log.event);
    for (const auto& [key, value] : log.fields) text += Concat(" ", key, "=", value);
    witness_.Note(std::move(text));
  }
  for (auto& [stream, message] : effects.messages) {
    const auto entry = site.wires.find(stream);
    if (entry == site.wires.end()) continue;
    const std::shared_ptr<Wire> wire = entry->second;
    site.witness->LetOut(agents_[wire->agent]->incarnation, message);
    SendDown(wire, std::move(message));
  }
  for (const auto& [stream, why] : effects.closes) {
    const auto entry = site.wires.find(stream);
    if (entry == site.wires.end()) continue;
    const std::shared_ptr<Wire> wire = entry->second;
    site.wires.erase(entry);
    CloseDown(wire);
  }
  for (const Reply& reply : effects.replies) Answered(site, reply);
}

void World::MaybeFlush(Site& site) {
  if (site.in_flight != nullptr || site.core == nullptr || !site.core->NeedsFlush()) return;
  if (site.core->Urgent()) return Flush(site);
  if (site.flush_armed) return;
  site.flush_armed = true;
  timeline_.After(kCollect, [this, &site, process = site.process] {
    if (site.core == nullptr || process != site.process) return;
    site.flush_armed = false;
    if (site.in_flight == nullptr && site.core->NeedsFlush()) Flush(site);
  });
}

void World::Flush(Site& site) {
  auto commit = std::make_shared<Commit>(site.core->Flush(NowAt(site)));
  if (commit->batch.Empty()) return Committed(site, commit);
  site.in_flight = commit;
  Nanos takes = random_.Between(Millis(1), Millis(15));
  if (timeline_.now() < site.slow_store_until) takes = random_.Between(Millis(50), Millis(700));
  timeline_.After(takes, [this, &site, commit] {
    if (site.in_flight != commit) return;
    if (site.next_death != Death::kNone) return DieAtCommit(site, commit);
    site.in_flight.reset();
    const bool fails = timeline_.now() < site.store_fails_until;
    // A commit that failed may be on disk or not.
    if (!fails || random_.Chance(0.5)) MakeDurable(site, commit->batch);
    if (fails) return EnterReadOnly(site);
    Committed(site, commit);
  });
}

void World::Committed(Site& site, const std::shared_ptr<Commit>& commit) {
  site.view = commit->view;
  site.witness->Published(*site.view);
  PerformController(site, std::move(commit->effects));
  MaybeFlush(site);
}

// Around the write, the worst moments.
void World::DieAtCommit(Site& site, const std::shared_ptr<Commit>& commit) {
  site.in_flight.reset();
  if (site.next_death != Death::kBeforeWrite) MakeDurable(site, commit->batch);
  if (site.next_death == Death::kAmongEffects) {
    site.view = commit->view;
    site.witness->Published(*site.view);
    ControllerEffects& effects = commit->effects;
    effects.messages.resize(random_.Index(effects.messages.size() + 1));
    effects.replies.resize(random_.Index(effects.replies.size() + 1));
    PerformController(site, std::move(effects));
  }
  Kill(site, random_.Between(Millis(100), Seconds(5)));
}

void World::Answered(Site& site, const Reply& reply) {
  const auto entry = site.requests.find(reply.request);
  if (entry == site.requests.end())
    return site.witness->Fail("engine", "an answer that nobody waits for");
  const Request request = entry->second;
  site.requests.erase(entry);
  if (reply.result.code != CommandCode::kOk) return;
  if (!request.start.empty()) site.witness->StartAnswered(request.start);
  if (!request.stop.empty()) site.witness->StopAnswered(request.stop);
  if (request.drain.has_value()) agents_[*request.drain]->drains = true;
}

}  // namespace broadside::sim
