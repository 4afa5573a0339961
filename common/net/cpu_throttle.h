#pragma once

// How often the kernel took the CPU away because a limit of the cgroup was used up: a container
// with a CPU limit stalls by tens of milliseconds without any other sign, and it shows as send lag.
// Reads nr_periods and nr_throttled of a cpu.stat (cgroup v2, or v1's cpu controller). Not
// thread-safe. A reading costs some 10 us.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace broadside {

struct ThrottleCounts {
  uint64_t periods = 0;
  uint64_t throttled = 0;
  friend bool operator==(const ThrottleCounts&, const ThrottleCounts&) = default;
};

// Nothing when the text does not count periods: no limit is set.
std::optional<ThrottleCounts> ParseCpuStat(std::string_view text);

class CpuThrottle {
 public:
  // The cgroup of this process as a container sees it.
  CpuThrottle();
  explicit CpuThrottle(std::string path) : path_(std::move(path)) {}
  // The share of the periods since the last call in which the cgroup was throttled, 0 to 1; 0 at
  // the first call and without a limit.
  double TakeFraction();

 private:
  const std::string path_;
  std::optional<ThrottleCounts> last_;
};

}  // namespace broadside
