#pragma once

// One slot on its way: from dispatch until its outcome. Lives in the list of its test in order of
// dispatch, which is also the order of deadlines, as all requests of a test have the same timeout;
// so deadlines need no timers.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/core/curve.h"
#include "common/core/time.h"

namespace broadside {

class Connection;

struct Exchange {
  Slot slot = 0;
  int64_t k = 0;  // interval of the due time
  BootTime intended{};
  BootTime dispatched{};  // the decision to send, or the start of the connect made for it
  BootTime deadline{};
  BootTime sent{};  // right before the first send; 0 until then
  Connection* connection = nullptr;
  bool on_reused = false;  // the connection has carried another exchange before
  bool resent = false;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  std::optional<WallTime> stamp;  // of the last of them, by the kernel
  // Intrusive list; `next` also links free exchanges.
  Exchange* previous = nullptr;
  Exchange* next = nullptr;

  bool was_sent() const { return sent != BootTime{}; }
};

// The exchanges of one test, oldest first. Keeps the memory of ended ones for the next, so that
// nothing is allocated once the largest number in flight was reached. Owned by one shard.
class ExchangeList {
 public:
  ExchangeList() = default;
  ~ExchangeList();
  ExchangeList(const ExchangeList&) = delete;
  ExchangeList& operator=(const ExchangeList&) = delete;

  Exchange* Append();  // a fresh one at the end
  void Remove(Exchange* exchange);
  Exchange* front() const { return front_; }
  size_t size() const { return size_; }

 private:
  Exchange* front_ = nullptr;
  Exchange* back_ = nullptr;
  Exchange* free_ = nullptr;
  size_t size_ = 0;
};

}  // namespace broadside
