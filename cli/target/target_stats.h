#pragma once

// What the demo target saw. `TargetCounters` is written by its threads with relaxed atomics (about
// 5 ns each) and read at any time; `TargetStats` is a copy of it. While requests come in, the
// figures of one copy can be apart by the requests of that moment; once all are answered
//
//   requests = sum of bins + overflow = sum of by_status + dropped + pending

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/core/limits.h"
#include "common/core/time.h"

namespace broadside {

using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Nanos>;

inline constexpr Nanos kTargetBin = Millis(10);

struct TargetStats {
  uint64_t requests = 0;              // well-formed ones, outside /__target/
  std::map<int, uint64_t> by_status;  // answers of which sending began
  uint64_t pending = 0;               // not yet answered
  uint64_t dropped = 0;               // the connection ended before the answer began
  uint64_t bad_requests = 0;          // answered with 400, 431, 501 or 505; in no other figure
  uint64_t bytes_received = 0;        // of the requests, as on the wire
  uint64_t bytes_sent = 0;            // of the answers in by_status, as on the wire
  uint64_t connections_opened = 0;    // all, those that ask for stats included
  uint64_t connections_open = 0;
  uint64_t connections_refused = 0;  // closed at once: too many, or no descriptors left
  int64_t first_bin = 0;             // of the first request: its monotonic time / 10 ms
  std::vector<uint32_t> bins;        // requests by arrival, from first_bin to the last that has one
  uint64_t overflow = 0;             // requests later than 1 h after the first bin
  uint64_t slots_distinct = 0;
  uint64_t slots_duplicates = 0;    // requests with a slot seen before
  int64_t slots_max = -1;           // highest slot; -1 for none
  uint64_t slots_out_of_range = 0;  // no number, or not below 10,000,000
};

// One line of JSON: the answer of GET /__target/stats.
std::string ToJson(const TargetStats& stats);

class TargetCounters {
 public:
  TargetCounters();

  // A request was complete at `arrival`. `slot` is nothing without the header and -1 where its
  // value is no number.
  void OnRequest(SteadyTime arrival, uint64_t wire_bytes, std::optional<int64_t> slot);
  void OnAnswer(int status, uint64_t wire_bytes);
  void OnDropped() { Add(dropped_), pending_.fetch_sub(1, std::memory_order_relaxed); }
  void OnBadRequest() { Add(bad_requests_); }
  // False, and counted as refused, when too many are open.
  bool OnOpen();
  void OnClose() { connections_open_.fetch_sub(1, std::memory_order_relaxed); }
  void OnRefused() { Add(connections_refused_); }

  // When the first request came; nothing before it. Stalls run from it.
  std::optional<SteadyTime> first_request() const;
  TargetStats Snapshot() const;
  // Clears everything but the gauges (pending, connections open); the next request is the first.
  // Exact while no request comes in.
  void Reset();

 private:
  using Counter = std::atomic<uint64_t>;
  static void Add(Counter& counter, uint64_t n = 1) {
    counter.fetch_add(n, std::memory_order_relaxed);
  }
  void CountSlot(int64_t slot);
  static constexpr size_t kSlotWords = (limits::kTargetSlotsMax + 63) / 64;

  // Written by all threads, all relaxed: no figure guards another.
  std::atomic<int64_t> first_ns_{-1};
  Counter requests_{0}, dropped_{0}, bad_requests_{0}, bytes_received_{0}, bytes_sent_{0};
  Counter connections_opened_{0}, connections_refused_{0}, overflow_{0};
  Counter slots_distinct_{0}, slots_duplicates_{0}, slots_out_of_range_{0};
  std::atomic<int64_t> pending_{0}, connections_open_{0};
  std::atomic<int64_t> last_bin_{-1}, slots_max_{-1};  // -1: none
  std::array<Counter, 600> by_status_{};
  std::unique_ptr<std::atomic<uint32_t>[]> bins_;
  std::unique_ptr<Counter[]> slots_;  // one bit a slot
};

}  // namespace broadside
