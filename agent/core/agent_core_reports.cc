// What the agent says: Hello, beats, reports, and when.

#include <algorithm>
#include <utility>

#include "agent/core/agent_core.h"

namespace broadside {

Hello AgentCore::MakeHello() const {
  Hello hello;
  hello.incarnation = options_.incarnation;
  hello.name = options_.name;
  hello.threads = options_.threads;
  hello.version = options_.version;
  hello.store_uuid = store_uuid_;
  hello.epoch = epoch_;
  hello.draining = drain_since_.has_value();
  hello.sent = now_;
  for (const auto& [id, test] : tests_) {
    hello.tests.push_back({.test = id,
                           .plan_through = test.plan_through,
                           .last_hash = test.last_hash,
                           .tau = test.clock->ToTest(now_),
                           .tau_error = ClockError(now_)});
  }
  return hello;
}

Beat AgentCore::MakeBeat() {
  Beat beat;
  beat.agent_sent = now_;
  beat.loop_delay = stats_.loop_delay;
  beat.cpu_fraction = stats_.cpu_fraction;
  beat.throttled_fraction = stats_.throttled_fraction;
  beat.cursor_lag = stats_.cursor_lag;
  beat.clock_known = clock_told_ = clock_.known();
  if (beat.clock_known) {
    beat.clock_offset = clock_.offset();
    beat.clock_error = ClockError(now_);
  }
  beat.ports_exhausted = stats_.ports_exhausted;
  beat.descriptors_exhausted = stats_.descriptors_exhausted;
  beat.capacity_rps = capacity_.rps();
  beat.draining = drain_since_.has_value();
  for (const auto& [id, test] : tests_) beat.plans.push_back({id, test.plan_through});
  stats_told_ = true;
  last_beat_sent_ = now_;
  return beat;
}

// Any message but the Hello carries a beat, and so puts off the next one.
void AgentCore::Send(AgentMessage message) {
  if (!message.hello) message.beat = MakeBeat();
  sent_at_ = now_;
  Emit(SendMessage{stream_, std::move(message)});
}

void AgentCore::SendReports() {
  while (const Report* report = reports_.Next()) {
    AgentMessage message;
    message.report = *report;
    Send(std::move(message));
  }
}

void AgentCore::On(const ResultsCollected& event) {
  collecting_ = false;
  const LoadStats& fresh = event.stats;
  capacity_.Add(now_, fresh.cpu_fraction, fresh.requests_sent);
  const LoadStats old = stats_told_ ? LoadStats{} : stats_;
  stats_ = fresh;
  stats_.loop_delay = std::max(fresh.loop_delay, old.loop_delay);
  stats_.cursor_lag = std::max(fresh.cursor_lag, old.cursor_lag);
  stats_.cpu_fraction = std::max(fresh.cpu_fraction, old.cpu_fraction);
  stats_.throttled_fraction = std::max(fresh.throttled_fraction, old.throttled_fraction);
  stats_told_ = false;
  std::vector<TestDelta> deltas;
  for (const TestDelta& fresh_delta : event.tests) {
    const auto entry = tests_.find(fresh_delta.test);
    if (entry == tests_.end()) continue;  // final meanwhile
    TestHolding& test = entry->second;
    test.settled_through = std::max(test.settled_through, fresh_delta.settled_through);
    TestDelta& delta = deltas.emplace_back(fresh_delta);
    // Time closes intervals for ever; beyond what its last grant can reach that is no news.
    delta.closed_through = std::min(delta.closed_through, test.LastInterval());
  }
  reports_.Add(std::move(deltas));
  if (state_ == State::kWelcomed) SendReports();
}

void AgentCore::AdvanceReports() {
  // Also without a controller: what was granted goes on, and a drain has to know what is settled.
  if (!collecting_ && now_ >= next_collect_) {
    collecting_ = true;
    collect_since_ = now_;
    next_collect_ = NextReportTime();
    Emit(CollectResults{});
  }
  if (state_ == State::kWelcomed && now_ >= BeatDue()) Send({});
}

// The report that is being collected will carry the beat, if it comes soon.
BootTime AgentCore::BeatDue() const {
  const BootTime due = sent_at_ + beat_interval_;
  return collecting_ ? std::max(due, collect_since_ + Nanos(beat_interval_) / 2) : due;
}

// The first anchor + spread + n * interval after now. The anchor is T0 of a test, so that a second
// of the test is reported soon after its end.
BootTime AgentCore::NextReportTime() const {
  const Nanos interval = report_interval_;
  const BootTime base = report_anchor_ + std::min(spread_, interval - Nanos(1));
  Nanos::rep n = (now_ - base) / interval;
  if (now_ < base + n * interval) --n;  // division rounds towards 0
  return base + (n + 1) * interval;
}

}  // namespace broadside
