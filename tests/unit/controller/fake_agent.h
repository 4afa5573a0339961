#pragma once

// An agent on a thread of its own that sends nothing: every slot of a past segment ends `ok`. Beats
// and reports ten times a second, and comes back when its stream ends. Its methods may be called
// from the test's thread.

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "common/core/arc.h"
#include "common/core/segment.h"
#include "tests/unit/controller/fake_streams.h"

namespace broadside {

class FakeAgent {
 public:
  explicit FakeAgent(std::string name) : name_(std::move(name)) {
    thread_.RunAndWait([this] {
      timer_ = std::make_unique<boost::asio::steady_timer>(thread_.context());
      Arm();
    });
  }
  // Destroyed after the streams, which are told of by Attach(nullptr).
  ~FakeAgent() {
    thread_.RunAndWait([this] { timer_.reset(); });
    thread_.Stop();
  }
  FakeAgent(const FakeAgent&) = delete;
  FakeAgent& operator=(const FakeAgent&) = delete;

  // Attaches to these streams from now on; null: to none, once it has returned.
  void Attach(FakeStreams* streams) {
    thread_.RunAndWait([&] {
      streams_ = streams;
      stream_ = 0;
      welcome_ = false;
      if (streams != nullptr) Open();
    });
  }
  // Says nothing more on its streams.
  void Mute() {
    thread_.RunAndWait([this] { muted_ = true; });
  }
  // The last segment that it holds; -1 for none.
  int64_t PlanThrough(const TestId& test) {
    int64_t through = -1;
    thread_.RunAndWait([&] {
      const auto held = tests_.find(test);
      if (held != tests_.end()) through = held->second.plan_through;
    });
    return through;
  }
  int Welcomes() {
    int welcomes = 0;
    thread_.RunAndWait([&] { welcomes = welcomes_; });
    return welcomes;
  }

 private:
  struct Held {
    BootTime t0{};
    std::map<int64_t, Grant> grants;  // not yet reported
    int64_t plan_through = -1;
    uint64_t last_hash = 0;
    int64_t settled_through = -1;
    int64_t closed_through = -1;
    bool cut = false;
  };

  void Arm() {
    timer_->expires_after(Millis(100));
    timer_->async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      if (streams_ != nullptr && stream_ == 0) Open();
      if (welcome_) Say(true);
      Arm();
    });
  }

  void Open() {
    welcome_ = false;
    const FakeStreams::Peer peer{.on_message =
                                     [this](StreamId stream, ControllerMessage message) {
                                       thread_.Post([this, stream, message = std::move(message)] {
                                         if (stream == stream_) Hear(message);
                                       });
                                     },
                                 .on_closed =
                                     [this](StreamId stream) {
                                       thread_.Post([this, stream] {
                                         if (stream != stream_) return;
                                         stream_ = 0;
                                         welcome_ = false;
                                       });
                                     }};
    stream_ = streams_->Connect(peer);
    AgentMessage message;
    Hello& hello = message.hello.emplace();
    hello.incarnation = {1, 2};
    hello.name = name_;
    for (const auto& [id, held] : tests_) {
      HeldTest& test = hello.tests.emplace_back();
      test.test = id;
      test.plan_through = held.plan_through;
      test.last_hash = held.last_hash;
      test.tau = TestTime(BootNow() - held.t0);
    }
    streams_->Say(stream_, std::move(message));
  }

  void Say(bool with_report) {
    if (muted_) return;
    AgentMessage message;
    Beat& beat = message.beat.emplace();
    beat.agent_sent = BootNow();
    beat.clock_known = true;
    for (const auto& [id, held] : tests_) {
      beat.plans.push_back({id, held.plan_through});
      if (held.cut) message.cut_done.push_back(id);
    }
    if (with_report && !tests_.empty()) {
      Report& report = message.report.emplace();
      report.seq = ++seq_;
      for (auto& [id, held] : tests_) report.tests.push_back(Results(id, held));
      unacked_[report.seq] = report;
    }
    streams_->Say(stream_, std::move(message));
  }

  static TestDelta Results(const TestId& id, Held& held) {
    TestDelta delta;
    delta.test = id;
    const TestTime tau(BootNow() - held.t0);
    while (!held.grants.empty()) {
      const auto& [k, grant] = *held.grants.begin();
      if (!held.cut && SegmentOf(tau) <= k) break;
      const auto slots =
          static_cast<uint64_t>(CountSlots(grant.arc, ArcOffset(id), grant.segment.slots));
      delta.by_due[k].outcomes[held.cut ? Outcome::kCancelled : Outcome::kOk] += slots;
      if (!held.cut) delta.by_done[k].completed += slots;
      held.settled_through = k;
      held.grants.erase(held.grants.begin());
    }
    held.closed_through = std::max(held.closed_through, SegmentOf(tau) - 1);
    delta.settled_through = held.settled_through;
    delta.closed_through = held.closed_through;
    return delta;
  }

  void Hear(const ControllerMessage& message) {
    for (const TestStart& start : message.tests) {
      Held& held = tests_[start.test];
      held.t0 = start.t0;
      held.cut = held.cut || start.cut;
    }
    for (const TestGrant& granted : message.grants) {
      Held& held = tests_.at(granted.test);
      for (const Grant& grant : granted.grants) {
        if (grant.segment.k <= held.plan_through) continue;
        held.plan_through = grant.segment.k;
        held.last_hash = GrantHash(grant);
        held.grants.emplace(grant.segment.k, grant);
      }
    }
    if (message.welcome)
      unacked_.erase(unacked_.begin(), unacked_.upper_bound(message.welcome->acked_seq));
    if (message.ack) unacked_.erase(unacked_.begin(), unacked_.upper_bound(*message.ack));
    for (const TestId& test : message.cuts) tests_.at(test).cut = true;
    for (const TestId& test : message.finals) tests_.erase(test);
    if (message.welcome) {
      ++welcomes_;
      welcome_ = true;
      // What was not acknowledged goes again, before anything new.
      Say(false);
      for (const auto& [seq, report] : unacked_) {
        AgentMessage again;
        again.beat.emplace().agent_sent = BootNow();
        again.beat->clock_known = true;
        again.report = report;
        streams_->Say(stream_, std::move(again));
      }
    }
  }

  // Constant after construction.
  const std::string name_;
  // Changed by the agent's thread only.
  FakeStreams* streams_ = nullptr;
  StreamId stream_ = 0;  // 0: not connected
  bool welcome_ = false;
  bool muted_ = false;
  int welcomes_ = 0;
  uint64_t seq_ = 0;
  std::map<TestId, Held> tests_;
  std::map<uint64_t, Report> unacked_;
  std::unique_ptr<boost::asio::steady_timer> timer_;
  IoThread thread_{"agent"};
};

}  // namespace broadside
