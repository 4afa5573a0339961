// The course of a life: beginning, peace, end; and what scenarios do by name.

#include <algorithm>
#include <utility>

#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {
namespace {

// From peace until everybody is connected: a Welcome that never came (15 s), a freeze (12 s), a
// connect that nobody answered (5 s), the backoff.
constexpr Seconds kWellWithin{40};

}  // namespace

World::World(uint64_t seed) : random_(seed), witness_(&timeline_) {
  sites_.push_back(std::make_unique<Site>());
  site().witness = &witness_;
  crashes_allowed_ = random_.Chance(0.5);
  wild_clocks_ = random_.Chance(0.3);
  fault_gap_ = random_.Between(Millis(150), Millis(2500));
  faults_end_ = Seconds(random_.Between(20, 50));
  // A clock that is stepped sends early until the next segment.
  if (wild_clocks_) witness_.AllowClockError(Seconds(3));
}

void World::Begin(int agents) {
  StartController(site(), false);
  for (int i = 0; i < agents; ++i) AddAgent();
}

void World::Run() {
  if (random_.Chance(0.05)) return RunAwayOverTheEnd();
  Begin(static_cast<int>(random_.Between(1, 5)));
  timeline_.After(Seconds(1), [this] { StartTestByUser(); });
  timeline_.After(Seconds(2), [this] { NextFault(); });
  RunUntilPeace(faults_end_);
}

// Nothing else goes wrong, so that nothing excuses a slot that is not reported: the results wait
// for the controller, and it for them.
void World::RunAwayOverTheEnd() {
  Begin(static_cast<int>(random_.Between(1, 4)));
  TestSpec spec = RandomSpec();
  spec.agents.min = 1;
  spec.load.stages.resize(1);
  spec.load.stages[0].duration_ms = random_.Between(4'000, 10'000);
  timeline_.After(Seconds(1), [this, spec] { Start(spec); });
  const Nanos end = Seconds(3) + Millis(spec.load.stages[0].duration_ms);
  const Nanos killed = end - random_.Between(Millis(10), Millis(2000));
  const Nanos away = random_.Between(Seconds(1), Seconds(30));
  timeline_.At(killed, [this, away] { KillController(away); });
  RunUntilPeace(killed + away + Seconds(1));
}

void World::RunUntilPeace(Nanos heal_at) {
  faults_end_ = heal_at;
  while (!witness_.Failed() && timeline_.Step(heal_at)) {
  }
  Heal();
  // The longest test lasts 60 s, waits 60 s for agents, and is final within 16 s.
  const Nanos limit = heal_at + Seconds(180);
  while (!witness_.Failed() && timeline_.now() < limit) {
    const Nanos until = timeline_.now() + Seconds(1);
    while (!witness_.Failed() && timeline_.Step(until)) {
    }
    if (site().core != nullptr && witness_.AllEnded()) break;
  }
  // Agents are told, and those that drain go.
  const Nanos end = timeline_.now() + Seconds(60);
  while (!witness_.Failed() && timeline_.now() < end && !Unrest().empty()) {
    const Nanos until = timeline_.now() + Seconds(1);
    while (!witness_.Failed() && timeline_.Step(until)) {
    }
  }
  if (witness_.Failed()) return;
  witness_.CheckEnd(*site().view);
  if (sites_.size() == 1 && !Unrest().empty()) witness_.Fail("peace", Unrest());
}

void World::Heal() {
  witness_.Note("healed");
  healed_ = true;
  const Nanos now = timeline_.now();
  bool anybody = false;
  for (const auto& agent : agents_) {
    for (Nanos* until :
         {&agent->cut_off_until, &agent->up_blocked_until, &agent->down_blocked_until,
          &agent->reads_slowly_until, &agent->slow_until}) {
      *until = std::min(*until, now);
    }
    agent->crash_in_effects = -1;
    agent->engine.Heal();
    const AgentStatus status = agent->core.Status(BootOf(*agent));
    anybody = anybody || (agent->alive && !agent->drains && !status.draining &&
                          status.clock_error <= limits::kClockErrorMax / 2);
  }
  for (const auto& site : sites_) {
    site->store_fails_until = site->slow_store_until = now;
    site->next_death = Death::kNone;
  }
  for (int i = 0; i < 2 && !anybody; ++i) AddAgent();
  if (random_.Chance(0.4)) StartTestByUser();
  WatchForPeace();
}

void World::WatchForPeace() {
  if (IsWell()) {
    witness_.Note("all is well");
    return witness_.Well();
  }
  if (timeline_.now() > faults_end_ + kWellWithin)
    return witness_.Fail("liveness", Concat("healed, but not well: ", Unrest()));
  const bool anybody = std::any_of(agents_.begin(), agents_.end(), [this](const auto& agent) {
    const AgentStatus status = agent->core.Status(BootOf(*agent));
    return agent->alive && !agent->drains && !status.draining &&
           (!status.clock_known || status.clock_error <= limits::kClockErrorMax / 2);
  });
  if (!anybody) AddAgent();
  timeline_.After(Millis(100), [this] { WatchForPeace(); });
}

