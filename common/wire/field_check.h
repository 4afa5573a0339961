#pragma once

// Checks of single fields of messages that come from a peer, for the converters of this folder.
// Errors are INVALID_ARGUMENT, "field: value and limit"; `Under` puts the path of the enclosing
// message before it on the way up, so that a good message builds no strings.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside::internal {

inline absl::Status Under(std::string_view field, const absl::Status& status) {
  if (status.ok()) return status;
  return InvalidArgument(field, ".", ToStd(status.message()));
}
inline absl::Status Under(std::string_view field, int64_t index, const absl::Status& status) {
  if (status.ok()) return status;
  return InvalidArgument(field, "[", index, "].", ToStd(status.message()));
}

inline absl::Status CheckWithin(std::string_view field, int64_t value, int64_t min, int64_t max) {
  if (value < min) return InvalidArgument(field, ": ", value, " is below ", min);
  if (value > max) return InvalidArgument(field, ": ", value, " exceeds ", max);
  return absl::OkStatus();
}

inline absl::Status CheckAtMost(std::string_view field, uint64_t value, uint64_t max) {
  if (value > max) return InvalidArgument(field, ": ", value, " exceeds ", max);
  return absl::OkStatus();
}

// A length of time in ns that a peer measured.
inline absl::Status CheckNanos(std::string_view field, int64_t value) {
  return CheckWithin(field, value, 0, limits::kClockNanosMax);
}
// A stamp or an offset.
inline absl::Status CheckStamp(std::string_view field, int64_t value) {
  return CheckWithin(field, value, -limits::kClockNanosMax, limits::kClockNanosMax);
}
// The number of a segment or interval, or -1 for none.
inline absl::Status CheckThrough(std::string_view field, int64_t value) {
  return CheckWithin(field, value, -1, limits::kSegmentMax);
}

inline absl::Status CheckSize(std::string_view field, int64_t size, int64_t max) {
  if (size > max) return InvalidArgument(field, ": ", size, " entries exceed ", max);
  return absl::OkStatus();
}

// A text that may be shown or logged: bounded and printable.
inline absl::Status CheckText(std::string_view field, std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return InvalidArgument(field, ": ", text.size(), " bytes exceed ", bytes_max);
  }
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::optional<char32_t> c = NextCodePoint(rest);
    if (!c || !IsPrintable(*c)) {
      return InvalidArgument(field, ": ", Quoted(text), " is not printable");
    }
  }
  return absl::OkStatus();
}

inline absl::Status CheckTestId(std::string_view field, std::string_view id) {
  if (id.empty()) return InvalidArgument(field, ": is empty");
  return CheckText(field, id, limits::kTestIdBytesMax);
}

// The first error of several checks.
template <typename... Statuses>
absl::Status FirstError(const Statuses&... statuses) {
  absl::Status first;
  (void)((statuses.ok() || (first = statuses, false)) && ...);
  return first;
}

}  // namespace broadside::internal
