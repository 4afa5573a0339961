#include "cli/target/parse.h"

#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/core/status.h"

namespace broadside {

std::optional<Nanos> ParseNanos(std::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(ToAbsl(text), &duration)) return std::nullopt;
  // 10^9 s is far above every limit and far below what 64 bits of nanoseconds hold.
  if (duration < absl::ZeroDuration() || duration > absl::Seconds(1'000'000'000)) {
    return std::nullopt;
  }
  return Nanos(absl::ToInt64Nanoseconds(duration));
}

std::optional<std::map<std::string_view, std::string_view>> ParsePairs(std::string_view text) {
  std::map<std::string_view, std::string_view> pairs;
  for (absl::string_view part : absl::StrSplit(ToAbsl(text), ',')) {
    const size_t equals = part.find('=');
    if (equals == absl::string_view::npos) return std::nullopt;
    const std::string_view key = ToStd(part.substr(0, equals));
    if (!pairs.emplace(key, ToStd(part.substr(equals + 1))).second) return std::nullopt;
  }
  return pairs;
}

}  // namespace broadside
