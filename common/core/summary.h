#pragma once

// What agents report: per test and interval, counts and buckets only, never a mean, never a
// percentile.
//
// Outcomes are booked in the interval of the *due* time (so that each interval balances);
// histograms, completions, codes and bytes in the interval of *done*. Adding deltas commutes and
// associates: the same delta in any split gives the same totals. Value types, one owner at a time.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "common/core/histogram.h"
#include "common/core/outcome.h"

namespace broadside {

using TestId = std::string;

// Counters by due interval.
struct DueSummary {
  OutcomeCounts outcomes;
  std::array<uint64_t, kTimeoutPhaseCount> timeouts_by_phase{};

  void Merge(const DueSummary& other);
  friend bool operator==(const DueSummary&, const DueSummary&) = default;
};

// Values of the version header, valid UTF-8 of at most kVersionBytesMax bytes. Written by
// AddVersion.
using VersionCounts = std::map<std::string, uint64_t, std::less<>>;

// Counters by done interval.
struct DoneSummary {
  uint64_t completed = 0;  // complete answers: ok and failed
  std::map<uint16_t, uint64_t> codes;
  VersionCounts versions;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t resends = 0;
  SparseHistogram response_time;  // done - intended; ok, failed, and timeouts at their deadline
  SparseHistogram service_time;   // done - sent; the same requests
  SparseHistogram send_lag;       // sent - intended; every sent slot

  // Counts a value of the version header, cut to kVersionBytesMax, with "?" for bytes that are no
  // UTF-8. The kVersionsMax values that sort first keep their names, the rest become "other":
  // unlike first come, first kept, that gives the same in any order and split. Allocates nothing
  // for a value that is there.
  void AddVersion(std::string_view value, uint64_t count);
  void Merge(const DoneSummary& other);
  friend bool operator==(const DoneSummary&, const DoneSummary&) = default;
};

// What one agent (or shard) has to say of one test since it last spoke.
struct TestDelta {
  TestId test;
  std::map<int64_t, DueSummary> by_due;    // by interval
  std::map<int64_t, DoneSummary> by_done;  // by interval
  // All slots granted to the agent in segments <= this have their outcome in this or an earlier
  // delta; -1 for none. Never goes back.
  int64_t settled_through = -1;
  // Every answer done in an interval <= this is in this or an earlier delta (later stragglers are
  // still counted, but change no closed figure); -1 for none.
  int64_t closed_through = -1;

  // Adds `later`, the delta of the same test that follows this one or comes from another source; a
  // new TestDelta takes its test. settled_through and closed_through become the larger.
  void Merge(const TestDelta& later);
  bool Empty() const { return by_due.empty() && by_done.empty(); }
  friend bool operator==(const TestDelta&, const TestDelta&) = default;
};

}  // namespace broadside
