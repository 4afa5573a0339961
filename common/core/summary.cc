#include "common/core/summary.h"

#include <algorithm>
#include <iterator>

#include "common/core/check.h"
#include "common/core/limits.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

constexpr std::string_view kOther = "other";

}  // namespace

void DueSummary::Merge(const DueSummary& other) {
  outcomes += other.outcomes;
  for (size_t i = 0; i < timeouts_by_phase.size(); ++i) {
    timeouts_by_phase[i] += other.timeouts_by_phase[i];
  }
}

void DoneSummary::AddVersion(std::string_view value, uint64_t count) {
  value = value.substr(0, limits::kVersionBytesMax);
  if (const auto known = versions.find(value); known != versions.end()) {
    known->second += count;
    return;
  }
  versions[ReplaceInvalidUtf8(value)] += count;
  const size_t names = versions.size() - versions.count(kOther);
  if (names <= limits::kVersionsMax) return;
  // One name too many: the last that is not "other" itself. A name that is dropped in a part is
  // dropped in the whole too, as the whole has the same smaller names; so a name that stays was
  // never dropped anywhere.
  auto last = std::prev(versions.end());
  if (last->first == kOther) --last;
  const uint64_t dropped = last->second;
  versions.erase(last);
  versions[std::string(kOther)] += dropped;
}

void DoneSummary::Merge(const DoneSummary& other) {
  completed += other.completed;
  for (const auto& [code, count] : other.codes) codes[code] += count;
  for (const auto& [version, count] : other.versions) AddVersion(version, count);
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  resends += other.resends;
  response_time.Merge(other.response_time);
  service_time.Merge(other.service_time);
  send_lag.Merge(other.send_lag);
}

void TestDelta::Merge(const TestDelta& later) {
  if (test.empty()) test = later.test;
  BS_CHECK(test == later.test) << test << " and " << later.test;
  for (const auto& [k, summary] : later.by_due) by_due[k].Merge(summary);
  for (const auto& [k, summary] : later.by_done) by_done[k].Merge(summary);
  settled_through = std::max(settled_through, later.settled_through);
  closed_through = std::max(closed_through, later.closed_through);
}

}  // namespace broadside
