// What users do, what goes wrong, and how it ends.

#include <algorithm>
#include <utility>

#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {

World::World(uint64_t seed) : random_(seed), witness_(&timeline_) {
  crashes_allowed_ = random_.Chance(0.4);
  faults_end_ = Seconds(random_.Between(25, 60));
}

void World::Run() {
  StartController();
  for (int64_t i = random_.Between(1, 5); i > 0; --i) AddAgent();
  timeline_.After(Seconds(1), [this] { StartTestByUser(); });
  timeline_.After(Seconds(2), [this] { NextFault(); });
  while (!witness_.Failed() && timeline_.Step(faults_end_)) {
  }
  Heal();
  // The longest test lasts 60 s, waits 60 s for agents, and is final within 16 s.
  const Nanos limit = faults_end_ + Seconds(180);
  while (!witness_.Failed() && timeline_.now() < limit) {
    const Nanos until = timeline_.now() + Seconds(1);
    while (!witness_.Failed() && timeline_.Step(until)) {
    }
    if (core_ != nullptr && witness_.AllEnded()) break;
  }
  // Agents are told, and those that drain go.
  const Nanos end = timeline_.now() + Seconds(40);
  while (!witness_.Failed() && timeline_.Step(end)) {
  }
  if (witness_.Failed()) return;
  witness_.CheckEnd(*view_);
  CheckAgents();
}

void World::Heal() {
  witness_.Note("healed");
  healed_ = true;
  for (const auto& agent : agents_) agent->cut_off_until = Nanos(0);
}

// At peace everybody is connected, and nobody holds or owes anything.
void World::CheckAgents() {
  for (const auto& agent : agents_) {
    if (!agent->alive) continue;
    const AgentStatus status = agent->core.Status(BootOf(*agent));
    if (agent->drains) witness_.Fail(Concat(agent->name, " never left"));
    if (!status.connected) witness_.Fail(Concat(agent->name, " is away: ", status.reason));
    if (status.tests != 0) witness_.Fail(Concat(agent->name, " holds ", status.tests, " tests"));
    if (status.reports_unacknowledged != 0)
      witness_.Fail(Concat(agent->name, " has reports that nobody acknowledges"));
    const bool listed =
        std::any_of(view_->agents.begin(), view_->agents.end(), [&](const AgentView& view) {
          return view.name == agent->name && view.state == AgentState::kReady;
        });
    if (!listed) witness_.Fail(Concat(agent->name, " is not ready in the view"));
  }
}

void World::Count(const std::string& fault, const std::string& detail) {
  ++faults_[fault];
  witness_.Note(Concat("--> ", fault, " ", detail));
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
  if (core_ == nullptr || restarting_ || tests_made_ >= 6) return;
  const TestId id = Concat("t", ++tests_made_);
  Count("start", id);
  requests_[++last_request_].start = id;
  ToController(StartAsked{last_request_, id, {RandomSpec(), "", 0}});
}

TestId World::AnyTest() {
  if (tests_made_ == 0) return "";
  return Concat("t", random_.Between(1, tests_made_));
}

// ---- faults ----

std::optional<size_t> World::AnyAgent() {
  const size_t i = random_.Index(agents_.size());
  return agents_[i]->alive ? std::optional(i) : std::nullopt;
}

void World::NextFault() {
  if (timeline_.now() >= faults_end_) return;
  timeline_.After(random_.Between(Millis(200), Millis(2500)), [this] { NextFault(); });
  const int64_t kind = random_.Between(0, 99);
  if (kind < 55) {
    const std::optional<size_t> i = AnyAgent();
    if (i.has_value()) AgentFault(*i, kind);
  } else {
    FleetFault(kind);
  }
}

void World::AgentFault(size_t i, int64_t kind) {
  Agent& agent = *agents_[i];
  agent.disturbed_until = std::max(agent.disturbed_until, timeline_.now());
  if (kind < 20 && agent.wire != nullptr) {
    Count("break", agent.name);
    Break(agent.wire, random_.Chance(0.7), random_.Chance(0.7));
  } else if (kind < 28 && agent.wire != nullptr) {
    const Nanos span = random_.Between(Millis(500), Seconds(5));
    Count("cut off", Concat(agent.name, " for ", span / Millis(1), " ms"));
    agent.cut_off_until = agent.disturbed_until = timeline_.now() + span;
    Break(agent.wire, random_.Chance(0.3), random_.Chance(0.3));
  } else if (kind < 38 && timeline_.now() >= agent.frozen_until) {
    const Nanos span = random_.Between(Millis(50), Millis(4000));
    Count("freeze", Concat(agent.name, " for ", span / Millis(1), " ms"));
    agent.frozen_until = agent.disturbed_until = timeline_.now() + span;
  } else if (kind < 43 && crashes_allowed_ && crashes_left_ > 0) {
    --crashes_left_;
    Count("crash", agent.name);
    agent.alive = false;
    witness_.AgentCrashed();
    if (agent.wire != nullptr) Break(agent.wire, false, random_.Chance(0.7));
  } else if (kind < 49) {
    Count("SIGTERM", agent.name);
    agent.drains = true;
    ToAgent(i, DrainRequested{});
  } else if (core_ != nullptr && !restarting_ && !agent.drains) {
    Count("drain by a user", agent.name);
    requests_[++last_request_].drain = i;
    ToController(DrainAsked{last_request_, agent.name});
  }
}

void World::FleetFault(int64_t kind) {
  const bool up = core_ != nullptr && !restarting_;
  if (kind < 63 && agents_.size() < 9) {
    AddAgent();
  } else if (kind < 72) {
    StartTestByUser();
  } else if (kind < 78 && up) {
    const TestId test = AnyTest();
    const int64_t rate = random_.Between(0, 200);
    Count("rate", Concat(test, " ", rate, " rps"));
    requests_[++last_request_] = {};
    ToController(RateAsked{last_request_, test, rate * kMicro});
  } else if (kind < 82 && up) {
    const TestId test = AnyTest();
    Count("stop", test);
    requests_[++last_request_].stop = test;
    ToController(StopAsked{last_request_, test});
  } else if (kind < 92 && up && timeline_.now() >= next_kill_) {
    const Nanos away = random_.Between(Millis(100), Seconds(6));
    Count("kill", Concat("controller for ", away / Millis(1), " ms"));
    KillController(away);
  } else if (kind < 96 && up && timeline_.now() >= next_kill_) {
    Count("planned restart");
    restarting_ = true;
    ToController(RestartAsked{});
    RestartPlanned(timeline_.now());
  } else if (kind < 100) {
    Count("slow store");
    slow_store_until_ = timeline_.now() + random_.Between(Seconds(1), Seconds(4));
  }
}

}  // namespace broadside::sim
