#include "agent/engine/shard_load.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/core/check.h"
#include "common/net/clock.h"

namespace broadside {
namespace {

constexpr int kDispatchesPerTurnMax = 256;
// Sent in one turn: dispatched, or connected just now.
constexpr size_t kReadyPerTurnMax = kDispatchesPerTurnMax + Poller::kEventsMax;
constexpr Nanos kSkipEvery = Millis(2);
constexpr int kReadsPerTurnMax = 16;      // of one connection: 1 MiB
constexpr int kReadsAtDeadlineMax = 256;  // more than a socket holds
// The service time that decides how many connections are opened ahead; demand opens the rest.
constexpr Nanos kServiceAssumed = Millis(20);

// A test's connections are divided over the shards; with fewer connections than shards, some own
// none.
int ActiveShards(const TestSpec& spec, int shards) {
  return static_cast<int>(std::min<int64_t>(spec.connections.max_per_agent, shards));
}

size_t LimitOf(const TestSpec& spec, int shard, int shards) {
  const int64_t limit = spec.connections.max_per_agent;
  return static_cast<size_t>(limit / shards + (shard < limit % shards ? 1 : 0));
}

PacerOptions PacerOptionsOf(const TestId& test, const TestSpec& spec, int shard, int shards) {
  return {ArcOffset(test), shard, ActiveShards(spec, shards), spec.max_lateness};
}

// Of the exchange that a connect was made for.
Outcome OutcomeOfConnect(int error) {
  if (IsLocalError(error)) return Outcome::kLocalError;
  // A port that nobody listens on refuses; this peer took the connection and ended it before we saw
  // that it was there.
  if (error == ECONNRESET || error == EPIPE) return Outcome::kReset;
  return Outcome::kConnectError;
}

}  // namespace

ShardLoad::ShardLoad(TestId test, std::shared_ptr<const TestSpec> spec, const ClockMap& clock,
                     const ShardLoadOptions& options, ShardResources* shard)
    : spec_(std::move(spec)),
      shard_(shard),
      clock_(clock),
      request_(*spec_, options.user_agent, options.slot_header),
      recorder_(test),
      pacer_(PacerOptionsOf(test, *spec_, options.shard, options.shards)),
      pool_({LimitOf(*spec_, options.shard, options.shards), spec_->connections.max_age,
             spec_->connections.keepalive, options.seed},
            this, &shard->poller) {
  // The most that a turn can fill, so that no late burst has to grow them.
  for (auto* list : {&ready_, &more_, &reading_}) list->reserve(kReadyPerTurnMax);
}

void ShardLoad::Extend(const Grant& grant, BootTime now) {
  const int64_t slots = pacer_.Extend(grant, clock_.ToTest(now));
  recorder_.Open(grant.segment.k, slots);
  BookUnsent();
  PlanAhead(slots);
}

// The first slots would pay for their connects, all at once, and begin the test with a send lag and
// a burst of connects that the schedule does not have. Without keep-alive each request pays anyway.
void ShardLoad::PlanAhead(int64_t slots) {
  if (ahead_planned_ || pacer_.Empty() || !spec_->connections.keepalive) return;
  ahead_planned_ = true;
  // Little's law: 5,000 slots in the segment's second x 20 ms = 100 busy at a time.
  ahead_left_ = std::max<int64_t>(1, slots * kServiceAssumed / Nanos(kSegment));
}

// Spread over the lead, denser at its beginning: each time the part that would be through with the
// rest at half of what is left of the lead.
void ShardLoad::OpenAhead(BootTime now) {
  if (ahead_left_ == 0 || !pool_.addresses().known()) return;
  const std::optional<TestTime> due = pacer_.NextDue();
  const Nanos lead = due.has_value() ? clock_.ToBoot(*due) - now : Nanos(0);
  if (lead <= Nanos(0)) {
    ahead_left_ = 0;  // too late
    return;
  }
  const int64_t calls = lead / (2 * kMaintainEvery) + 1;
  for (int64_t part = (ahead_left_ + calls - 1) / calls; part > 0; --part) {
    --ahead_left_;
    if (!pool_.OpenAhead(now)) ahead_left_ = 0;
    if (ahead_left_ == 0) return;
  }
}

void ShardLoad::BookUnsent() {
  for (const SlotTally& tally : pacer_.skipped()) {
    recorder_.Book(tally.k, Outcome::kSkipped, tally.count);
  }
  for (const SlotTally& tally : pacer_.cancelled()) {
    recorder_.Book(tally.k, Outcome::kCancelled, tally.count);
  }
  pacer_.skipped().clear();
  pacer_.cancelled().clear();
}

void ShardLoad::SetAddresses(const AddressAnswer& answer, BootTime now) {
  for (const auto& [connection, error] : pool_.Update(answer)) {
    Exchange* exchange = connection->exchange;
    connection->exchange = nullptr;
    pool_.ConnectFailed(connection, error, now);
    exchange->connection = nullptr;
    Fail(exchange, OutcomeOfConnect(error), now);
  }
}

void ShardLoad::Cut(BootTime now) {
  cut_ = true;
  pacer_.Cut();
  BookUnsent();
  for (Exchange* exchange = exchanges_.front(); exchange != nullptr;) {
    Exchange* next = exchange->next;
    const bool connected = exchange->connection->state == ConnectionState::kBusy;
    if (!exchange->was_sent()) {
      Fail(exchange, Outcome::kCancelled, now);
    } else if (!connected) {
      Fail(exchange, Outcome::kReset, now);  // its resend does not go out any more
    }
    exchange = next;
  }
  pool_.CloseIdle();
}

void ShardLoad::Abandon(BootTime now) {
  Cut(now);
  while (exchanges_.front() != nullptr) Fail(exchanges_.front(), Outcome::kAbandoned, now);
  pool_.CloseAll();
  abandoned_ = true;
}

TestDelta ShardLoad::Take(BootTime now) { return recorder_.Take(IntervalOf(now) - 1); }

void ShardLoad::Fire(BootTime now) {
  if (pacer_.Empty()) return;
  const TestTime tau = clock_.ToTest(now);
  for (int i = 0; i < kDispatchesPerTurnMax && pool_.CanServe(); ++i) {
    const std::optional<DueSlot> slot = pacer_.TakeDue(tau);
    if (!slot.has_value()) break;
    Dispatch(*slot, now);
  }
  pacer_.SkipLate(tau);
  BookUnsent();
}

void ShardLoad::Dispatch(const DueSlot& slot, BootTime now) {
  Exchange* exchange = exchanges_.Append();
  exchange->slot = slot.slot;
  exchange->k = slot.k;
  exchange->intended = clock_.ToBoot(slot.due);
  exchange->dispatched = now;
  exchange->deadline = now + spec_->timeout;
  Connection* connection = pool_.TakeIdle(now);
  if (connection == nullptr) return Connect(exchange, now);
  exchange->on_reused = connection->used;
  exchange->connection = connection;
  connection->exchange = exchange;
  ready_.push_back(connection);
}

void ShardLoad::Connect(Exchange* exchange, BootTime now) {
  int error = 0;
  exchange->connection = pool_.Open(now, &error);
  if (exchange->connection == nullptr) {
    return Fail(exchange, OutcomeOfConnect(error), now);
  }
  exchange->connection->exchange = exchange;
}

void ShardLoad::SendReady(BootTime now) {
  for (Connection* connection : ready_) {
    const bool waits =
        connection->state == ConnectionState::kBusy && connection->exchange != nullptr;
    if (!waits) continue;
    SendRequest(connection, now);
    if (std::exchange(connection->heard, false)) more_.push_back(connection);
  }
  ready_.clear();
  pool_.Recycle();
}

void ShardLoad::SendRequest(Connection* connection, BootTime now) {
  Exchange* exchange = connection->exchange;
  if (!exchange->was_sent()) {
    // The last look: since the pacer let it go there may have been a connect, or a freeze. A resend
    // has the time until its deadline.
    const BootTime sent = BootNow();
    if (sent - exchange->intended > spec_->max_lateness) return SkipUnsent(connection, now);
    exchange->sent = sent;
  }
  connection->parser.Start(request_.is_head(), spec_->target.version_header);
  connection->unsent = request_.size();
  ++shard_->requests_sent;
  SendRest(connection, now);
}

// The slot came too late; its connection is as good as before.
void ShardLoad::SkipUnsent(Connection* connection, BootTime now) {
  Settle(connection->exchange, Outcome::kSkipped, now, false, 0);
  // What it has heard without asking cannot be meant for the next exchange.
  if (connection->heard) return pool_.Close(connection);
  pool_.GiveBack(connection, now);
}

void ShardLoad::SendRest(Connection* connection, BootTime now) {
  Exchange* exchange = connection->exchange;
  while (connection->unsent > 0) {
    const std::string_view request = request_.ForSlot(exchange->slot);
    const ssize_t sent = connection->Send(request.substr(request.size() - connection->unsent));
    if (sent == -EAGAIN || sent == -EINTR) return;  // EPOLLOUT follows
    if (sent == -ENOBUFS || sent == -ENOMEM) return Fail(exchange, Outcome::kLocalError, now);
    if (sent < 0) {
      // The peer has gone; what it said before is still there to be read.
      Read(connection, kPeerEnded, now, kReadsPerTurnMax);
      if (connection->exchange == exchange && connection->unsent > 0) Ended(connection, now);
      return;
    }
    connection->unsent -= static_cast<size_t>(sent);
    exchange->bytes_sent += static_cast<uint64_t>(sent);
  }
}

void ShardLoad::OnEvents(Connection* connection, uint32_t events, BootTime now) {
  const bool readable = (events & (EPOLLIN | kPeerEnded)) != 0;
  switch (connection->state) {
    case ConnectionState::kConnecting:
      return FinishConnect(connection, events, now);
    case ConnectionState::kBusy:
      // Read first: a peer that answers early may have stopped to take the request.
      if (readable) Read(connection, events, now, kReadsPerTurnMax);
      if ((events & EPOLLOUT) != 0 && connection->state == ConnectionState::kBusy &&
          connection->exchange->was_sent() && connection->unsent > 0) {
        SendRest(connection, now);
      }
      return;
    case ConnectionState::kIdle:
    case ConnectionState::kLingering:
      if (readable) Drop(connection);
      return;
    case ConnectionState::kClosed:
    case ConnectionState::kResolving:
      return;  // events from before it was closed in this turn
  }
}

void ShardLoad::FinishConnect(Connection* connection, uint32_t events, BootTime now) {
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
  const int error = connection->ConnectError();
  Exchange* exchange = connection->exchange;
  if (error != 0) {
    connection->exchange = nullptr;
    pool_.ConnectFailed(connection, error, now);
    if (exchange == nullptr) return;
    exchange->connection = nullptr;
    return Fail(exchange, OutcomeOfConnect(error), now);
  }
  pool_.Connected(connection, now);
  const bool readable = (events & (EPOLLIN | kPeerEnded)) != 0;
  if (exchange != nullptr) {
    connection->heard = readable;
    ready_.push_back(connection);
  } else if (readable && connection->state == ConnectionState::kIdle) {
    pool_.Close(connection);
  }
}

// Between exchanges: a FIN ends the connection, and so do bytes that nobody asked for.
void ShardLoad::Drop(Connection* connection) {
  const bool lingers = connection->state == ConnectionState::kLingering;
  for (int i = 0; i < kReadsPerTurnMax; ++i) {
    const Received received = connection->Receive(shard_->receive_buffer);
    if (received.size < 0 && (received.error == EAGAIN || received.error == EINTR)) return;
    if (received.size <= 0 || !lingers) break;
  }
  pool_.Close(connection);
}

void ShardLoad::Read(Connection* connection, uint32_t events, BootTime now, int reads_max) {
  Exchange* exchange = connection->exchange;
  for (int i = 0; i < reads_max; ++i) {
    const Received received = connection->Receive(shard_->receive_buffer);
    if (received.size < 0) {
      if (received.error == EAGAIN || received.error == EINTR) return;
      return Ended(connection, now);
    }
    if (received.size == 0) {
      if (connection->parser.PutEnd() != AnswerParser::Result::kDone) return Ended(connection, now);
      return Complete(connection, DoneTime(*exchange, now), kPeerEnded, now);
    }
    const auto size = static_cast<size_t>(received.size);
    exchange->bytes_received += size;
    exchange->stamp = received.stamp;
    const std::string_view bytes(shard_->receive_buffer.data(), size);
    const AnswerParser::Result result = connection->parser.Put(bytes);
    if (result == AnswerParser::Result::kBad) {
      if (DoneTime(*exchange, now) > exchange->deadline) return TimeOut(exchange);
      return Fail(exchange, Outcome::kProtocolError, now);
    }
    if (result == AnswerParser::Result::kDone) {
      return Complete(connection, DoneTime(*exchange, now), events, now);
    }
    const bool drained = size < shard_->receive_buffer.size() && (events & kPeerEnded) == 0;
    if (drained) return;
  }
  more_.push_back(connection);
}

BootTime ShardLoad::DoneTime(const Exchange& exchange, BootTime now) {
  if (!exchange.stamp.has_value()) return BootNow();
  const BootTime done = shard_->stamps.ToBoot(*exchange.stamp);
  if (done >= exchange.sent && done <= now) return done;
  // Usually it came after this turn's reading of the clock.
  now = BootNow();
  if (done >= exchange.sent && done <= now) return done;
  ++shard_->stamps_clamped;
  return now;
}

void ShardLoad::Complete(Connection* connection, BootTime done, uint32_t events, BootTime now) {
  Exchange* exchange = connection->exchange;
  if (done > exchange->deadline) return TimeOut(exchange);
  const uint16_t status = connection->parser.status();
  Settle(exchange, status < 400 ? Outcome::kOk : Outcome::kFailed, done, true, status);

  connection->used = true;
  const bool whole = connection->unsent == 0 && (events & kPeerEnded) == 0;
  const std::optional<int> idle_s = connection->parser.idle_timeout_s();
  // A tenth earlier than the server says, as it counts from the moment when it sent the answer.
  connection->idle_until =
      idle_s.has_value() ? done + Nanos(Seconds(*idle_s)) * 9 / 10 : BootTime::max();
  if (!whole || cut_) {
    pool_.Close(connection);
  } else if (connection->parser.reusable() && spec_->connections.keepalive) {
    pool_.GiveBack(connection, now);
  } else {
    pool_.Linger(connection, now);
  }
}

// The connection ended before the answer was complete.
void ShardLoad::Ended(Connection* connection, BootTime now) {
  Exchange* exchange = connection->exchange;
  const bool resend = exchange->on_reused && !exchange->resent && exchange->bytes_received == 0 &&
                      request_.is_idempotent() && spec_->connections.resend_idle_closed && !cut_ &&
                      now < exchange->deadline;
  if (!resend) return Fail(exchange, Outcome::kReset, now);
  exchange->resent = true;
  recorder_.RecordResend(IntervalOf(now));
  connection->exchange = nullptr;
  pool_.Close(connection);
  Connect(exchange, now);
}

void ShardLoad::ReadMore(BootTime now) {
  reading_.swap(more_);
  for (Connection* connection : reading_) {
    if (connection->state == ConnectionState::kBusy && connection->exchange->was_sent()) {
      Read(connection, kPeerEnded, now, kReadsPerTurnMax);
    }
  }
  reading_.clear();
}

void ShardLoad::Expire(BootTime now) {
  while (exchanges_.front() != nullptr && exchanges_.front()->deadline <= now) {
    Exchange* exchange = exchanges_.front();
    Connection* connection = exchange->connection;
    if (connection->state == ConnectionState::kBusy && exchange->was_sent()) {
      Read(connection, kPeerEnded, now, kReadsAtDeadlineMax);
    }
    if (exchanges_.front() == exchange) TimeOut(exchange);
  }
}

void ShardLoad::TimeOut(Exchange* exchange) {
  TimeoutPhase phase = TimeoutPhase::kConnect;
  if (exchange->connection->state == ConnectionState::kBusy) {
    phase = exchange->connection->unsent > 0 || !exchange->was_sent() ? TimeoutPhase::kSend
            : exchange->bytes_received == 0                           ? TimeoutPhase::kFirstByte
                                                                      : TimeoutPhase::kBody;
  }
  recorder_.BookTimeout(exchange->k, phase);
  Connection* connection = exchange->connection;
  Settle(exchange, Outcome::kTimeout, exchange->deadline, true, 0);
  pool_.Close(connection);
}

void ShardLoad::Fail(Exchange* exchange, Outcome outcome, BootTime now) {
  Connection* connection = exchange->connection;
  Settle(exchange, outcome, now, false, 0);
  if (connection != nullptr) pool_.Close(connection);
}

void ShardLoad::Settle(Exchange* exchange, Outcome outcome, BootTime done, bool timed,
                       uint16_t code) {
  ExchangeSample sample;
  sample.done_k = IntervalOf(done);
  sample.timed = timed;
  sample.sent = exchange->was_sent();
  sample.code = code;
  if (code != 0) sample.version = exchange->connection->parser.version();
  const BootTime began = sample.sent ? exchange->sent : exchange->dispatched;
  sample.response_time = std::max(done - exchange->intended, Nanos(0));
  sample.service_time = std::max(done - began, Nanos(0));
  sample.send_lag = std::max(began - exchange->intended, Nanos(0));
  sample.bytes_sent = exchange->bytes_sent;
  sample.bytes_received = exchange->bytes_received;
  recorder_.Record(sample);
  if (outcome != Outcome::kTimeout) recorder_.Book(exchange->k, outcome);
  if (exchange->connection != nullptr) exchange->connection->exchange = nullptr;
  exchanges_.Remove(exchange);
}

void ShardLoad::Maintain(BootTime now) {
  pool_.Maintain(now, !pacer_.Empty());
  OpenAhead(now);
}

BootTime ShardLoad::NextWake(BootTime now) const {
  if (!ready_.empty() || !more_.empty()) return now;
  BootTime wake = BootTime::max();
  if (exchanges_.front() != nullptr) wake = exchanges_.front()->deadline;
  if (pool_.CanServe()) {
    const std::optional<TestTime> next = pacer_.NextRelease();
    if (next.has_value()) wake = std::min(wake, clock_.ToBoot(*next) + Nanos(1));
  } else if (const std::optional<TestTime> skip = pacer_.NextSkip(); skip.has_value()) {
    // Answers go on first; to book what became too late need not be exact.
    wake = std::min(wake, std::max(clock_.ToBoot(*skip), now + kSkipEvery));
  }
  return wake;
}

Nanos ShardLoad::Lag(BootTime now) const {
  const std::optional<TestTime> due = pacer_.NextDue();
  if (!due.has_value()) return Nanos(0);
  return std::max(clock_.ToTest(now) - *due, Nanos(0));
}

}  // namespace broadside
