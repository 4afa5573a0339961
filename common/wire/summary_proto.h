#pragma once

// Summaries <-> broadside.v1 messages: counts and buckets. Pure functions, any thread; linear in
// the number of buckets, one copy of each.
//
// FromProto takes nothing on trust: it refuses what breaks limits.h, is out of order or contradicts
// itself, with INVALID_ARGUMENT "path: value and limit".

#include "absl/status/statusor.h"
#include "broadside/v1/summary.pb.h"
#include "common/core/summary.h"

namespace broadside {

void ToProto(const SparseHistogram& histogram, v1::Histogram* proto);
void ToProto(const DueSummary& summary, int64_t interval, v1::DueSummary* proto);
// Versions that are not valid UTF-8 cross as printable text: a strict reader would refuse the whole
// message.
void ToProto(const DoneSummary& summary, int64_t interval, v1::DoneSummary* proto);
void ToProto(const TestDelta& delta, v1::TestSummary* proto);

absl::StatusOr<SparseHistogram> FromProto(const v1::Histogram& proto);
// The interval is in the message.
absl::StatusOr<DueSummary> FromProto(const v1::DueSummary& proto);
absl::StatusOr<DoneSummary> FromProto(const v1::DoneSummary& proto);
// Intervals ascend.
absl::StatusOr<TestDelta> FromProto(const v1::TestSummary& proto);

}  // namespace broadside
