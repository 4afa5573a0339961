#include "controller/core/controller_core.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/core/check.h"
#include "common/core/mutant.h"
#include "common/core/status.h"

namespace broadside {
namespace {

CommandResult Refused(CommandCode code, std::string detail) {
  CommandResult result;
  result.code = code;
  result.detail = std::move(detail);
  return result;
}

}  // namespace

ControllerCore::ControllerCore(const CoreOptions& options, const StoredState& stored, Now now)
    : options_(options), store_uuid_(stored.store_uuid), epoch_(stored.epoch) {
  run_options_.horizon = options.horizon;
  run_options_.start_lead = options.start_lead;
  for (const auto& [incarnation, seq] : stored.acked) RememberGone(incarnation, seq);
  for (const Incarnation& incarnation : stored.drains) RememberDrain(incarnation);
  for (const StoredTest& test : stored.unended) {
    auto run = std::make_unique<TestRun>(test, stored.ledger, run_options_, now);
    if (!test.test.idempotency_key.empty()) {
      keys_[test.test.idempotency_key] = {test.test.id, test.test.body_hash};
    }
    runs_.emplace(test.test.id, std::move(run));
  }
  // Newest first in the store; the order here is oldest first.
  for (auto it = stored.ended.rbegin(); it != stored.ended.rend(); ++it) {
    ended_.emplace(it->id, ViewOfRecord(*it));
    ended_order_.push_back(it->id);
    if (!it->idempotency_key.empty()) keys_[it->idempotency_key] = {it->id, it->body_hash};
  }
}

Millis ControllerCore::BeatInterval() const {
  const bool large = streams_.size() > limits::kLargeFleet;
  return large ? limits::kBeatLargeFleet : limits::kBeatSmallFleet;
}

Millis ControllerCore::ReportInterval() const {
  return streams_.size() > limits::kHugeFleet ? limits::kReportHugeFleet : BeatInterval();
}

ControllerEffects ControllerCore::Step(const ControllerEvent& event, Now now) {
  ControllerEffects effects;
  std::visit([&](const auto& e) { On(e, now, effects); }, event);
  for (auto& [id, run] : runs_) CollectLogs(*run, effects);
  return effects;
}

void ControllerCore::CollectLogs(TestRun& run, ControllerEffects& effects) {
  std::vector<LogEvent> logs = run.TakeLogs();
  std::move(logs.begin(), logs.end(), std::back_inserter(effects.logs));
}

// ---- users ----

bool ControllerCore::AnswerAgain(const StartAsked& asked, ControllerEffects& effects) {
  const std::string& key = asked.start.idempotency_key;
  const auto used = key.empty() ? keys_.end() : keys_.find(key);
  const bool in_memory = used != keys_.end();
  if (!in_memory && asked.earlier == nullptr) return false;
  const uint64_t hash = in_memory ? used->second.body_hash : asked.earlier_body_hash;
  if (hash != asked.start.body_hash) {
    effects.replies.push_back(
        {asked.request, Refused(CommandCode::kKeyReused,
                                "this Idempotency-Key was used for a different request")});
    return true;
  }
  CommandResult again;
  again.replayed = true;
  if (in_memory) {
    ReplyWithTest(asked.request, used->second.test, std::move(again));
  } else {
    // What the store has is durable.
    again.test = asked.earlier;
    effects.replies.push_back({asked.request, std::move(again)});
  }
  return true;
}

void ControllerCore::On(const StartAsked& asked, Now now, ControllerEffects& effects) {
  if (AnswerAgain(asked, effects)) return;
  const std::string& key = asked.start.idempotency_key;
  if (std::vector<FieldError> errors = Validate(asked.start.spec); !errors.empty()) {
    CommandResult invalid = Refused(CommandCode::kInvalid, "the test spec is not valid");
    invalid.fields = std::move(errors);
    effects.replies.push_back({asked.request, std::move(invalid)});
    return;
  }
  // A test does not start before agents.min are ready.
  const int64_t agents = std::max(EligibleAgents(agents_, now.boot), asked.start.spec.agents.min);
  const MicroRate peak = Curve::FromStages(asked.start.spec.load.stages).PeakRateFrom(0);
  if (std::string why = PortsExhausted(asked.start.spec, peak, agents); !why.empty()) {
    CommandResult invalid = Refused(CommandCode::kInvalid, "the test spec is not valid");
    invalid.fields.push_back({"/connections/keepalive", std::move(why)});
    effects.replies.push_back({asked.request, std::move(invalid)});
    return;
  }
  if (runs_.size() >= limits::kTestsRunningMax) {
    effects.replies.push_back(
        {asked.request,
         Refused(CommandCode::kTooMany,
                 Concat(limits::kTestsRunningMax, " tests are running, the most at a time"))});
    return;
  }
  runs_.emplace(asked.id, std::make_unique<TestRun>(asked.id, asked.start, run_options_, now));
  if (!key.empty()) keys_[key] = {asked.id, asked.start.body_hash};
  replies_.push_back({asked.request, asked.id, {}});
  urgent_ = true;
}

std::string ControllerCore::PortsExhausted(const TestSpec& spec, MicroRate peak,
                                           int64_t agents) const {
  const int64_t most = limits::kNewConnectionsPerSecondMax * agents;
  if (spec.connections.keepalive || peak <= most * kMicro) return {};
  return Concat("without keep-alive every request takes a port for ", limits::kPortHeld.count(),
                " s: at most ", most,
                " requests a second (limits: ", limits::kNewConnectionsPerSecondMax,
                " per agent; agents: ", agents, ")");
}

void ControllerCore::On(const RateAsked& asked, Now now, ControllerEffects& effects) {
  const auto run = runs_.find(asked.test);
  if (run == runs_.end() || run->second->Ended()) {
    const bool known = run != runs_.end() || ended_.contains(asked.test) || asked.in_store;
    effects.replies.push_back(
        {asked.request, known ? Refused(CommandCode::kConflict, "the test has ended")
                              : Refused(CommandCode::kNotFound, Concat("no test ", asked.test))});
    return;
  }
  const TestRecord& record = run->second->record();
  const bool pending = record.state == TestState::kPending;
  const int64_t agents =
      std::max(EligibleAgents(agents_, now.boot), pending ? record.spec->agents.min : 1);
  if (std::string why = PortsExhausted(*record.spec, asked.rate, agents); !why.empty()) {
    effects.replies.push_back({asked.request, Refused(CommandCode::kConflict, std::move(why))});
    return;
  }
  TestRun::RateAnswer answer = run->second->ChangeRate(asked.rate, now);
  if (answer.code != CommandCode::kOk) {
    effects.replies.push_back({asked.request, Refused(answer.code, std::move(answer.error))});
    return;
  }
  CommandResult result;
  result.effective_at = answer.effective_at;
  replies_.push_back({asked.request, asked.test, std::move(result)});
  urgent_ = true;
}

void ControllerCore::On(const StopAsked& asked, Now now, ControllerEffects& effects) {
  const auto run = runs_.find(asked.test);
  const bool in_memory = run != runs_.end() || ended_.contains(asked.test);
  if (!in_memory && asked.stored == nullptr) {
    effects.replies.push_back(
        {asked.request, Refused(CommandCode::kNotFound, Concat("no test ", asked.test))});
    return;
  }
  if (!in_memory) {
    // What the store has is durable.
    CommandResult ended;
    ended.test = asked.stored;
    effects.replies.push_back({asked.request, std::move(ended)});
    return;
  }
  if (run != runs_.end()) run->second->Stop(now, agents_, outbox_, "asked by a user");
  ReplyWithTest(asked.request, asked.test, {});
}

void ControllerCore::ReplyWithTest(RequestId request, const TestId& test, CommandResult result) {
  // An ended test may be deleted before the flush.
  if (const auto ended = ended_.find(test); ended != ended_.end()) result.test = ended->second;
  replies_.push_back({request, test, std::move(result)});
  changed_ = urgent_ = true;
}

void ControllerCore::On(const DeleteAsked& asked, Now /*now*/, ControllerEffects& effects) {
  if (runs_.contains(asked.test)) {
    effects.replies.push_back(
        {asked.request, Refused(CommandCode::kConflict, "the test is running: stop it first")});
    return;
  }
  if (ended_.erase(asked.test) == 0 && !asked.in_store) {
    effects.replies.push_back(
        {asked.request, Refused(CommandCode::kNotFound, Concat("no test ", asked.test))});
    return;
  }
  ForgetTest(asked.test);
  replies_.push_back({asked.request, {}, {}});
  changed_ = urgent_ = true;
}

void ControllerCore::ForgetTest(const TestId& test) {
  ended_.erase(test);
  std::erase(ended_order_, test);
  std::erase_if(keys_, [&](const auto& key) { return key.second.test == test; });
  deleted_.push_back(test);
  changed_ = true;
}

void ControllerCore::On(const TestsExpired& expired, Now /*now*/, ControllerEffects& effects) {
  for (const TestId& test : expired.tests) {
    if (runs_.contains(test)) continue;
    ForgetTest(test);
    effects.logs.push_back({LogEvent::Level::kInfo, "test_expired", {{"test", test}}});
  }
}

void ControllerCore::On(const DrainAsked& asked, Now /*now*/, ControllerEffects& effects) {
  int found = 0;
  for (auto& [incarnation, agent] : agents_) {
    if (agent.name != asked.name || !agent.Connected()) continue;
    ++found;
    agent.drain_sent = true;
    outbox_.For(*agent.stream).drain = true;
    RememberDrain(incarnation);
    new_drains_.push_back(incarnation);
  }
  if (found == 0) {
    effects.replies.push_back(
        {asked.request,
         Refused(CommandCode::kNotFound, Concat("no connected agent named ", asked.name))});
    return;
  }
  replies_.push_back({asked.request, {}, {}});
  changed_ = urgent_ = true;
}

// ---- time ----

void ControllerCore::On(const Ticked& tick, Now now, ControllerEffects& effects) {
  for (auto& [incarnation, agent] : agents_) {
    if (!agent.Connected() || now.boot - agent.last_heard <= agent.silence + Seconds(1)) continue;
    effects.closes.emplace_back(*agent.stream, "nothing heard for too long");
    effects.logs.push_back({LogEvent::Level::kWarn, "agent_silent", {{"agent", agent.name}}});
    Lose(agent, now);
  }
  for (auto& [id, run] : runs_) {
    run->OnControllerHealth(tick, now);
    run->Tick(now, agents_, bridge_, outbox_);
  }
  for (auto& [incarnation, agent] : agents_) Release(agent);
  if (BROADSIDE_MUTANT("grant_before_commit")) effects.messages = outbox_.Take();
  if (!outbox_.Empty()) urgent_ = true;
  ForgetAgents(now);
}

void ControllerCore::On(const RestartAsked& /*asked*/, Now now, ControllerEffects& /*effects*/) {
  bridge_ = true;
  for (auto& [id, run] : runs_) run->Tick(now, agents_, bridge_, outbox_);
  urgent_ = true;
}

size_t ControllerCore::LiveIntervals() const {
  size_t live = 0;
  for (const auto& [id, run] : runs_) live += run->live_intervals();
  return live;
}

bool ControllerCore::PlanTaken() const {
  for (const auto& [id, run] : runs_) {
    if (!run->PlanTaken(agents_)) return false;
  }
  return true;
}

// ---- flush ----

bool ControllerCore::NeedsFlush() const {
  if (changed_ || urgent_ || !outbox_.Empty() || !marks_.empty()) return true;
  return std::any_of(runs_.begin(), runs_.end(),
                     [](const auto& run) { return run.second->Dirty(); });
}

Commit ControllerCore::Flush(Now now) {
  Commit commit;
  commit.batch.ledger = std::exchange(marks_, {});
  commit.batch.deleted = std::exchange(deleted_, {});
  commit.batch.drains = std::exchange(new_drains_, {});
  for (auto it = runs_.begin(); it != runs_.end();) {
    TestRun& run = *it->second;
    run.Flush(commit.batch, now, agents_);
    if (!run.Ended()) {
      ++it;
      continue;
    }
    ended_.emplace(run.id(), run.view());
    ended_order_.push_back(run.id());
    it = runs_.erase(it);
  }
  while (ended_order_.size() > limits::kTestsInMemoryMax) {
    const TestId oldest = ended_order_.front();
    ended_order_.pop_front();
    ended_.erase(oldest);
    std::erase_if(keys_, [&](const auto& key) { return key.second.test == oldest; });
  }
  commit.effects.messages = outbox_.Take();
  FinishReplies(commit);
  commit.view = MakeView(now);
  changed_ = urgent_ = false;
  return commit;
}

void ControllerCore::FinishReplies(Commit& commit) {
  for (PendingReply& reply : replies_) {
    const auto run = runs_.find(reply.test);
    const auto ended = ended_.find(reply.test);
    if (run != runs_.end()) {
      reply.result.test = run->second->view();
    } else if (ended != ended_.end()) {
      reply.result.test = ended->second;
    }
    commit.effects.replies.push_back({reply.request, std::move(reply.result)});
  }
  replies_.clear();
}

std::vector<AgentView> ControllerCore::AgentViews() const {
  const bool any_running = std::any_of(runs_.begin(), runs_.end(), [](const auto& run) {
    return run.second->state() == TestState::kRunning;
  });
  std::vector<AgentView> views;
  views.reserve(agents_.size());
  for (const auto& [incarnation, agent] : agents_) {
    if (agent.name.empty()) continue;  // known from the store alone
    AgentView view = ViewOf(agent);
    for (const auto& [id, run] : runs_) {
      if (run->state() == TestState::kRunning)
        view.share = std::max(view.share, run->ShareOf(incarnation));
    }
    if (view.state == AgentState::kReady && any_running && view.share == 0)
      view.state = AgentState::kSpare;
    views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(), [](const AgentView& a, const AgentView& b) {
    return std::tie(a.name, a.incarnation) < std::tie(b.name, b.incarnation);
  });
  return views;
}

std::shared_ptr<FleetView> ControllerCore::MakeView(Now /*now*/) const {
  auto view = std::make_shared<FleetView>();
  view->agents = AgentViews();
  for (const auto& [id, run] : runs_) view->tests.emplace(id, run->view());
  for (const auto& [id, ended] : ended_) view->tests.emplace(id, ended);
  view->ready = !bridge_;
  if (bridge_) view->not_ready_reason = "the controller is about to restart";
  view->epoch = epoch_;
  view->store_uuid = store_uuid_;
  view->reports_after_final = reports_after_final_;
  return view;
}

}  // namespace broadside
