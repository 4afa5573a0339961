#pragma once

// Records <-> the blobs of the store: a version byte, then a message of proto/broadside/store/v1.
// Pure functions, any thread; linear in the size of the record.
//
// Reading takes nothing on trust: a blob that is cut, of another version or out of range is
// DATA_LOSS.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/core/store_records.h"

namespace broadside {

// The pieces, sums, verdict, thresholds and agents of a test.
std::string ResultBlob(const TestRecord& test);
absl::Status ReadResultBlob(std::string_view blob, TestRecord* test);

std::string PartitionBlob(const std::vector<Owner>& owners);
absl::StatusOr<std::vector<Owner>> ReadPartitionBlob(std::string_view blob);

// All but k and revision.
std::string IntervalBlob(const IntervalView& interval);
absl::Status ReadIntervalBlob(std::string_view blob, IntervalView* interval);

std::string LedgerBlob(const std::vector<LedgerRecord>& records);
absl::StatusOr<std::vector<LedgerRecord>> ReadLedgerBlob(std::string_view blob);

}  // namespace broadside
