// The part of ControllerCore that speaks with agents.

#include <algorithm>
#include <utility>

#include "common/core/check.h"
#include "common/core/mutant.h"
#include "common/core/status.h"
#include "controller/core/controller_core.h"

namespace broadside {
namespace {

std::optional<double> LagP99Ms(const Report& report) {
  Histogram lag;
  for (const TestDelta& delta : report.tests) {
    for (const auto& [k, done] : delta.by_done) lag.Merge(done.send_lag);
  }
  const std::optional<Nanos> p99 = lag.Quantile(0.99);
  if (!p99.has_value()) return std::nullopt;
  return static_cast<double>(p99->count()) / 1e6;
}

}  // namespace

AgentRecord* ControllerCore::AgentOf(StreamId stream) {
  const auto it = streams_.find(stream);
  return it == streams_.end() ? nullptr : &agents_.at(it->second);
}

void ControllerCore::On(const AgentSaid& said, Now now, ControllerEffects& effects) {
  if (said.message.hello.has_value()) {
    OnHello(said, now, effects);
    return;
  }
  AgentRecord* agent = AgentOf(said.stream);
  if (agent == nullptr) {
    effects.closes.emplace_back(said.stream, "the first message must be a Hello");
    return;
  }
  agent->last_heard = now.boot;
  if (said.message.beat.has_value()) {
    OnBeat(*agent, *said.message.beat, now);
    const BeatReply reply{said.message.beat->agent_sent, said.received, {}};
    if (said.message.report.has_value()) {
      outbox_.For(said.stream).beat_reply = reply;
    } else {
      ControllerMessage message;
      message.beat_reply = reply;
      effects.messages.emplace_back(said.stream, std::move(message));
    }
  }
  if (said.message.report.has_value()) OnReport(*agent, *said.message.report, now, effects);
  for (const TestId& test : said.message.cut_done) {
    const auto run = runs_.find(test);
    if (run != runs_.end()) run->second->OnCutDone(*agent);
  }
}

std::optional<Reject> ControllerCore::Refusal(const Hello& hello, Now now) {
  if (hello.protocol_major != kProtocolMajor) {
    return Reject{RejectReason::kProtocol,
                  Concat("the agent (", hello.version, ") speaks protocol ", hello.protocol_major,
                         ".", hello.protocol_minor, ", this controller (", options_.version, ") ",
                         kProtocolMajor, ".", kProtocolMinor, ": upgrade one of them"),
                  limits::kBackoffMax};
  }
  if (hello.name.empty() || hello.name.size() > limits::kAgentNameBytesMax || hello.threads == 0 ||
      hello.threads > limits::kShardsMax) {
    return Reject{RejectReason::kInvalid,
                  Concat("name must have 1 to ", limits::kAgentNameBytesMax,
                         " bytes and threads be 1 to ", limits::kShardsMax),
                  limits::kBackoffMax};
  }
  const auto known = agents_.find(hello.incarnation);
  const bool connected = known != agents_.end() && known->second.Connected();
  if (!connected && streams_.size() >= limits::kAgentsMax) {
    return Reject{RejectReason::kFleetFull,
                  Concat(limits::kAgentsMax, " agents are connected, the most"),
                  limits::kBackoffMax};
  }
  while (!hellos_.empty() && now.boot - hellos_.front() > Seconds(1)) hellos_.pop_front();
  if (hellos_.size() >= limits::kHellosPerSecondMax) {
    return Reject{RejectReason::kBusy, "too many agents connect at once", Millis(1000)};
  }
  hellos_.push_back(now.boot);
  return std::nullopt;
}

void ControllerCore::OnHello(const AgentSaid& said, Now now, ControllerEffects& effects) {
  const Hello& hello = *said.message.hello;
  if (std::optional<Reject> refusal = Refusal(hello, now); refusal.has_value()) {
    effects.logs.push_back({LogEvent::Level::kWarn,
                            "agent_rejected",
                            {{"agent", hello.name}, {"why", refusal->detail}}});
    ControllerMessage message;
    message.reject = std::move(refusal);
    effects.messages.emplace_back(said.stream, std::move(message));
    effects.closes.emplace_back(said.stream, "rejected");
    return;
  }
  AgentRecord& agent = RecordOf(hello.incarnation);
  if (agent.Connected()) {
    // The agent came back before its old stream was seen to end.
    effects.closes.emplace_back(*agent.stream, "replaced by a newer stream");
    Lose(agent, now);
  }
  agent.name = hello.name;
  agent.threads = hello.threads;
  agent.version = hello.version;
  agent.stream = said.stream;
  agent.last_heard = now.boot;
  agent.hello_received = said.received;
  agent.hello_sent = hello.sent;
  agent.draining = agent.draining || hello.draining;
  agent.drain_sent = agent.drain_sent || drains_.contains(hello.incarnation);
  agent.released = false;
  streams_[said.stream] = hello.incarnation;
  effects.logs.push_back({LogEvent::Level::kInfo,
                          "agent_joined",
                          {{"agent", hello.name},
                           {"threads", Concat(hello.threads)},
                           {"version", hello.version},
                           {"protocol", Concat(hello.protocol_major, ".", hello.protocol_minor)},
                           {"incarnation", ToString(hello.incarnation)}}});
  WelcomeAgent(agent, hello, now);
  changed_ = urgent_ = true;
}

void ControllerCore::WelcomeAgent(AgentRecord& agent, const Hello& hello, Now now) {
  Welcome welcome;
  welcome.store_uuid = store_uuid_;
  welcome.epoch = epoch_;
  welcome.nonce = options_.nonce;
  welcome.acked_seq = agent.seq;
  welcome.beat_interval = BeatInterval();
  welcome.report_interval = ReportInterval();
  welcome.silence = welcome.beat_interval * limits::kSilenceBeats;
  agent.silence = welcome.silence;
  welcome.version = options_.version;
  ControllerMessage& message = outbox_.For(*agent.stream);
  message.welcome = std::move(welcome);
  // It may have been lost on the stream before.
  message.drain = agent.drain_sent && !agent.draining;
  for (const HeldTest& held : hello.tests) {
    const auto run = runs_.find(held.test);
    if (run == runs_.end() || run->second->Ended()) message.finals.push_back(held.test);
  }
  for (auto& [id, run] : runs_) {
    if (run->Ended()) continue;
    const auto held =
        std::find_if(hello.tests.begin(), hello.tests.end(),
                     [&name = id](const HeldTest& test) { return test.test == name; });
    run->OnAgentBack(agent, held == hello.tests.end() ? nullptr : &*held, now, agents_, outbox_);
  }
  Release(agent);
}

void ControllerCore::OnBeat(AgentRecord& agent, const Beat& beat, Now now) {
  const Beat before = std::exchange(agent.beat, beat);
  for (auto& [id, run] : runs_) run->OnBeat(agent, before, now);
  if (beat.draining && !agent.draining) StartDraining(agent, now);
  if (beat.clock_known != before.clock_known) changed_ = urgent_ = true;
}

void ControllerCore::StartDraining(AgentRecord& agent, Now now) {
  agent.draining = true;
  for (auto& [id, run] : runs_) run->OnDraining(agent, now, outbox_);
  Release(agent);
  changed_ = urgent_ = true;
}

// Messages of a stream arrive in their order, and grants that wait for a commit were decided
// before. A test that recovers has not been told yet.
void ControllerCore::Release(AgentRecord& agent) {
  if (!agent.Connected() || !agent.draining || agent.released) return;
  const auto recovers = [](const auto& run) { return run.second->Recovering(); };
  if (std::any_of(runs_.begin(), runs_.end(), recovers)) return;
  agent.released = true;
  outbox_.For(*agent.stream).may_leave = true;
}

void ControllerCore::OnReport(AgentRecord& agent, const Report& report, Now now,
                              ControllerEffects& effects) {
  if (report.seq > agent.seq + 1) {
    effects.closes.emplace_back(*agent.stream, Concat("report ", report.seq, " after ", agent.seq));
    Lose(agent, now);
    return;
  }
  if (report.seq == agent.seq + 1) {
    agent.seq = report.seq;
    // The mark is durable with the counts, also when no test takes any.
    if (!BROADSIDE_MUTANT("mark_not_durable"))
      marks_.push_back({agent.incarnation, report.seq, {}, {}, -1});
    for (const TestDelta& delta : report.tests) {
      const auto run = runs_.find(delta.test);
      if (run == runs_.end() || run->second->Ended()) {
        if (!delta.Empty()) ++reports_after_final_;
        continue;
      }
      run->second->OnReport(agent, delta, report.seq, now, outbox_, agents_);
    }
    agent.send_lag_p99_ms = LagP99Ms(report);
  }
  // A report that was counted before is acknowledged again.
  if (BROADSIDE_MUTANT("ack_before_commit")) {
    ControllerMessage early;
    early.ack = agent.seq;
    effects.messages.emplace_back(*agent.stream, std::move(early));
  }
  outbox_.For(*agent.stream).ack = agent.seq;
}

void ControllerCore::On(const StreamEnded& closed, Now now, ControllerEffects& effects) {
  AgentRecord* agent = AgentOf(closed.stream);
  if (agent == nullptr || agent->stream != closed.stream) return;
  effects.logs.push_back({agent->draining ? LogEvent::Level::kInfo : LogEvent::Level::kWarn,
                          agent->draining ? "agent_left" : "agent_lost",
                          {{"agent", agent->name}}});
  Lose(*agent, now);
}

void ControllerCore::Lose(AgentRecord& agent, Now now) {
  BS_CHECK(agent.Connected()) << agent.name;
  outbox_.Drop(*agent.stream);
  streams_.erase(*agent.stream);
  agent.stream.reset();
  agent.lost_at = now.boot;
  for (auto& [id, run] : runs_) run->OnAgentLost(agent, now);
  changed_ = true;
}

void ControllerCore::ForgetAgents(Now now) {
  for (auto it = agents_.begin(); it != agents_.end();) {
    const AgentRecord& agent = it->second;
    const auto owes = [&](const auto& run) {
      return run.second->OutstandingOf(agent.incarnation) > 0;
    };
    const bool forgettable = !agent.Connected() &&
                             (agent.draining || now.boot - agent.lost_at > limits::kLostAgentShown);
    if (!forgettable || std::any_of(runs_.begin(), runs_.end(), owes)) {
      ++it;
      continue;
    }
    it = Forget(it);
  }
}

Fleet::iterator ControllerCore::Forget(Fleet::iterator agent) {
  changed_ = true;
  RememberGone(agent->first, agent->second.seq);
  return agents_.erase(agent);
}

void ControllerCore::MakeRoom() {
  if (agents_.size() < limits::kAgentsMax) return;
  const auto oldest =
      std::min_element(agents_.begin(), agents_.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.Connected(), a.second.lost_at) <
               std::pair(b.second.Connected(), b.second.lost_at);
      });
  BS_CHECK(!oldest->second.Connected()) << "of " << agents_.size() << " agents";
  Forget(oldest);
}

void ControllerCore::RememberGone(const Incarnation& incarnation, uint64_t seq) {
  if (seq == 0) return;
  gone_[incarnation] = seq;
  gone_order_.push_back(incarnation);
  if (gone_order_.size() <= limits::kGoneAgentsMax) return;
  gone_.erase(gone_order_.front());
  gone_order_.pop_front();
}

void ControllerCore::RememberDrain(const Incarnation& incarnation) {
  if (!drains_.insert(incarnation).second) return;
  drains_order_.push_back(incarnation);
  if (drains_order_.size() <= limits::kAgentsMax) return;
  drains_.erase(drains_order_.front());
  drains_order_.pop_front();
}

AgentRecord& ControllerCore::RecordOf(const Incarnation& incarnation) {
  if (const auto known = agents_.find(incarnation); known != agents_.end()) return known->second;
  MakeRoom();
  const auto it = agents_.try_emplace(incarnation).first;
  it->second.incarnation = incarnation;
  if (const auto gone = gone_.find(incarnation); gone != gone_.end()) {
    it->second.seq = gone->second;
    std::erase(gone_order_, incarnation);
    gone_.erase(gone);
  }
  return it->second;
}

}  // namespace broadside
