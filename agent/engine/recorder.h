#pragma once

// The books of one test on one shard: every granted slot is opened once and gets exactly one
// outcome. Outcomes are counted in the interval of their due time, histograms, codes and bytes in
// the interval of done.
//
// Owned by one shard, not thread-safe. Booking and recording cost some ns and allocate nothing, as
// long as what was recorded is taken once in kDenseIntervals; each older interval that was not
// takes some KiB. The recorder itself takes about 400 KiB.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/histogram.h"
#include "common/core/limits.h"
#include "common/core/outcome.h"
#include "common/core/summary.h"

namespace broadside {

// What an exchange that went out has to say when it ends.
struct ExchangeSample {
  int64_t done_k = 0;        // interval of done; counted in the nearest from 0 to kSegmentMax
  bool timed = false;        // enters response and service time: ok, failed, timeout
  bool sent = false;         // enters send lag
  uint16_t code = 0;         // of a complete answer, kStatusMin to kStatusMax; 0 for none
  std::string_view version;  // value of the version header; empty for none
  Nanos response_time{0};    // done - intended
  Nanos service_time{0};     // done - sent
  Nanos send_lag{0};         // sent - intended
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
};

class Recorder {
 public:
  explicit Recorder(TestId test) : test_(std::move(test)) {}

  // A grant of segment k with so many slots of this shard (may be 0). REQUIRES: k ascends.
  void Open(int64_t k, int64_t slots);
  // So many slots of interval k ended so. REQUIRES: they are open.
  void Book(int64_t k, Outcome outcome, uint64_t slots = 1);
  void BookTimeout(int64_t k, TimeoutPhase phase);
  void Record(const ExchangeSample& sample);
  void RecordResend(int64_t done_k);

  // Slots that have no outcome yet.
  int64_t open() const { return open_; }
  // Everything since the last call. `closed_through` is the last interval that is over.
  TestDelta Take(int64_t closed_through);

 private:
  static constexpr size_t kDenseIntervals = 4;

  struct Due {
    int64_t k = 0;
    int64_t open = 0;
    DueSummary summary;
  };
  // One interval while it is hot: arrays instead of maps.
  struct Dense {
    int64_t k = -1;                                         // -1: unused
    DoneSummary summary;                                    // without what follows
    std::array<uint64_t, limits::kVersionsMax> versions{};  // of versions_
    std::array<uint32_t, limits::kStatusMax + 1> codes{};
    Histogram response_time;
    Histogram service_time;
    Histogram send_lag;
  };

  Due& DueOf(int64_t k);
  Dense& DenseOf(int64_t k);
  void Flush(Dense& dense);
  void CountVersion(Dense& dense, std::string_view version);

  // Constant after construction.
  TestId test_;
  // Changed by bookings.
  std::deque<Due> due_;  // ascending k; those before are settled and taken
  int64_t settled_through_ = -1;
  int64_t closed_through_ = -1;
  int64_t open_ = 0;
  std::array<Dense, kDenseIntervals> dense_;  // at index k % kDenseIntervals
  // The values seen first, so that one of these allocates nothing. Which keep their names the
  // summary decides.
  std::vector<std::string> versions_;
  TestDelta pending_;
};

// Adds what another shard says of the same test: its counts add, but a segment is settled, and an
// interval closed, only when it is on every shard.
void MergeShard(TestDelta from, std::map<TestId, TestDelta>* to);

}  // namespace broadside
