#include "common/wire/summary_proto.h"

#include <string>
#include <utility>

#include "common/core/limits.h"
#include "common/core/utf8.h"
#include "common/wire/field_check.h"

namespace broadside {
namespace {

using internal::CheckAtMost;
using internal::CheckSize;
using internal::CheckThrough;
using internal::CheckWithin;
using internal::FirstError;
using internal::Under;

constexpr uint64_t kCountMax = limits::kCountMax;

absl::Status BucketsFromProto(const v1::Histogram& proto, SparseHistogram& histogram) {
  const int size = proto.bucket_deltas_size();
  if (absl::Status s = CheckSize("bucket_deltas", size, kHistogramBuckets); !s.ok()) return s;
  if (proto.bucket_counts_size() != size) {
    return InvalidArgument("bucket_counts: ", proto.bucket_counts_size(), " entries for ", size,
                           " buckets");
  }
  histogram.buckets.reserve(static_cast<size_t>(size));
  uint64_t bucket = 0;
  for (int i = 0; i < size; ++i) {
    const uint32_t delta = proto.bucket_deltas(i);
    const uint64_t count = proto.bucket_counts(i);
    bucket += delta;
    if (bucket >= kHistogramBuckets) {
      return InvalidArgument("bucket_deltas: bucket ", bucket, " exceeds ", kHistogramBuckets - 1);
    }
    if (i > 0 && delta == 0)
      return InvalidArgument("bucket_deltas: bucket ", bucket, " comes twice");
    if (count > kCountMax) return CheckAtMost("bucket_counts", count, kCountMax);
    histogram.buckets.emplace_back(static_cast<uint16_t>(bucket), count);
  }
  return absl::OkStatus();
}

absl::Status ReadHistogram(std::string_view field, const v1::Histogram& proto,
                           SparseHistogram& out) {
  absl::StatusOr<SparseHistogram> histogram = FromProto(proto);
  if (!histogram.ok()) return Under(field, histogram.status());
  out = *std::move(histogram);
  return absl::OkStatus();
}

absl::Status ReadCodes(const v1::DoneSummary& proto, DoneSummary& summary) {
  for (const auto& [code, count] : proto.codes()) {
    if (absl::Status s = CheckWithin("codes", code, limits::kStatusMin, limits::kStatusMax);
        !s.ok()) {
      return s;
    }
    if (count > kCountMax) return CheckAtMost("codes", count, kCountMax);
    summary.codes.emplace(static_cast<uint16_t>(code), count);
  }
  return absl::OkStatus();
}

absl::Status ReadVersions(const v1::DoneSummary& proto, DoneSummary& summary) {
  // "other" comes on top.
  if (absl::Status s = CheckSize("versions", static_cast<int64_t>(proto.versions_size()),
                                 limits::kVersionsMax + 1);
      !s.ok()) {
    return s;
  }
  for (const auto& [version, count] : proto.versions()) {
    absl::Status s = FirstError(CheckAtMost("versions", version.size(), limits::kVersionBytesMax),
                                CheckAtMost("versions", count, kCountMax));
    if (!s.ok()) return s;
    summary.versions.emplace(version, count);
  }
  return absl::OkStatus();
}

// Reads ascending summaries into `out`.
template <typename Summary, typename Protos>
absl::Status ReadIntervals(std::string_view field, const Protos& protos,
                           std::map<int64_t, Summary>& out) {
  for (int i = 0; i < protos.size(); ++i) {
    const int64_t interval = protos[i].interval();
    if (!out.empty() && interval <= out.rbegin()->first) {
      return InvalidArgument(field, "[", i, "].interval: ", interval, " follows ",
                             out.rbegin()->first);
    }
    absl::StatusOr<Summary> summary = FromProto(protos[i]);
    if (!summary.ok()) return Under(field, i, summary.status());
    out.emplace_hint(out.end(), interval, *std::move(summary));
  }
  return absl::OkStatus();
}

}  // namespace

void ToProto(const SparseHistogram& histogram, v1::Histogram* proto) {
  proto->set_count(histogram.count);
  proto->set_zero_count(histogram.zero_count);
  proto->set_sum_ns(histogram.sum_nanos);
  proto->set_min_ns(histogram.min_nanos);
  proto->set_max_ns(histogram.max_nanos);
  const int size = static_cast<int>(histogram.buckets.size());
  proto->mutable_bucket_deltas()->Reserve(size);
  proto->mutable_bucket_counts()->Reserve(size);
  uint32_t before = 0;
  for (const auto& [bucket, count] : histogram.buckets) {
    proto->add_bucket_deltas(bucket - before);
    proto->add_bucket_counts(count);
    before = bucket;
  }
}

void ToProto(const DueSummary& summary, int64_t interval, v1::DueSummary* proto) {
  proto->set_interval(interval);
  size_t used = kOutcomeCount;
  while (used > 0 && summary.outcomes.count[used - 1] == 0) --used;
  for (size_t i = 0; i < used; ++i) proto->add_outcomes(summary.outcomes.count[i]);
  used = kTimeoutPhaseCount;
  while (used > 0 && summary.timeouts_by_phase[used - 1] == 0) --used;
  for (size_t i = 0; i < used; ++i) proto->add_timeouts_by_phase(summary.timeouts_by_phase[i]);
}

void ToProto(const DoneSummary& summary, int64_t interval, v1::DoneSummary* proto) {
  proto->set_interval(interval);
  proto->set_completed(summary.completed);
  for (const auto& [code, count] : summary.codes) (*proto->mutable_codes())[code] = count;
  for (const auto& [version, count] : summary.versions) {
    (*proto->mutable_versions())[ReplaceInvalidUtf8(version)] += count;
  }
  proto->set_bytes_sent(summary.bytes_sent);
  proto->set_bytes_received(summary.bytes_received);
  proto->set_resends(summary.resends);
  const SparseHistogram none;
  if (summary.response_time != none) ToProto(summary.response_time, proto->mutable_response_time());
  if (summary.service_time != none) ToProto(summary.service_time, proto->mutable_service_time());
  if (summary.send_lag != none) ToProto(summary.send_lag, proto->mutable_send_lag());
}

void ToProto(const TestDelta& delta, v1::TestSummary* proto) {
  proto->set_test(delta.test);
  for (const auto& [interval, summary] : delta.by_due)
    ToProto(summary, interval, proto->add_by_due());
  for (const auto& [interval, summary] : delta.by_done) {
    ToProto(summary, interval, proto->add_by_done());
  }
  proto->set_settled_through(delta.settled_through);
  proto->set_closed_through(delta.closed_through);
}

absl::StatusOr<SparseHistogram> FromProto(const v1::Histogram& proto) {
  SparseHistogram histogram;
  histogram.count = proto.count();
  histogram.zero_count = proto.zero_count();
  histogram.sum_nanos = proto.sum_ns();
  histogram.min_nanos = proto.min_ns();
  histogram.max_nanos = proto.max_ns();
  absl::Status s = FirstError(CheckAtMost("count", proto.count(), kCountMax),
                              CheckAtMost("zero_count", proto.zero_count(), kCountMax),
                              CheckWithin("sum_ns", proto.sum_ns(), 0, INT64_MAX),
                              CheckWithin("min_ns", proto.min_ns(), 0, limits::kClockNanosMax),
                              CheckWithin("max_ns", proto.max_ns(), 0, limits::kClockNanosMax));
  if (s.ok()) s = BucketsFromProto(proto, histogram);
  if (!s.ok()) return s;
  if (!histogram.IsConsistent()) {
    return InvalidArgument("count: ", histogram.count,
                           " samples do not agree with the buckets, or ", histogram.min_nanos,
                           " to ", histogram.max_nanos, " ns is no range");
  }
  return histogram;
}

absl::StatusOr<DueSummary> FromProto(const v1::DueSummary& proto) {
  absl::Status s = FirstError(
      CheckWithin("interval", proto.interval(), 0, limits::kSegmentMax),
      CheckSize("outcomes", proto.outcomes_size(), kOutcomeCount),
      CheckSize("timeouts_by_phase", proto.timeouts_by_phase_size(), kTimeoutPhaseCount));
  DueSummary summary;
  for (int i = 0; s.ok() && i < proto.outcomes_size(); ++i) {
    s = CheckAtMost("outcomes", proto.outcomes(i), kCountMax);
    summary.outcomes.count[static_cast<size_t>(i)] = proto.outcomes(i);
  }
  for (int i = 0; s.ok() && i < proto.timeouts_by_phase_size(); ++i) {
    s = CheckAtMost("timeouts_by_phase", proto.timeouts_by_phase(i), kCountMax);
    summary.timeouts_by_phase[static_cast<size_t>(i)] = proto.timeouts_by_phase(i);
  }
  if (!s.ok()) return s;
  return summary;
}

absl::StatusOr<DoneSummary> FromProto(const v1::DoneSummary& proto) {
  DoneSummary summary;
  summary.completed = proto.completed();
  summary.bytes_sent = proto.bytes_sent();
  summary.bytes_received = proto.bytes_received();
  summary.resends = proto.resends();
  absl::Status s =
      FirstError(CheckWithin("interval", proto.interval(), 0, limits::kSegmentMax),
                 CheckAtMost("completed", proto.completed(), kCountMax),
                 CheckAtMost("resends", proto.resends(), kCountMax),
                 CheckAtMost("bytes_sent", proto.bytes_sent(), limits::kIntervalBytesMax),
                 CheckAtMost("bytes_received", proto.bytes_received(), limits::kIntervalBytesMax));
  if (s.ok()) s = ReadCodes(proto, summary);
  if (s.ok()) s = ReadVersions(proto, summary);
  if (s.ok()) s = ReadHistogram("response_time", proto.response_time(), summary.response_time);
  if (s.ok()) s = ReadHistogram("service_time", proto.service_time(), summary.service_time);
  if (s.ok()) s = ReadHistogram("send_lag", proto.send_lag(), summary.send_lag);
  if (!s.ok()) return s;
  return summary;
}

absl::StatusOr<TestDelta> FromProto(const v1::TestSummary& proto) {
  TestDelta delta;
  delta.test = proto.test();
  delta.settled_through = proto.settled_through();
  delta.closed_through = proto.closed_through();
  absl::Status s = FirstError(internal::CheckTestId("test", proto.test()),
                              CheckThrough("settled_through", proto.settled_through()),
                              CheckThrough("closed_through", proto.closed_through()));
  if (s.ok()) s = ReadIntervals("by_due", proto.by_due(), delta.by_due);
  if (s.ok()) s = ReadIntervals("by_done", proto.by_done(), delta.by_done);
  if (!s.ok()) return s;
  return delta;
}

}  // namespace broadside
