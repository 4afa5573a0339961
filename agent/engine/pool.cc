#include "agent/engine/pool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace broadside {
namespace {

constexpr Nanos kLingerMax = Seconds(1);
constexpr Nanos kSlotlessConnectMax = Seconds(5);
constexpr Nanos kReplacementRetry = Seconds(1);
constexpr size_t kMaintainedPerTick = 10'000;

bool ExhaustsPorts(int error) { return error == EADDRNOTAVAIL || error == EADDRINUSE; }
bool ExhaustsDescriptors(int error) { return error == EMFILE || error == ENFILE; }
bool ExhaustsBuffers(int error) { return error == ENOBUFS || error == ENOMEM || error == ENOSPC; }

}  // namespace

bool IsLocalError(int error) {
  return ExhaustsPorts(error) || ExhaustsDescriptors(error) || ExhaustsBuffers(error);
}

void ConnectionQueue::Push(Connection* connection) {
  connection->previous = back_;
  connection->next = nullptr;
  (back_ == nullptr ? front_ : back_->next) = connection;
  back_ = connection;
}

void ConnectionQueue::Remove(Connection* connection) {
  Connection* previous = connection->previous;
  Connection* next = connection->next;
  (previous == nullptr ? front_ : previous->next) = next;
  (next == nullptr ? back_ : next->previous) = previous;
}

Pool::Pool(const PoolOptions& options, ShardLoad* run, Poller* poller)
    : options_(options),
      run_(run),
      poller_(poller),
      addresses_(options.seed),
      random_(options.seed + 1) {}

Nanos Pool::Jittered(double from, double to) {
  const double factor = std::uniform_real_distribution<double>(from, to)(random_);
  const auto age = static_cast<double>(options_.max_age.count());
  return Nanos(static_cast<int64_t>(age * factor));
}

Connection* Pool::Allocate() {
  Connection* connection = nullptr;
  if (free_.empty()) {
    all_.push_back(std::make_unique<Connection>(run_));
    connection = all_.back().get();
  } else {
    connection = free_.back();
    free_.pop_back();
  }
  connection->idle_until = BootTime::max();
  connection->retiring = connection->ahead = connection->used = false;
  connection->unsent = 0;
  connection->heard = false;
  connection->place = open_.size();
  open_.push_back(connection);
  return connection;
}

int Pool::StartConnect(Connection* connection) {
  const std::optional<size_t> address = addresses_.Next();
  if (!address.has_value()) return EHOSTUNREACH;
  connection->address = *address;
  int error = connection->Open(addresses_.at(*address));
  if (error == 0) error = poller_->Add(connection->fd, connection);
  if (error == 0) connection->state = ConnectionState::kConnecting;
  return error;
}

void Pool::CountError(int error) {
  ++stats_.connects_failed;
  if (ExhaustsPorts(error)) ++stats_.ports_exhausted;
  if (ExhaustsDescriptors(error)) ++stats_.descriptors_exhausted;
}

// The first life is cut at random, so that connections opened together do not age together.
void Pool::SetFirstLife(Connection* connection, BootTime now) {
  const double first = std::uniform_real_distribution<double>(0.1, 1)(random_);
  connection->retire_at = now + Jittered(0.8 * first, 1.2 * first);
}

bool Pool::OpenAhead(BootTime now) {
  if (!CanOpen()) return false;
  Connection* connection = Allocate();
  SetFirstLife(connection, now);
  connection->give_up_at = now + kSlotlessConnectMax;
  const int error = StartConnect(connection);
  if (error != 0) {
    ConnectFailed(connection, error, now);
    return false;
  }
  connection->ahead = true;
  ahead_.Push(connection);
  return true;
}

Connection* Pool::Open(BootTime now, int* error) {
  if (Connection* connection = ahead_.front(); connection != nullptr) {
    ahead_.Remove(connection);
    connection->ahead = false;
    return connection;
  }
  Connection* connection = Allocate();
  SetFirstLife(connection, now);
  if (!addresses_.known()) {
    connection->state = ConnectionState::kResolving;
    return connection;
  }
  *error = StartConnect(connection);
  if (*error == 0) return connection;
  CountError(*error);
  Close(connection);
  return nullptr;
}

void Pool::Connected(Connection* connection, BootTime now) {
  ++stats_.opened;
  if (Connection* old = std::exchange(connection->replaces, nullptr); old != nullptr) {
    ++stats_.replaced;
    old->replacement = nullptr;
    old->retiring = true;
    if (old->state == ConnectionState::kIdle) Close(old);
  }
  if (std::exchange(connection->ahead, false)) ahead_.Remove(connection);
  connection->state = ConnectionState::kBusy;
  if (connection->exchange == nullptr) GiveBack(connection, now);
}

void Pool::ConnectFailed(Connection* connection, int error, BootTime now) {
  CountError(error);
  if (connection->replaces != nullptr) connection->replaces->retire_at = now + kReplacementRetry;
  Close(connection);
}

