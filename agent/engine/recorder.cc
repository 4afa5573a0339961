#include "agent/engine/recorder.h"

#include <algorithm>
#include <utility>

#include "common/core/check.h"
#include "common/core/mutant.h"

namespace broadside {

void Recorder::Open(int64_t k, int64_t slots) {
  BS_CHECK(due_.empty() || due_.back().k < k) << "grant of " << k << " after " << due_.back().k;
  due_.push_back({k, slots, {}});
  open_ += slots;
}

Recorder::Due& Recorder::DueOf(int64_t k) {
  const auto found = std::lower_bound(
      due_.begin(), due_.end(), k, [](const Due& due, int64_t wanted) { return due.k < wanted; });
  BS_CHECK(found != due_.end() && found->k == k) << "interval " << k << " of " << test_;
  return *found;
}

void Recorder::Book(int64_t k, Outcome outcome, uint64_t slots) {
  Due& due = DueOf(k);
  BS_CHECK(due.open >= static_cast<int64_t>(slots))
      << slots << " slots " << OutcomeName(outcome) << " of " << due.open << " in " << k;
  due.open -= static_cast<int64_t>(slots);
  open_ -= static_cast<int64_t>(slots);
  due.summary.outcomes[outcome] += slots;
}

void Recorder::BookTimeout(int64_t k, TimeoutPhase phase) {
  Book(k, Outcome::kTimeout);
  ++DueOf(k).summary.timeouts_by_phase[static_cast<size_t>(phase)];
}

Recorder::Dense& Recorder::DenseOf(int64_t k) {
  k = std::clamp<int64_t>(k, 0, limits::kSegmentMax);
  Dense& place = dense_[static_cast<size_t>(k) % kDenseIntervals];
  if (place.k != k) {
    Flush(place);
    place.k = k;
  }
  return place;
}

void Recorder::CountVersion(Dense& dense, std::string_view version) {
  size_t i = 0;
  while (i < versions_.size() && versions_[i] != version) ++i;
  if (i == limits::kVersionsMax) return dense.summary.AddVersion(version, 1);
  if (i == versions_.size()) versions_.emplace_back(version);
  ++dense.versions[i];
}

void Recorder::Record(const ExchangeSample& sample) {
  Dense& dense = DenseOf(sample.done_k);
  dense.summary.bytes_sent += sample.bytes_sent;
  dense.summary.bytes_received += sample.bytes_received;
  if (sample.code != 0) {
    ++dense.summary.completed;
    BS_CHECK(limits::kStatusMin <= sample.code && sample.code <= limits::kStatusMax) << sample.code;
    ++dense.codes[sample.code];
    if (!sample.version.empty()) CountVersion(dense, sample.version);
  }
  if (sample.timed) {
    dense.response_time.Record(sample.response_time);
    dense.service_time.Record(sample.service_time);
  }
  if (sample.sent) dense.send_lag.Record(sample.send_lag);
}

void Recorder::RecordResend(int64_t done_k) { ++DenseOf(done_k).summary.resends; }

void Recorder::Flush(Dense& dense) {
  if (dense.k < 0) return;
  DoneSummary& summary = dense.summary;
  for (size_t code = 0; code < dense.codes.size(); ++code) {
    if (dense.codes[code] != 0) summary.codes[static_cast<uint16_t>(code)] = dense.codes[code];
  }
  for (size_t i = 0; i < dense.versions.size(); ++i) {
    if (dense.versions[i] != 0) summary.AddVersion(versions_[i], dense.versions[i]);
  }
  summary.response_time = dense.response_time.Sparse();
  summary.service_time = dense.service_time.Sparse();
  summary.send_lag = dense.send_lag.Sparse();
  pending_.by_done[dense.k].Merge(summary);

  dense.k = -1;
  summary = {};
  dense.codes.fill(0);
  dense.versions.fill(0);
  dense.response_time.Clear();
  dense.service_time.Clear();
  dense.send_lag.Clear();
}

TestDelta Recorder::Take(int64_t closed_through) {
  for (Dense& dense : dense_) Flush(dense);
  for (Due& due : due_) {
    if (due.summary == DueSummary{}) continue;
    pending_.by_due[due.k].Merge(due.summary);
    due.summary = {};
  }
  const int64_t open = BROADSIDE_MUTANT("settled_too_early") ? 1 : 0;
  while (!due_.empty() && due_.front().open <= open) {
    settled_through_ = due_.front().k;
    due_.pop_front();
  }
  // Between two grants there may be segments in which this agent owns nothing.
  if (!due_.empty()) settled_through_ = std::max(settled_through_, due_.front().k - 1);
  closed_through_ = std::max(closed_through_, std::min(closed_through, limits::kSegmentMax));
  pending_.test = test_;
  pending_.settled_through = settled_through_;
  pending_.closed_through = closed_through_;
  return std::exchange(pending_, TestDelta{});
}

void MergeShard(TestDelta from, std::map<TestId, TestDelta>* to) {
  const auto [at, added] = to->try_emplace(from.test);
  if (added) {
    at->second = std::move(from);
    return;
  }
  int64_t settled = std::min(at->second.settled_through, from.settled_through);
  if (BROADSIDE_MUTANT("one_shard_settles_for_all")) settled = from.settled_through;
  const int64_t closed = std::min(at->second.closed_through, from.closed_through);
  at->second.Merge(from);
  at->second.settled_through = settled;
  at->second.closed_through = closed;
}

}  // namespace broadside
