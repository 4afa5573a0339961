#include "agent/core/agent_core.h"

#include <algorithm>
#include <utility>

#include "common/core/mutant.h"
#include "common/core/status.h"

namespace broadside {
namespace {

// What the controller may ask of an agent; the rest is a broken controller, and held inside these.
constexpr Millis kIntervalMin{50};
constexpr Millis kIntervalMax{30'000};
constexpr Millis kSilenceMax{300'000};
constexpr Millis kRetryAfterMax{60'000};

Nanos SpreadOf(const Incarnation& incarnation) {
  const uint64_t mixed = (incarnation.hi ^ (incarnation.lo * 0x9e3779b97f4a7c15ull)) >> 16;
  return Nanos(
      static_cast<int64_t>(mixed % static_cast<uint64_t>(Nanos(limits::kReportSpread).count())));
}

std::string_view ReasonName(RejectReason reason) {
  switch (reason) {
    case RejectReason::kBusy:
      return "busy";
    case RejectReason::kProtocol:
      return "protocol";
    case RejectReason::kInvalid:
      return "invalid";
    case RejectReason::kFleetFull:
      return "fleet_full";
    case RejectReason::kUnspecified:
      break;
  }
  return "unspecified";
}

}  // namespace

AgentCore::AgentCore(AgentCoreOptions options)
    : options_(std::move(options)),
      spread_(SpreadOf(options_.incarnation)),
      backoff_(options_.seed) {}

Effects AgentCore::Step(const Event& event, BootTime now) {
  if (state_ == State::kExited) return {};
  now_ = now;
  std::visit([this](const auto& what) { On(what); }, event);
  if (state_ != State::kExited) AdvanceConnection();
  if (state_ != State::kExited) AdvanceClock();
  if (state_ != State::kExited) AdvanceReports();
  if (state_ != State::kExited) AdvanceDrain();
  return std::exchange(out_, {});
}

void AgentCore::On(const StreamOpened& event) {
  if (event.stream != stream_ || state_ != State::kOpening) return;
  state_ = State::kGreeted;
  opened_at_ = now_;
  AgentMessage message;
  message.hello = MakeHello();
  Send(std::move(message));
}

void AgentCore::On(const StreamClosed& event) {
  if (event.stream != stream_) return;
  Drop(event.reason.empty() ? "the controller ended the stream" : event.reason, backoff_.Next());
}

void AgentCore::On(const MessageReceived& event) {
  if (event.stream != stream_) return;
  heard_at_ = event.at;
  const ControllerMessage& message = event.message;
  if (message.reject) return OnReject(*message.reject);
  if (message.welcome && state_ == State::kGreeted) OnWelcome(*message.welcome);
  if (event.stream != stream_) return;  // refused
  if (state_ != State::kWelcomed) {
    return Drop("the controller spoke before its Welcome", backoff_.Next());
  }
  OnTestMessage(message);
  if (message.beat_reply) OnBeatReply(*message.beat_reply, event.at);
}

void AgentCore::Open() {
  state_ = State::kOpening;
  stream_ = ++streams_opened_;
  opened_at_ = now_;
  Emit(OpenStream{stream_});
}

// Ends the current stream, if the other side has not, and waits before the next.
void AgentCore::Drop(std::string reason, Nanos wait) {
  Emit(CloseStream{stream_});
  if (state_ == State::kWelcomed) {
    away_since_ = now_;
    // What never started has no state to keep, and no clock to start by: the next controller sends
    // all of it again.
    std::erase_if(tests_, [](const auto& entry) { return !entry.second.clock; });
    Log(Severity::kWarn, "controller_lost", reason);
  } else {
    LogOnce(Severity::kWarn, "controller_unreachable", reason);
  }
  not_connected_reason_ = std::move(reason);
  state_ = State::kBackingOff;
  stream_ = 0;
  retry_at_ = now_ + wait;
}

void AgentCore::OnWelcome(const Welcome& welcome) {
  if (const std::string refusal = RefusalOf(welcome); !refusal.empty()) {
    const bool other_protocol = welcome.protocol_major != kProtocolMajor;
    LogOnce(Severity::kError, "controller_refused", refusal);
    return Drop(refusal, other_protocol ? backoff_.Spread(kSlowRetry) : backoff_.Next());
  }
  if (!store_uuid_.empty() && store_uuid_ != welcome.store_uuid) {
    while (!tests_.empty()) Forget(tests_.begin());
    const size_t dropped = reports_.Restart(welcome.acked_seq);
    Log(dropped == 0 ? Severity::kInfo : Severity::kWarn, "controller_changed",
        Concat("serves store ", welcome.store_uuid, " now; ", dropped, " reports for store ",
               store_uuid_, " were not delivered"));
  } else if (!reports_.Acknowledge(welcome.acked_seq)) {
    Log(Severity::kError, "report_numbers_jumped",
        Concat("the controller has acknowledged report ", welcome.acked_seq,
               ", which was never sent"));
  }
  const bool same_process = store_uuid_ == welcome.store_uuid && nonce_ == welcome.nonce;
  if (!same_process) {
    // Another process, maybe on another machine: its clock is not the one before.
    for (auto& [id, test] : tests_) test.t0.reset();
  }
  store_uuid_ = welcome.store_uuid;
  epoch_ = welcome.epoch;
  nonce_ = welcome.nonce;
  beat_interval_ = std::clamp(welcome.beat_interval, kIntervalMin, kIntervalMax);
  report_interval_ = std::clamp(welcome.report_interval, kIntervalMin, kIntervalMax);
  silence_ = std::clamp(welcome.silence, 2 * kIntervalMin, kSilenceMax);
  state_ = State::kWelcomed;
  backoff_.Reset();
  last_refusal_.clear();
  Log(Severity::kInfo, "controller_connected",
      Concat("store ", store_uuid_, ", epoch ", epoch_, ", version ", welcome.version,
             ", protocol ", welcome.protocol_major, ".", welcome.protocol_minor));
  clock_.StartSeries(now_, same_process);
  if (tests_.empty()) report_anchor_ = now_;
  next_collect_ = NextReportTime();
  if (!BROADSIDE_MUTANT("reports_not_resent")) reports_.Rewind();
  SendReports();
  Send({});  // the first exchange of the series
}

// Why this controller is not to be served; empty when it is.
std::string AgentCore::RefusalOf(const Welcome& welcome) const {
  if (welcome.protocol_major != kProtocolMajor) {
    return Concat("the controller (", welcome.version, ") speaks protocol ", welcome.protocol_major,
                  ".", welcome.protocol_minor, ", this agent (", options_.version, ") ",
                  kProtocolMajor, ".", kProtocolMinor, ": upgrade one of them");
  }
  if (store_uuid_.empty()) return "";
  if (store_uuid_ == welcome.store_uuid) {
    if (welcome.epoch < epoch_ && !BROADSIDE_MUTANT("epoch_not_compared")) {
      return Concat("the controller has epoch ", welcome.epoch, " of store ", store_uuid_,
                    ", but epoch ", epoch_, " was served: an older process still answers");
    }
    if (welcome.epoch == epoch_ && welcome.nonce != nonce_) {
      return Concat("two controllers have epoch ", epoch_, " of store ", store_uuid_,
                    ": the store was copied");
    }
    return "";
  }
  if (HasUnfinishedSlots()) {
    return Concat("the controller has store ", welcome.store_uuid, ", but slots of store ",
                  store_uuid_, " are unfinished");
  }
  if (reports_.Owes() && now_ < away_since_ + kForeignStoreGrace) {
    return Concat("the controller has store ", welcome.store_uuid, ", but ", reports_.undelivered(),
                  " reports for store ", store_uuid_,
                  " are not delivered: waits for that one a little");
  }
  return "";
}

void AgentCore::OnReject(const Reject& reject) {
  const std::string reason = Concat("rejected (", ReasonName(reject.reason), "): ", reject.detail);
  LogOnce(reject.reason == RejectReason::kProtocol ? Severity::kError : Severity::kWarn,
          "controller_rejected", reason);
  Nanos wait = backoff_.Next();
  if (reject.retry_after > Millis(0)) {
    wait = backoff_.Spread(std::min(reject.retry_after, kRetryAfterMax));
  }
  if (reject.reason == RejectReason::kProtocol) {
    wait = std::max(wait, backoff_.Spread(kSlowRetry));  // retrying does not help, an upgrade does
  }
  Drop(reason, wait);
}

void AgentCore::AdvanceConnection() {
  if (now_ < ConnectionDeadline()) return;
  switch (state_) {
    case State::kBackingOff:
      return Open();
    case State::kOpening:
      return Drop("no connection within 15 s", backoff_.Next());
    case State::kGreeted:
      return Drop("no Welcome within 15 s of the Hello", backoff_.Next());
    case State::kWelcomed:
      return Drop(Concat("nothing heard for ", (now_ - heard_at_) / Millis(1), " ms"),
                  backoff_.Next());
    case State::kExited:
      return;
  }
}

BootTime AgentCore::ConnectionDeadline() const {
  switch (state_) {
    case State::kBackingOff:
      return retry_at_;
    case State::kOpening:
    case State::kGreeted:
      return opened_at_ + limits::kWelcomeTimeout;
    case State::kWelcomed:
      if (BROADSIDE_MUTANT("silence_not_noticed")) break;
      return heard_at_ + silence_ + Seconds(1);
    case State::kExited:
      break;
  }
  return BootTime::max();
}

BootTime AgentCore::NextTick() const {
  if (state_ == State::kExited) return BootTime::max();
  BootTime next = ConnectionDeadline();
  if (!collecting_) next = std::min(next, next_collect_);
  if (state_ == State::kWelcomed) {
    next = std::min(next, BeatDue());
    if (clock_.series_ends() > now_) next = std::min(next, clock_.series_ends());
    if (clock_bad_since_ && now_ < *clock_bad_since_ + kAnchorWait) {
      next = std::min(next, *clock_bad_since_ + kAnchorWait);
    }
  }
  if (drain_since_) {
    const BootTime bound = DrainBound();
    next = std::min(next, abandoned_ ? bound : bound - kDeliverGrace);
    const BootTime away = std::max(*drain_since_, away_since_) + kDrainAway;
    if (state_ != State::kWelcomed && now_ < away) next = std::min(next, away);
  }
  return std::max(next, now_ + Millis(1));
}

AgentStatus AgentCore::Status(BootTime now) const {
  return {.connected = state_ == State::kWelcomed,
          .reason = state_ == State::kWelcomed ? "" : not_connected_reason_,
          .draining = drain_since_.has_value(),
          .exited = state_ == State::kExited,
          .clock_known = clock_.known(),
          .clock_offset = clock_.offset(),
          .clock_error = ClockError(now),
          .reports_made = reports_.next_seq() - 1,
          .reports_unacknowledged = reports_.unacknowledged(),
          .tests = tests_.size(),
          .streams_opened = streams_opened_,
          .capacity_rps = capacity_.rps()};
}

void AgentCore::Log(Severity severity, std::string_view event, std::string detail) {
  Emit(LogLine{severity, std::string(event), std::move(detail)});
}

void AgentCore::LogOnce(Severity severity, std::string_view event, const std::string& detail) {
  if (detail == last_refusal_) return;
  last_refusal_ = detail;
  Log(severity, event, detail);
}

}  // namespace broadside
