#include "controller/controller.h"

#include <future>
#include <utility>

#include "common/core/status.h"
#include "common/net/clock.h"
#include "common/net/log.h"
#include "common/net/random_id.h"

namespace broadside {
namespace {

constexpr Millis kTick{100};
// Reports that arrive within this share a transaction; whatever a user or a grant waits for goes at
// once.
constexpr Millis kCollect{50};
// The kernel counts periods of 100 ms: over fewer of them a share of some percent has no meaning.
constexpr Millis kThrottleEvery{5000};
constexpr Millis kCpuEvery{1000};

Now ReadNow() { return {BootNow(), WallNow()}; }

LogLevel LevelOf(LogEvent::Level level) {
  switch (level) {
    case LogEvent::Level::kInfo:
      return LogLevel::kInfo;
    case LogEvent::Level::kWarn:
      return LogLevel::kWarn;
    case LogEvent::Level::kError:
      return LogLevel::kError;
  }
  return LogLevel::kError;
}

CommandResult NoAnswer(std::string detail) {
  CommandResult result;
  result.code = CommandCode::kUnavailable;
  result.detail = std::move(detail);
  return result;
}

}  // namespace

Controller::Controller(ControllerOptions options, const MakeStreams& make_streams)
    : options_(std::move(options)),
      view_(std::make_shared<const FleetView>()),
      fleet_(make_streams(home_, FleetHandlers())) {}

Controller::~Controller() { Stop(); }

absl::Status Controller::Start() {
  StoredState stored;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options_.data, &stored);
  if (!store.ok()) return store.status();
  store_ = std::move(*store);
  store_facts_ = {stored.store_uuid, stored.epoch, stored.unended.size(), store_->writable()};
  home_.RunAndWait([&] {
    tick_timer_ = std::make_unique<boost::asio::steady_timer>(home_.context());
    flush_timer_ = std::make_unique<boost::asio::steady_timer>(home_.context());
    retry_timer_ = std::make_unique<boost::asio::steady_timer>(home_.context());
    Begin(stored);
    if (!store_->writable().ok()) {
      // What the core shows of the store is all that it is for.
      Publish(core_->Flush(ReadNow()).view);
      EnterReadOnly(store_->writable());
    }
    MaybeFlush();
    next_tick_ = BootNow() + kTick;
    ArmTick();
  });
  return fleet_->Start(options_.grpc_listen);
}

void Controller::Begin(const StoredState& stored) {
  CoreOptions core_options;
  core_options.horizon = options_.horizon;
  core_options.start_lead = options_.start_lead;
  core_options.version = options_.version;
  core_options.nonce = RandomUint64();
  core_ = std::make_unique<ControllerCore>(core_options, stored, ReadNow());
  read_only_.clear();
  expiry_due_ = true;
}

FleetStreams::Handlers Controller::FleetHandlers() {
  FleetStreams::Handlers handlers;
  // A stream counts from its Hello on. It comes back until we can write.
  handlers.on_open = [this](StreamId stream, const std::string&) {
    if (core_ == nullptr) fleet_->Close(stream, Unavailable(read_only_));
  };
  handlers.on_message = [this](StreamId stream, AgentMessage message, BootTime received) {
    Handle(AgentSaid{stream, std::move(message), received});
  };
  handlers.on_closed = [this](StreamId stream, const absl::Status&) {
    Handle(StreamEnded{stream});
  };
  return handlers;
}

void Controller::Stop() {
  if (!store_) return;
  // First, so that the streams which end now are no news: the agents are not lost, we go.
  home_.RunAndWait([this] { stopping_ = true; });
  fleet_->Stop();
  home_.RunAndWait([this] {
    if (tick_timer_) tick_timer_->cancel();
    if (flush_timer_) flush_timer_->cancel();
    if (retry_timer_) retry_timer_->cancel();
    // The last decisions are made durable too; the store finishes what it was given.
    if (core_ && !commit_in_flight_ && core_->NeedsFlush()) Flush();
  });
  store_->Stop();
  home_.RunAndWait([this] {
    for (auto& [request, done] : std::exchange(requests_, {}))
      done(NoAnswer("the controller stops"));
    tick_timer_.reset();
    flush_timer_.reset();
    retry_timer_.reset();
  });
  home_.Stop();
  store_.reset();
}

