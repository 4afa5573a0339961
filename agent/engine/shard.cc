#include "agent/engine/shard.h"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "common/core/status.h"
#include "common/net/clock.h"

namespace broadside {
namespace {

constexpr Nanos kNapMax = Millis(1);                      // the mailbox is not read in a nap
constexpr Nanos kGather = std::chrono::microseconds(50);  // stays below in flight x server time
constexpr size_t kFullTurn = 8;                           // events

void Nap(Nanos duration) {
  timespec time{};
  time.tv_nsec = duration.count();
  // tidy: allow(sleep) the gather of ADR 2, at most 50 us and never past a due slot
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

// Adds the totals of a test's pool.
void AddTotals(const PoolStats& from, EngineStats* to) {
  to->connections_opened += from.opened;
  to->connects_failed += from.connects_failed;
  to->replaced += from.replaced;
  to->ports_exhausted += from.ports_exhausted;
  to->descriptors_exhausted += from.descriptors_exhausted;
}

}  // namespace

Shard::Shard(int index) : index_(index) {
  // Cannot fail: it is the first descriptor of the set.
  resources_.poller.Add(mailbox_.event_fd(), nullptr);
  thread_ = std::thread([this] { Run(); });
}

Shard::~Shard() { Stop(); }

bool Shard::Post(std::function<void(Shard&)> message) {
  return mailbox_.Post([this, message = std::move(message)] { message(*this); });
}

void Shard::Stop() {
  if (!thread_.joinable()) return;
  mailbox_.Post([this] { stopping_ = true; });
  mailbox_.Close();
  thread_.join();
}

void Shard::Add(const TestId& test, std::unique_ptr<ShardLoad> run) {
  Remove(test);
  runs_.emplace(test, std::move(run));
}

void Shard::Remove(const TestId& test) {
  const auto found = runs_.find(test);
  if (found == runs_.end()) return;
  AddTotals(found->second->pool().stats(), &gone_);
  runs_.erase(found);
}

ShardLoad* Shard::Find(const TestId& test) {
  const auto found = runs_.find(test);
  return found == runs_.end() ? nullptr : found->second.get();
}

void Shard::Run() {
  prctl(PR_SET_NAME, Concat("shard-", index_).c_str());
  // Without this a wait of the normal class ends 50 us late.
  prctl(PR_SET_TIMERSLACK, 1);
  now_ = tick_ = BootNow();
  cpu_.TakeFraction();
  while (!stopping_) Turn();
  runs_.clear();
}

void Shard::Turn() {
  for (auto& [id, run] : runs_) {
    run->Fire(now_);
    cursor_lag_ = std::max(cursor_lag_, run->Lag(now_));
  }
  for (auto& [id, run] : runs_) run->SendReady(now_);

  bool mail = false;
  const std::span<const epoll_event> events = Wait();
  resources_.stamps.Refresh(now_);
  for (const epoll_event& event : events) {
    auto* connection = static_cast<Connection*>(event.data.ptr);
    if (connection == nullptr) {
      mail = true;
    } else {
      connection->run->OnEvents(connection, event.events, now_);
    }
  }
  for (auto& [id, run] : runs_) run->ReadMore(now_);
  // Also when the set was full: a shard at its limit may never see another. What is there to be
  // read of an exchange that is over is read first.
  for (auto& [id, run] : runs_) run->Expire(now_);
  if (now_ >= maintain_at_) Maintain();
  if (mail) ReadMailbox();
}

BootTime Shard::NextWake() const {
  BootTime wake = runs_.empty() ? BootTime::max() : maintain_at_;
  for (const auto& [id, run] : runs_) wake = std::min(wake, run->NextWake(now_));
  return wake;
}

bool Shard::Gathers() const {
  return std::any_of(runs_.begin(), runs_.end(),
                     [](const auto& entry) { return entry.second->MeanGap() < kWakeGap; });
}

// How long to sleep without looking at the poller, so that sends and answers come in batches.
Nanos Shard::NapBefore(Nanos timeout) const {
  if (timeout <= Nanos(0) || !Gathers()) return Nanos(0);
  // Until the next slots are due; answers that come meanwhile are read then.
  if (timeout <= kNapMax) return timeout;
  // All connections are busy: only answers can go on. A full turn shows that no nap is needed.
  return events_last_ < kFullTurn ? kGather : Nanos(0);
}

std::span<const epoll_event> Shard::Wait() {
  BootTime wake = NextWake();
  if (wake > now_ && wake != BootTime::max() && Gathers()) wake = std::max(wake, tick_);
  const BootTime before = BootNow();
  Nanos timeout = wake == BootTime::max() ? Nanos(Seconds(60)) : wake - before;
  const Nanos nap = NapBefore(timeout);
  if (nap > Nanos(0)) {
    Nap(nap);
    timeout -= nap;
  }
  const std::span<const epoll_event> events = resources_.poller.Wait(timeout);
  events_last_ = events.size();
  now_ = BootNow();
  // Ticks stand on a grid: counted from the wake-up they would come later by its delay each time.
  if (now_ >= tick_) tick_ += kWakeGap * ((now_ - tick_) / kWakeGap + 1);
  if (wake > before) loop_delay_ = std::max(loop_delay_, now_ - wake);
  return events;
}

void Shard::Maintain() {
  maintain_at_ = now_ + kMaintainEvery;
  for (auto& [id, run] : runs_) run->Maintain(now_);
}

void Shard::ReadMailbox() {
  for (const std::function<void()>& message : mailbox_.TakeAll()) message();
}

std::vector<TestDelta> Shard::TakeDeltas() {
  std::vector<TestDelta> deltas;
  std::vector<TestId> abandoned;
  for (const auto& [test, run] : runs_) {
    deltas.push_back(run->Take(now_));
    if (run->abandoned()) abandoned.push_back(test);
  }
  for (const TestId& test : abandoned) Remove(test);
  return deltas;
}

EngineStats Shard::TakeStats() {
  EngineStats stats = gone_;
  for (const auto& [id, run] : runs_) {
    AddTotals(run->pool().stats(), &stats);
    stats.connections_open += run->pool().size();
    stats.in_flight += run->in_flight();
  }
  stats.requests_sent = resources_.requests_sent;
  stats.stamps_clamped = resources_.stamps_clamped;
  stats.loop_delay = std::exchange(loop_delay_, Nanos(0));
  stats.cursor_lag = std::exchange(cursor_lag_, Nanos(0));
  stats.cpu_fraction = cpu_.TakeFraction();
  return stats;
}

}  // namespace broadside
