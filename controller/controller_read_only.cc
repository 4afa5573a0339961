// A store that cannot be written, from its error until it can be written again; and what is written
// to keep it small.

#include <algorithm>
#include <utility>

#include "common/core/status.h"
#include "common/net/clock.h"
#include "common/net/log.h"
#include "controller/controller.h"

namespace broadside {
namespace {

// Tries to write again are this far apart, doubled from one to the next. A store that fails again
// soon after is no better than one that never came back.
constexpr Millis kRetryMin{500};
constexpr Seconds kRetryMax{5};

// Ended tests are looked through so often for those that grew too old, and so many are forgotten
// at once: their rows go with one commit, their seconds a slice at a time.
constexpr Seconds kExpiryEvery{60};
constexpr int kExpiredMax = 100;

}  // namespace

void Controller::EnterReadOnly(const absl::Status& why) {
  Log(LogLevel::kError, "store_failed", {{"why", std::string(ToStd(why.message()))}});
  // It is ahead of the store. Nothing of that went out, and nothing will; the plan that the agents
  // hold runs dry: that is the fence.
  core_.reset();
  const bool well = BootNow() - writable_since_ > kRetryMax;
  if (well || retry_after_ == Nanos(0)) retry_after_ = kRetryMin;
  PublishReadOnly(*view(), why);
  for (auto& [request, done] : std::exchange(requests_, {})) {
    CommandResult result;
    result.code = CommandCode::kUnavailable;
    result.detail = read_only_;
    done(std::move(result));
  }
  fleet_->CloseAll(Unavailable(read_only_));
  TryAgainLater();
}

void Controller::PublishReadOnly(const FleetView& last, const absl::Status& why) {
  read_only_ = Concat("read-only: the store cannot be written: ", why.message());
  auto view = std::make_shared<FleetView>(last);
  view->ready = view->store_writable = false;
  view->not_ready_reason = read_only_;
  view->store_bytes = store_->bytes();
  for (AgentView& agent : view->agents) agent.state = AgentState::kLost;
  Publish(std::move(view));
}

void Controller::TryAgainLater() {
  if (stopping_) return;
  retry_timer_->expires_after(retry_after_);
  retry_after_ = std::min<Nanos>(2 * retry_after_, kRetryMax);
  retry_timer_->async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_) return;
    store_->Reopen([this](absl::Status writable, std::shared_ptr<const StoredState> stored) {
      home_.Post([this, writable = std::move(writable), stored = std::move(stored)] {
        OnReopened(writable, *stored);
      });
    });
  });
}

void Controller::OnReopened(const absl::Status& writable, const StoredState& stored) {
  if (stopping_) return;
  if (!writable.ok()) {
    Log(LogLevel::kWarn, "store_still_fails", {{"why", std::string(ToStd(writable.message()))}});
    PublishReadOnly(*view(), writable);
    return TryAgainLater();
  }
  Log(LogLevel::kInfo, "store_writable",
      {{"epoch", Concat(stored.epoch)}, {"unended_tests", Concat(stored.unended.size())}});
  writable_since_ = BootNow();
  Begin(stored);
  MaybeFlush();
}

void Controller::ForgetExpired() {
  next_expiry_ = BootNow() + kExpiryEvery;
  Retention retention{.tests = options_.keep_tests};
  if (options_.keep_for > Nanos(0)) retention.ended_since = WallNow() - options_.keep_for;
  store_->ReadExpired(retention, kExpiredMax, [this](absl::StatusOr<std::vector<TestId>> expired) {
    if (!expired.ok() || expired->empty()) return;
    home_.Post([this, tests = *std::move(expired)] {
      // There may be more.
      expiry_due_ = true;
      Handle(TestsExpired{tests});
    });
  });
}

}  // namespace broadside
