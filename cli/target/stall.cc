#include "cli/target/stall.h"

#include <map>

#include "cli/target/parse.h"
#include "common/core/limits.h"
#include "common/core/status.h"

namespace broadside {

namespace {

constexpr std::string_view kAllowed =
    "at=3s,for=1s or at=3s,for=1s,every=10s, with at up to 168h, for from 1us to 1h and every "
    "longer than for and up to 168h";

absl::Status Wrong(std::string_view text, std::string_view why) {
  return InvalidArgument("--stall: '", text, "' ", why, "; allowed: ", kAllowed);
}

}  // namespace

std::optional<Nanos> Stall::EndAt(Nanos elapsed) const {
  if (elapsed < at) return std::nullopt;
  const Nanos start = every > Nanos(0) ? at + (elapsed - at) / every * every : at;
  if (elapsed >= start + length) return std::nullopt;
  return start + length;
}

absl::StatusOr<Stall> ParseStall(std::string_view text) {
  const auto pairs = ParsePairs(text);
  if (!pairs) return Wrong(text, "is no list of key=time with each key once");
  Stall stall;
  for (const auto& [key, value] : *pairs) {
    if (key != "at" && key != "for" && key != "every") {
      return Wrong(text, Concat("has the unknown key '", key, "'"));
    }
    const auto time = ParseNanos(value);
    if (!time) return Wrong(text, Concat("has no valid time for ", key));
    (key == "at" ? stall.at : key == "for" ? stall.length : stall.every) = *time;
  }
  if (!pairs->contains("at") || !pairs->contains("for")) return Wrong(text, "needs at and for");
  if (stall.at > limits::kTestDurationMax) return Wrong(text, "starts too late");
  if (stall.length < std::chrono::microseconds(1) || stall.length > std::chrono::hours(1)) {
    return Wrong(text, "is too short or too long");
  }
  const bool repeats = pairs->contains("every");
  if (repeats && (stall.every <= stall.length || stall.every > limits::kTestDurationMax)) {
    return Wrong(text, "repeats too soon or too late");
  }
  return stall;
}

std::optional<Nanos> StallEnd(const std::vector<Stall>& stalls, Nanos elapsed) {
  std::optional<Nanos> latest;
  for (const Stall& stall : stalls) {
    const auto end = stall.EndAt(elapsed);
    if (end && (!latest || *end > *latest)) latest = end;
  }
  return latest;
}

}  // namespace broadside
