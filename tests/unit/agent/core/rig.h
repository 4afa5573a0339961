#pragma once

// An AgentCore with a fake clock and verbs for what can happen to it, so that a test reads as a
// script. Each verb returns the effects that it had; those of all verbs are in `all`. The engine
// answers a collection at once with `results`.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/core/agent_core.h"

namespace broadside {

template <typename E>
std::vector<E> Of(const Effects& effects) {
  std::vector<E> found;
  for (const Effect& effect : effects) {
    if (const E* e = std::get_if<E>(&effect)) found.push_back(*e);
  }
  return found;
}

inline std::vector<AgentMessage> Messages(const Effects& effects) {
  std::vector<AgentMessage> messages;
  for (const SendMessage& send : Of<SendMessage>(effects)) messages.push_back(send.message);
  return messages;
}

inline std::vector<Report> Reports(const Effects& effects) {
  std::vector<Report> reports;
  for (const AgentMessage& message : Messages(effects)) {
    if (message.report) reports.push_back(*message.report);
  }
  return reports;
}

inline std::vector<uint64_t> Numbers(const Effects& effects) {
  std::vector<uint64_t> numbers;
  for (const Report& report : Reports(effects)) numbers.push_back(report.seq);
  return numbers;
}

// True when a line was logged for `event` that contains `text`.
inline bool Logged(const Effects& effects, std::string_view event, std::string_view text = "") {
  for (const LogLine& line : Of<LogLine>(effects)) {
    if (line.event == event && line.detail.find(text) != std::string::npos) return true;
  }
  return false;
}

inline AgentCoreOptions RigOptions() {
  return {.incarnation = {1, 2}, .name = "agent-1", .threads = 3, .version = "0.1.0", .seed = 7};
}

inline Welcome WelcomeOf(std::string store = "store-a", uint64_t epoch = 1, uint64_t nonce = 11) {
  Welcome welcome;
  welcome.store_uuid = std::move(store);
  welcome.epoch = epoch;
  welcome.nonce = nonce;
  return welcome;
}

// T = 5 s, L = 1 s.
inline std::shared_ptr<const TestSpec> RigSpec() { return std::make_shared<TestSpec>(); }

inline Grant GrantOf(int64_t k) {
  Grant grant;
  grant.segment.k = k;
  grant.segment.slots = {k * 10, k * 10 + 10};
  return grant;
}

// One ok slot, due and done in interval k, all settled up to k.
inline TestDelta DeltaOf(TestId test, int64_t k, uint64_t count = 1) {
  TestDelta delta;
  delta.test = std::move(test);
  delta.by_due[k].outcomes[Outcome::kOk] = count;
  delta.by_done[k].completed = count;
  delta.settled_through = k;
  return delta;
}

class Rig {
 public:
  explicit Rig(AgentCoreOptions options = RigOptions()) : core(std::move(options)) {}

  Effects Do(Event event) {
    Effects effects = core.Step(event, now);
    bool collect = false;
    for (const Effect& effect : effects) {
      if (const auto* open = std::get_if<OpenStream>(&effect)) stream = open->stream;
      if (std::holds_alternative<CollectResults>(effect)) collect = true;
    }
    all.insert(all.end(), effects.begin(), effects.end());
    if (collect && engine_answers) {
      for (const TestId& test : closes) {
        TestDelta& closed = results.emplace_back();
        closed.test = test;
        closed.closed_through = (now - BootTime(Seconds(1000))) / Seconds(1);
      }
      for (Effect& effect : Do(ResultsCollected{std::exchange(results, {}), stats})) {
        effects.push_back(std::move(effect));
      }
    }
    return effects;
  }

  Effects Say(ControllerMessage message) {
    heard = now;
    return Do(MessageReceived{stream, std::move(message), now});
  }

  // Lets time pass; a controller that `speaks` says something once a second.
  Effects Wait(Nanos duration) {
    Effects effects;
    const BootTime until = now + duration;
    while (now < until) {
      const BootTime before = now;
      now = std::min(until, std::max(core.NextTick(), now + Millis(1)));
      if (speaks) now = std::min(now, std::max(before, heard + Seconds(1)));
      Effects step = Do(Tick{});
      if (speaks && now >= heard + Seconds(1)) {
        for (Effect& effect : Say({})) step.push_back(std::move(effect));
      }
      effects.insert(effects.end(), step.begin(), step.end());
    }
    return effects;
  }

  // Opens a stream (waiting out the backoff) and says Hello; returns the Hello.
  Hello Greet() {
    const uint64_t before = stream;
    for (int i = 0; i < 1000 && stream == before; ++i) Wait(Millis(100));
    return *Messages(Do(StreamOpened{stream})).at(0).hello;
  }

  Effects Connect(Welcome welcome = WelcomeOf()) {
    Greet();
    ControllerMessage message;
    message.welcome = std::move(welcome);
    Effects effects = Say(std::move(message));
    speaks = true;
    return effects;
  }

  Effects Break() {
    speaks = false;
    return Do(StreamClosed{stream, "reset"});
  }

  // Answers a beat sent now: the way there takes `there`, the way back `back`, and our clock is
  // ahead by `offset`. Time passes.
  Effects Exchange(Nanos there, Nanos back, Nanos offset) {
    ControllerMessage message;
    message.beat_reply = {.agent_sent = now,
                          .controller_received = now + there - offset,
                          .controller_sent = now + there - offset};
    now += there + back;
    return Say(std::move(message));
  }

  // Connects and makes the 16 exchanges with a round trip of 2 ms.
  void ConnectWithClock(Welcome welcome = WelcomeOf(), Nanos offset = Nanos(0)) {
    Connect(std::move(welcome));
    for (int i = 0; i < 16; ++i) Exchange(Millis(1), Millis(1), offset);
  }

  // A test with T0 one second from now on the controller's clock (offset 0), and grants of segments
  // 0 .. segments - 1.
  Effects Give(TestId test, int64_t segments, Nanos lead = Seconds(1)) {
    ControllerMessage message;
    message.tests.push_back({test, RigSpec(), now + lead, false});
    TestGrant grants{.test = std::move(test), .grants = {}};
    for (int64_t k = 0; k < segments; ++k) grants.grants.push_back(GrantOf(k));
    message.grants.push_back(std::move(grants));
    return Say(std::move(message));
  }

  Effects Acknowledge(uint64_t seq) {
    ControllerMessage message;
    message.ack = seq;
    return Say(std::move(message));
  }

  // The engine has results for the next collection.
  void Result(TestDelta delta) { results.push_back(std::move(delta)); }

  AgentCore core;
  BootTime now{Seconds(1000)};
  uint64_t stream = 0;
  std::vector<TestId> closes;  // tests whose intervals the engine closes as time passes
  bool speaks = false;
  BootTime heard{};  // when the controller spoke last
  bool engine_answers = true;
  std::vector<TestDelta> results;
  LoadStats stats;
  Effects all;
};

}  // namespace broadside
