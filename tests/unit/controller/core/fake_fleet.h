#pragma once

// A controller core with agents around it in virtual time: messages arrive at once, commits succeed
// at once, every slot of a past segment ends `ok` unless an agent is told otherwise. Tests drive it
// with Run and look at the view. Single-threaded.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/core/arc.h"
#include "common/core/check.h"
#include "common/core/status.h"
#include "controller/core/controller_core.h"
#include "tests/unit/controller/core/fake_store.h"

namespace broadside {

struct FakeAgent {
  Incarnation incarnation;
  std::string name;
  uint32_t threads = 1;
  StreamId stream = 0;  // 0: not connected
  uint64_t seq = 0;
  bool draining = false;
  bool frozen = false;  // says nothing
  bool exited = false;  // drained and gone
  bool released = false;
  Outcome outcome = Outcome::kOk;
  Nanos clock_error{0};
  Nanos clock_offset{0};  // its clock minus the controller's
  Nanos lag{100'000};
  struct Held {
    BootTime t0{};
    std::shared_ptr<const TestSpec> spec;
    std::map<int64_t, Grant> grants;  // not yet reported
    int64_t plan_through = -1;
    uint64_t last_hash = 0;
    int64_t settled_through = -1;
    int64_t closed_through = -1;
    bool cut = false;
    std::optional<int64_t> released_through;
  };
  std::map<TestId, Held> tests;
  std::map<uint64_t, Report> unacked;
  uint64_t acked = 0;
  std::vector<TestId> finals;
  int rejects = 0;
};

class FakeFleet {
 public:
  explicit FakeFleet(CoreOptions options = {}) : options_(std::move(options)) {
    now_.boot = BootTime(Seconds(1000));
    now_.wall = WallTime(Seconds(1'700'000'000));
    core_ = std::make_unique<ControllerCore>(options_, store_.Open(), now_);
  }

  FakeAgent& Join(const std::string& name, uint32_t threads = 1) {
    auto agent = std::make_unique<FakeAgent>();
    agent->incarnation = {7, agents_.size() + 1};
    agent->name = name;
    agent->threads = threads;
    agents_.push_back(std::move(agent));
    Connect(*agents_.back());
    return *agents_.back();
  }

  void Connect(FakeAgent& agent) {
    agent.stream = ++last_stream_;
    AgentMessage message;
    message.hello = MakeHello(agent);
    Say(agent, std::move(message));
    if (agent.stream == 0) return;
    Beat(agent);
    const std::map<uint64_t, broadside::Report> again = agent.unacked;
    for (const auto& [seq, report] : again) {
      AgentMessage resent;
      resent.beat = MakeBeat(agent);
      resent.report = report;
      Say(agent, std::move(resent));
    }
  }

  Hello MakeHello(const FakeAgent& agent) const {
    Hello hello;
    hello.incarnation = agent.incarnation;
    hello.name = agent.name;
    hello.threads = agent.threads;
    hello.draining = agent.draining;
    hello.sent = now_.boot + agent.clock_offset;
    for (const auto& [id, held] : agent.tests) {
      HeldTest& test = hello.tests.emplace_back();
      test.test = id;
      test.plan_through = held.plan_through;
      test.last_hash = held.last_hash;
      test.tau = TestTime(now_.boot - held.t0);
      test.tau_error = agent.clock_error;
    }
    return hello;
  }

  void Disconnect(FakeAgent& agent) {
    const StreamId stream = std::exchange(agent.stream, 0);
    Do(StreamEnded{stream});
  }

  // The controller is killed: streams break, what was not committed is gone. It comes back after
  // `away`, agents that live reconnect. On another machine the boot clock is `shift` ahead; the
  // agents are taken along, as they keep time of their own.
  void RestartController(Nanos away, Nanos shift = Nanos(0)) {
    core_.reset();
    for (auto& agent : agents_) agent->stream = 0;
    Stall(away);
    now_.boot += shift;
    for (auto& agent : agents_) {
      for (auto& [id, held] : agent->tests) held.t0 += shift;
    }
    core_ = std::make_unique<ControllerCore>(options_, store_.Open(), now_);
    for (auto& agent : agents_) {
      if (!agent->exited && !agent->frozen) Connect(*agent);
    }
  }

  CommandResult Start(const TestSpec& spec, const std::string& key = "", uint64_t hash = 0) {
    const TestId id = Concat("t-", ++last_test_);
    return Ask(StartAsked{++last_request_, id, {spec, key, hash}});
  }
  CommandResult Stop(const TestId& test) { return Ask(StopAsked{++last_request_, test}); }
  CommandResult Rate(const TestId& test, int64_t rps) {
    return Ask(RateAsked{++last_request_, test, rps * kMicro});
  }
  CommandResult Delete(const TestId& test) {
    return Ask(DeleteAsked{++last_request_, test, false});
  }
  CommandResult Drain(const std::string& name) { return Ask(DrainAsked{++last_request_, name}); }

  // Virtual time goes on in ticks of 100 ms; agents report twice a second.
  void Run(Nanos span) {
    const BootTime until = now_.boot + span;
    while (now_.boot < until) {
      now_.boot += Millis(100);
      now_.wall += Millis(100);
      Do(Ticked{.cpu_fraction = controller_cpu});
      if (++ticks_ % 5 != 0) continue;
      for (auto& agent : agents_) {
        if (agent->stream != 0 && !agent->frozen) Report(*agent);
      }
    }
  }

  // Home is held up: time goes on, nothing happens.
  void Stall(Nanos span) {
    now_.boot += span;
    now_.wall += span;
  }

  std::shared_ptr<const TestView> View(const TestId& test) const { return view_->tests.at(test); }
  const FleetView& view() const { return *view_; }
  const FakeStore& store() const { return store_; }
  ControllerCore& core() { return *core_; }
  Now now() const { return now_; }
  FakeAgent& agent(size_t i) { return *agents_[i]; }
  double controller_cpu = 0;  // of its home thread
  // Everything the core handed out so far: per test and segment, the arcs by agent.
  const std::map<std::pair<TestId, int64_t>, std::map<Incarnation, Arc>>& handed_out() const {
    return handed_out_;
  }

  void Do(const ControllerEvent& event) {
    Perform(core_->Step(event, now_));
    while (core_->NeedsFlush()) {
      Commit commit = core_->Flush(now_);
      store_.Write(commit.batch);
      view_ = commit.view;
      Perform(std::move(commit.effects));
    }
  }

  void Beat(FakeAgent& agent) {
    AgentMessage message;
    message.beat = MakeBeat(agent);
    Say(agent, std::move(message));
  }

  // Sends what is due; with `resend` also what was not acknowledged.
  void Report(FakeAgent& agent) {
    broadside::Report report;
    report.seq = ++agent.seq;
    for (auto& [id, held] : agent.tests) report.tests.push_back(Results(agent, id, held));
    agent.unacked[report.seq] = report;
    AgentMessage message;
    message.beat = MakeBeat(agent);
    message.report = std::move(report);
    for (auto& [id, held] : agent.tests) {
      if (held.cut) message.cut_done.push_back(id);
    }
    Say(agent, std::move(message));
    if (agent.draining && Drained(agent)) {
      agent.exited = true;
      Disconnect(agent);
    }
  }

 private:
  broadside::Beat MakeBeat(const FakeAgent& agent) const {
    broadside::Beat beat;
    beat.agent_sent = now_.boot;
    beat.clock_known = true;
    beat.clock_offset = agent.clock_offset;
    beat.clock_error = agent.clock_error;
    beat.draining = agent.draining;
    for (const auto& [id, held] : agent.tests) beat.plans.push_back({id, held.plan_through});
    return beat;
  }

  static bool Drained(const FakeAgent& agent) {
    return agent.released && agent.unacked.empty() &&
           std::all_of(agent.tests.begin(), agent.tests.end(), [](const auto& test) {
             return test.second.grants.empty() && test.second.released_through.has_value();
           });
  }

  TestDelta Results(FakeAgent& agent, const TestId& id, FakeAgent::Held& held) {
    TestDelta delta;
    delta.test = id;
    const TestTime tau(now_.boot - held.t0);
    while (!held.grants.empty()) {
      const auto& [k, grant] = *held.grants.begin();
      if (!held.cut && SegmentOf(tau) <= k) break;
      const int64_t slots = CountSlots(grant.arc, ArcOffset(id), grant.segment.slots);
      const Outcome outcome = held.cut ? Outcome::kCancelled : agent.outcome;
      if (slots > 0) delta.by_due[k].outcomes[outcome] += static_cast<uint64_t>(slots);
      if (slots > 0 && WasSent(outcome))
        Answer(agent, delta.by_done[k], static_cast<uint64_t>(slots), outcome);
      held.settled_through = k;
      held.grants.erase(held.grants.begin());
    }
    held.closed_through = std::max(held.closed_through, SegmentOf(tau) - 1);
    delta.settled_through = held.settled_through;
    delta.closed_through = held.closed_through;
    return delta;
  }

  static void Answer(const FakeAgent& agent, DoneSummary& done, uint64_t slots, Outcome outcome) {
    Histogram time;
    time.RecordMany(Millis(2), slots);
    Histogram lag;
    lag.RecordMany(agent.lag, slots);
    done.completed += slots;
    done.codes[outcome == Outcome::kOk ? 200 : 500] += slots;
    done.response_time.Merge(time.Sparse());
    done.service_time.Merge(time.Sparse());
    done.send_lag.Merge(lag.Sparse());
  }

  template <typename Asked>
  CommandResult Ask(const Asked& asked) {
    replies_.clear();
    Do(asked);
    const auto reply = replies_.find(asked.request);
    BS_CHECK(reply != replies_.end()) << "no reply";
    return reply->second;
  }

  void Say(FakeAgent& agent, AgentMessage message) {
    Do(AgentSaid{agent.stream, std::move(message), now_.boot});
  }

  void Perform(ControllerEffects effects) {
    for (Reply& reply : effects.replies) replies_[reply.request] = std::move(reply.result);
    for (auto& [stream, message] : effects.messages) {
      for (auto& agent : agents_) {
        if (agent->stream == stream) Hear(*agent, message);
      }
    }
    for (auto& [stream, why] : effects.closes) {
      for (auto& agent : agents_) {
        if (agent->stream == stream) agent->stream = 0;
      }
    }
  }

  void Hear(FakeAgent& agent, const ControllerMessage& message) {
    if (message.reject.has_value()) ++agent.rejects;
    if (message.drain) agent.draining = true;
    if (message.may_leave) agent.released = true;
    for (const TestStart& start : message.tests) {
      FakeAgent::Held& held = agent.tests[start.test];
      held.t0 = start.t0;
      held.spec = start.spec;
      held.cut = held.cut || start.cut;
    }
    for (const TestGrant& grants : message.grants) {
      FakeAgent::Held& held = agent.tests.at(grants.test);
      for (const Grant& grant : grants.grants) {
        handed_out_[{grants.test, grant.segment.k}].emplace(agent.incarnation, grant.arc);
        if (grant.segment.k <= held.plan_through) continue;
        held.plan_through = grant.segment.k;
        held.last_hash = GrantHash(grant);
        held.grants.emplace(grant.segment.k, grant);
      }
    }
    if (message.welcome.has_value())
      agent.acked = std::max(agent.acked, message.welcome->acked_seq);
    if (message.ack.has_value()) agent.acked = std::max(agent.acked, *message.ack);
    agent.unacked.erase(agent.unacked.begin(), agent.unacked.upper_bound(agent.acked));
    for (const TestId& test : message.cuts) agent.tests.at(test).cut = true;
    for (const Released& released : message.released) {
      agent.tests.at(released.test).released_through = released.through;
    }
    for (const TestId& test : message.finals) {
      agent.tests.erase(test);
      agent.finals.push_back(test);
    }
  }

  Now now_;
  std::unique_ptr<ControllerCore> core_;
  std::vector<std::unique_ptr<FakeAgent>> agents_;
  std::map<RequestId, CommandResult> replies_;
  FakeStore store_;
  CoreOptions options_;
  std::shared_ptr<const FleetView> view_ = std::make_shared<const FleetView>();
  std::map<std::pair<TestId, int64_t>, std::map<Incarnation, Arc>> handed_out_;
  StreamId last_stream_ = 0;
  RequestId last_request_ = 0;
  int last_test_ = 0;
  int ticks_ = 0;
};

// `rps` for `seconds`.
inline TestSpec ConstantSpec(int64_t rps, int64_t seconds) {
  TestSpec spec;
  spec.name = "constant";
  spec.target.url = "http://127.0.0.1:8000/";
  spec.target.host = "127.0.0.1";
  spec.target.port = 8000;
  spec.load.stages = {{seconds * 1000, rps * kMicro, rps * kMicro}};
  return spec;
}

}  // namespace broadside