// Everybody who lives is connected and knows the time, the controller knows its tests' time.
bool World::IsWell() const {
  if (sites_.size() > 1) return true;
  const Site& site = *sites_.front();
  if (!site.Up() || timeline_.now() < site.started + limits::kRecoverMax + Seconds(1)) return false;
  int ready = 0;
  for (const auto& agent : agents_) {
    if (!agent->alive) continue;
    const AgentStatus status = agent->core.Status(BootOf(*agent));
    if (status.draining) continue;
    if (!status.connected || !status.clock_known || timeline_.now() < agent->disturbed_until)
      return false;
    // Nothing of before is on its way.
    if (std::max(agent->wire->up_last, agent->wire->down_last) > timeline_.now() + Millis(50))
      return false;
    const bool listed =
        std::any_of(site.view->agents.begin(), site.view->agents.end(), [&](const AgentView& view) {
          return view.incarnation == agent->incarnation &&
                 (view.state == AgentState::kReady || view.state == AgentState::kSpare);
        });
    if (!listed) return false;
    if (status.clock_error <= limits::kClockErrorMax / 2) ++ready;
  }
  return ready > 0;
}

// At peace everybody is connected, and nobody holds or owes anything; empty when it is so.
std::string World::Unrest() const {
  const Site& site = *sites_.front();
  if (!site.Up()) return "the controller is away";
  for (const auto& agent : agents_) {
    if (!agent->alive) continue;
    const AgentStatus status = agent->core.Status(BootOf(*agent));
    if (agent->drains) return Concat(agent->name, " never left");
    if (!status.connected) return Concat(agent->name, " is away: ", status.reason);
    if (status.tests != 0) return Concat(agent->name, " holds ", status.tests, " tests");
    if (status.reports_unacknowledged != 0)
      return Concat(agent->name, " has reports that nobody acknowledges");
    if (agent->engine.in_flight() != 0) return Concat(agent->name, " has requests on their way");
    const bool listed =
        std::any_of(site.view->agents.begin(), site.view->agents.end(), [&](const AgentView& view) {
          return view.incarnation == agent->incarnation && view.state == AgentState::kReady;
        });
    if (!listed) return Concat(agent->name, " is not ready in the view");
  }
  return "";
}

// ---- for scenarios ----

std::vector<size_t> World::Living() const {
  std::vector<size_t> living;
  for (size_t i = 0; i < agents_.size(); ++i) {
    if (agents_[i]->alive && !agents_[i]->drains) living.push_back(i);
  }
  return living;
}

void World::Start(const TestSpec& spec) {
  if (!site().Up()) return;
  const TestId id = Concat("t", ++tests_made_);
  Count("start", id);
  site().requests[++last_request_].start = id;
  ToController(site(), StartAsked{last_request_, id, {spec, "", 0}, nullptr, 0});
}

void World::Stop(const TestId& test) {
  if (!site().Up()) return;
  Count("stop", test);
  site().requests[++last_request_].stop = test;
  ToController(site(), StopAsked{last_request_, test});
}

void World::ChangeRate(const TestId& test, MicroRate rate) {
  if (!site().Up()) return;
  Count("rate", Concat(test, " ", rate / kMicro, " rps"));
  site().requests[++last_request_] = {};
  ToController(site(), RateAsked{last_request_, test, rate});
}

void World::Route(size_t i, size_t site) { agents_[i]->site = site; }

void World::BreakStream(size_t i) {
  const std::shared_ptr<Wire> wire = agents_[i]->wire;
  if (wire != nullptr) Break(wire, true, true);
}

void World::KillController(Nanos away) {
  if (!site().Up()) return;
  Count("kill the controller", Concat("for ", away / Millis(1), " ms"));
  Kill(site(), away);
}

void World::RestartController() {
  if (!site().Up()) return;
  Count("planned restart");
  site().restarting = true;
  witness_.BridgeAsked();
  witness_.AllDisturbed(timeline_.now());
  ToController(site(), RestartAsked{});
  AwaitBridge(site(), timeline_.now());
}

void World::FlapController(int times) {
  if (times == 0 || healed_) return;
  const Nanos away = random_.Between(Millis(100), Millis(1500));
  if (site().Up()) {
    Count("flap", Concat("away for ", away / Millis(1), " ms"));
    Kill(site(), away);
  }
  timeline_.After(away + random_.Between(Millis(200), Seconds(3)),
                  [this, times] { FlapController(times - 1); });
}

void World::FailStore(Nanos span) {
  Count("disk error", Concat("for ", span / Millis(1), " ms"));
  site().store_fails_until = timeline_.now() + span;
  witness_.AllDisturbed(site().store_fails_until);
}

void World::SplitBrain(bool same_epoch) {
  Count("copy of the store");
  auto copy = std::make_unique<Site>();
  copy->store = site().store;
  copy->view = site().view;
  copy_witness_ = std::make_unique<Witness>(witness_);
  copy_witness_->AllowInconsistent();
  witness_.AllowLosses();
  copy->witness = copy_witness_.get();
  sites_.push_back(std::move(copy));
  if (same_epoch) Kill(site(), Millis(300));
  StartController(*sites_.back(), false);
}

}  // namespace broadside::sim
