#include "agent/agent_home.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "common/net/clock.h"
#include "common/net/log.h"

namespace broadside {
namespace {

// Home wakes at least this often: its delay is measured by it, and health rests on it.
constexpr Millis kTickMax{100};

LogLevel LevelOf(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return LogLevel::kInfo;
    case Severity::kWarn:
      return LogLevel::kWarn;
    case Severity::kError:
      break;
  }
  return LogLevel::kError;
}

}  // namespace

AgentHome::AgentHome(IoThread& home, AgentCoreOptions core, EngineOptions engine,
                     std::shared_ptr<grpc::Channel> channel, PublishedSnapshot* published,
                     std::function<void(int)> on_exit)
    : home_(home),
      published_(published),
      on_exit_(std::move(on_exit)),
      gate_(std::make_shared<IoGate>(&home)),
      core_(std::move(core)),
      timer_(home.context()),
      engine_(std::move(engine)),
      link_(home, std::move(channel),
            {.on_open = [this] { Step(StreamOpened{stream_}); },
             .on_message =
                 [this](ControllerMessage message, BootTime received) {
                   Step(MessageReceived{stream_, std::move(message), received});
                 },
             .on_closed = [this](const absl::Status& status) { OnLinkClosed(status); }}) {
  Step(Tick{});
}

AgentHome::~AgentHome() {
  home_.AssertCurrent();
  gate_->Close();
  timer_.cancel();
  engine_.Stop();
}

void AgentHome::Step(const Event& event) {
  home_.AssertCurrent();
  const BootTime now = BootNow();
  for (const Effect& effect : core_.Step(event, now)) {
    std::visit([this](const auto& what) { Perform(what); }, effect);
  }
  Publish(now);
  Arm();
}

// ---- link ----

void AgentHome::Perform(const OpenStream& effect) {
  if (link_.is_open()) {
    wanted_ = effect.stream;
  } else {
    OpenLink(effect.stream);
  }
}

void AgentHome::OpenLink(uint64_t stream) {
  wanted_ = 0;
  stream_ = stream;
  link_.Open();
}

// What the given-up stream still says carries its old number, which the core ignores.
void AgentHome::Perform(const CloseStream& effect) {
  if (wanted_ == effect.stream) wanted_ = 0;
  if (stream_ == effect.stream && link_.is_open()) link_.Cancel("given up");
}

void AgentHome::Perform(const SendMessage& effect) {
  if (stream_ == effect.stream) link_.Send(effect.message);
}

void AgentHome::OnLinkClosed(const absl::Status& status) {
  const uint64_t closed = std::exchange(stream_, 0);
  if (wanted_ != 0) {
    OpenLink(wanted_);
    return;
  }
  Step(StreamClosed{closed, std::string(ToStd(status.message()))});
}

// ---- engine ----

void AgentHome::Perform(const StartTest& effect) {
  engine_.StartTest(effect.test, effect.spec, effect.clock);
}
void AgentHome::Perform(const SetClock& effect) { engine_.SetClock(effect.test, effect.clock); }
void AgentHome::Perform(const ExtendTest& effect) { engine_.Extend(effect.test, effect.grant); }
void AgentHome::Perform(const AbandonTest& effect) { engine_.Abandon(effect.test); }
void AgentHome::Perform(const ForgetTest& effect) { engine_.Forget(effect.test); }

void AgentHome::Perform(const CutTest& effect) {
  engine_.Cut(effect.test, [this, gate = gate_, test = effect.test] {
    gate->Post([this, test] { Step(TestCut{test}); });
  });
}

void AgentHome::Perform(const CollectResults&) {
  engine_.Collect([this, gate = gate_](std::vector<TestDelta> tests, const EngineStats& stats) {
    // Shared, because a std::function has to be copyable.
    auto results = std::make_shared<std::vector<TestDelta>>(std::move(tests));
    gate->Post([this, results, stats] { OnCollected(std::move(*results), stats); });
  });
}

void AgentHome::OnCollected(std::vector<TestDelta> tests, const EngineStats& stats) {
  snapshot_.engine = stats;
  snapshot_.load = {.loop_delay = std::max(stats.loop_delay, std::exchange(home_delay_, Nanos(0))),
                    .cursor_lag = stats.cursor_lag,
                    .cpu_fraction = stats.cpu_fraction,
                    .throttled_fraction = throttle_.TakeFraction(),
                    .requests_sent = stats.requests_sent,
                    .ports_exhausted = stats.ports_exhausted,
                    .descriptors_exhausted = stats.descriptors_exhausted};
  // Before the report leaves: whoever reads the snapshot after it finds what it counts.
  published_->Set(snapshot_);
  Step(ResultsCollected{std::move(tests), snapshot_.load});
}

// ---- the rest ----

void AgentHome::Perform(const Exit& effect) {
  // Later, so that the step is over and its effects are done.
  if (on_exit_) gate_->Post([this, code = effect.code] { on_exit_(code); });
}

void AgentHome::Perform(const LogLine& effect) {
  Log(LevelOf(effect.severity), effect.event, {{"detail", effect.detail}});
}

void AgentHome::Publish(BootTime now) {
  snapshot_.status = core_.Status(now);
  snapshot_.alive_at = now;
  published_->Set(snapshot_);
}

// Fires at the core's next deadline. An armed timer that fires earlier is left alone: setting one
// costs a system call.
void AgentHome::Arm() {
  const BootTime now = BootNow();
  const BootTime wake = std::clamp(core_.NextTick(), now, now + kTickMax);
  if (armed_ > now && armed_ <= wake) return;
  armed_ = wake;
  timer_.expires_after(wake - now);
  // A wait whose time had come before it was cancelled arrives without an error, and after us.
  timer_.async_wait(
      [this, alive = std::weak_ptr<void>(alive_)](const boost::system::error_code& error) {
        if (!error && !alive.expired()) OnTimer();
      });
}

void AgentHome::OnTimer() {
  home_delay_ = std::max(home_delay_, BootNow() - armed_);
  armed_ = BootTime{};
  Step(Tick{});
}

}  // namespace broadside
