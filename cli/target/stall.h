#pragma once

// When the demo target stalls: time runs from the first request that it saw. Value types, pure.

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/time.h"

namespace broadside {

// Stalled in [at, at + length), and with `every` above 0 again each `every` after.
struct Stall {
  Nanos at{0};
  Nanos length{0};
  Nanos every{0};
  // The end of the stall that holds `elapsed`, or nothing.
  std::optional<Nanos> EndAt(Nanos elapsed) const;
  friend bool operator==(const Stall&, const Stall&) = default;
};

// `at=3s,for=1s` or `at=3s,for=1s,every=10s`. An error names the option --stall, the value and what
// is allowed.
absl::StatusOr<Stall> ParseStall(std::string_view text);

// The latest end of the stalls that hold `elapsed`, or nothing.
std::optional<Nanos> StallEnd(const std::vector<Stall>& stalls, Nanos elapsed);

}  // namespace broadside