void Controller::PrepareRestart(Nanos limit) {
  const BootTime until = BootNow() + limit;
  home_.RunAndWait([this] { Handle(RestartAsked{}); });
  // Agents tell by their beats, twice a second or less; there is nothing to be woken by.
  std::promise<void> taken;
  auto timer = std::make_shared<boost::asio::steady_timer>(home_.context());
  std::function<void()> check = [&] {
    if (!core_ || (!commit_in_flight_ && core_->PlanTaken()) || BootNow() >= until) {
      taken.set_value();
      return;
    }
    timer->expires_after(kCollect);
    timer->async_wait([&check](const boost::system::error_code&) { check(); });
  };
  home_.Post([&check] { check(); });
  taken.get_future().wait();
  home_.RunAndWait([&timer] { timer.reset(); });
}

void Controller::ArmTick() {
  tick_timer_->expires_after(std::max(Nanos(0), next_tick_ - BootNow()));
  tick_timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error && !stopping_) OnTick();
  });
}

void Controller::OnTick() {
  const BootTime now = BootNow();
  Ticked tick;
  tick.loop_delay = now - next_tick_;
  next_tick_ = std::max(next_tick_ + kTick, now);
  if (now >= next_throttle_) {
    tick.throttled_fraction = throttle_.TakeFraction();
    next_throttle_ = now + kThrottleEvery;
  }
  if (now >= next_cpu_) {
    cpu_fraction_ = cpu_.TakeFraction();
    next_cpu_ = now + kCpuEvery;
  }
  tick.cpu_fraction = cpu_fraction_;
  if (now >= next_expiry_) expiry_due_ = true;
  Handle(tick);
  ArmTick();
}

void Controller::Handle(const ControllerEvent& event) {
  home_.AssertCurrent();
  if (!core_ || stopping_) return;
  Perform(core_->Step(event, ReadNow()));
  MaybeFlush();
}

void Controller::Perform(ControllerEffects effects) {
  for (const LogEvent& log : effects.logs) {
    std::vector<LogField> fields;
    for (const auto& [key, value] : log.fields) fields.emplace_back(key, value);
    Log(LevelOf(log.level), log.event, fields);
  }
  // Fleet messages before closes: a rejected agent is told why.
  for (const auto& [stream, message] : effects.messages) fleet_->Send(stream, message);
  for (const auto& [stream, why] : effects.closes) fleet_->Close(stream, Unavailable(why));
  for (Reply& reply : effects.replies) {
    const auto request = requests_.find(reply.request);
    if (request == requests_.end()) continue;
    const Done done = std::move(request->second);
    requests_.erase(request);
    done(std::move(reply.result));
  }
}

void Controller::MaybeFlush() {
  if (commit_in_flight_ || !core_ || stopping_ || !core_->NeedsFlush()) return;
  const Nanos since = BootNow() - last_flush_;
  if (core_->Urgent() || since >= kCollect) {
    Flush();
    return;
  }
  flush_timer_->expires_after(kCollect - since);
  flush_timer_->async_wait([this](const boost::system::error_code& error) {
    if (!error) MaybeFlush();
  });
}

void Controller::Flush() {
  last_flush_ = BootNow();
  auto commit = std::make_shared<Commit>(core_->Flush(ReadNow()));
  if (commit->batch.Empty()) {
    OnCommitted(absl::OkStatus(), commit);
    return;
  }
  commit_in_flight_ = true;
  if (!commit->batch.ended.empty()) expiry_due_ = true;
  store_->Write(std::move(commit->batch), [this, commit](absl::Status status) {
    home_.Post([this, commit, status] { OnCommitted(status, commit); });
  });
}

void Controller::OnCommitted(absl::Status status, const std::shared_ptr<Commit>& commit) {
  commit_in_flight_ = false;
  if (!status.ok()) return EnterReadOnly(status);
  commit->view->store_bytes = store_->bytes();
  Publish(commit->view);
  Perform(std::move(commit->effects));
  if (std::exchange(expiry_due_, false)) ForgetExpired();
  MaybeFlush();
}

void Controller::Publish(std::shared_ptr<const FleetView> view) {
  {
    const std::lock_guard lock(view_mutex_);
    view_ = view;
  }
  const std::lock_guard lock(subscribers_mutex_);
  for (const auto& [id, changed] : subscribers_) changed(view);
}

std::shared_ptr<const FleetView> Controller::view() const {
  const std::lock_guard lock(view_mutex_);
  return view_;
}

uint64_t Controller::Subscribe(std::function<void(std::shared_ptr<const FleetView>)> changed) {
  const std::lock_guard lock(subscribers_mutex_);
  subscribers_.emplace(++last_subscription_, std::move(changed));
  return last_subscription_;
}

void Controller::Unsubscribe(uint64_t subscription) {
  const std::lock_guard lock(subscribers_mutex_);
  subscribers_.erase(subscription);
}

}  // namespace broadside