Connection* Pool::TakeIdle(BootTime now) {
  while (Connection* connection = idle_.front()) {
    if (connection->idle_until <= now) {
      Close(connection);
      continue;
    }
    idle_.Remove(connection);
    connection->state = ConnectionState::kBusy;
    return connection;
  }
  return nullptr;
}

void Pool::GiveBack(Connection* connection, BootTime now) {
  const bool goes = connection->retiring || !options_.keepalive || connection->idle_until <= now ||
                    addresses_.IsRetired(connection->address);
  if (goes) {
    Close(connection);
  } else {
    connection->state = ConnectionState::kIdle;
    idle_.Push(connection);
  }
}

void Pool::Linger(Connection* connection, BootTime now) {
  if (lingering_ >= options_.limit) return Close(connection);
  connection->state = ConnectionState::kLingering;
  connection->give_up_at = now + kLingerMax;
  ++lingering_;
}

void Pool::Close(Connection* connection) {
  if (connection->state == ConnectionState::kIdle) idle_.Remove(connection);
  if (std::exchange(connection->ahead, false)) ahead_.Remove(connection);
  if (connection->state == ConnectionState::kLingering) --lingering_;
  if (connection->replacement != nullptr) connection->replacement->replaces = nullptr;
  if (connection->replaces != nullptr) connection->replaces->replacement = nullptr;
  connection->replacement = connection->replaces = nullptr;
  connection->Close();
  Connection* last = open_.back();
  open_[connection->place] = last;
  last->place = connection->place;
  open_.pop_back();
  closed_.push_back(connection);
}

void Pool::CloseIdle() {
  for (size_t i = 0; i < open_.size();) {
    Connection* connection = open_[i];
    const bool slotless =
        connection->state == ConnectionState::kConnecting && connection->exchange == nullptr;
    if (connection->state == ConnectionState::kIdle || slotless) {
      Close(connection);
    } else {
      ++i;
    }
  }
}

void Pool::CloseAll() {
  while (!open_.empty()) Close(open_.back());
}

std::vector<std::pair<Connection*, int>> Pool::Update(const AddressAnswer& answer) {
  addresses_.Update(answer);
  std::vector<std::pair<Connection*, int>> failed;
  for (size_t i = open_.size(); i-- > 0;) {
    Connection* connection = open_[i];
    if (connection->state == ConnectionState::kResolving) {
      const int error = StartConnect(connection);
      if (error != 0) failed.emplace_back(connection, error);
    } else if (connection->state == ConnectionState::kIdle &&
               addresses_.IsRetired(connection->address)) {
      Close(connection);
    }
  }
  return failed;
}

bool Pool::MayReplace(BootTime now) {
  if (now < next_replacement_) return false;
  const auto gap =
      static_cast<double>(options_.max_age.count()) / (1.25 * static_cast<double>(open_.size()));
  next_replacement_ =
      std::max(now - Nanos(Millis(100)), next_replacement_) + Nanos(static_cast<int64_t>(gap));
  return true;
}

void Pool::Replace(Connection* connection, BootTime now) {
  if (!CanOpen()) {
    ++stats_.replaced;
    if (connection->state == ConnectionState::kBusy) {
      connection->retiring = true;  // demand opens another when it is gone
      return;
    }
    Close(connection);
    connection = nullptr;
  }
  Connection* replacement = Allocate();
  replacement->retire_at = now + Jittered(0.8, 1.2);
  replacement->give_up_at = now + kSlotlessConnectMax;
  replacement->replaces = connection;
  if (connection != nullptr) connection->replacement = replacement;
  const int error = StartConnect(replacement);
  if (error != 0) ConnectFailed(replacement, error, now);
}

void Pool::Maintain(BootTime now, bool renew) {
  size_t visits = std::min(open_.size(), kMaintainedPerTick);
  while (visits-- > 0 && !open_.empty()) {
    if (cursor_ >= open_.size()) cursor_ = 0;
    Connection* connection = open_[cursor_];
    const ConnectionState state = connection->state;
    const bool given_up =
        connection->give_up_at <= now &&
        (state == ConnectionState::kLingering ||
         (state == ConnectionState::kConnecting && connection->exchange == nullptr));
    const bool stale = state == ConnectionState::kIdle && connection->idle_until <= now;
    if (given_up && state == ConnectionState::kConnecting) {
      ConnectFailed(connection, ETIMEDOUT, now);
    } else if (given_up || stale) {
      Close(connection);
    } else {
      ++cursor_;
      const bool in_use = state == ConnectionState::kIdle || state == ConnectionState::kBusy;
      if (renew && options_.keepalive && in_use && !connection->retiring &&
          connection->replacement == nullptr && connection->retire_at <= now && MayReplace(now)) {
        Replace(connection, now);
      }
    }
  }
}

void Pool::Recycle() {
  free_.insert(free_.end(), closed_.begin(), closed_.end());
  closed_.clear();
}

}  // namespace broadside
