#include "common/net/cpu_throttle.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace broadside {
namespace {

constexpr char kVersion2[] = "/sys/fs/cgroup/cpu.stat";
constexpr char kVersion1[] = "/sys/fs/cgroup/cpu/cpu.stat";

std::string FindCpuStat() {
  std::error_code error;
  return std::filesystem::exists(kVersion2, error) ? kVersion2 : kVersion1;
}

// The number behind `key ` at the start of a line.
std::optional<uint64_t> Field(std::string_view text, std::string_view key) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    uint64_t value = 0;
    const char* first = line.data() + key.size() + 1;
    const auto [rest, error] = std::from_chars(first, line.data() + line.size(), value);
    if (error == std::errc() && rest == line.data() + line.size()) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ThrottleCounts> ParseCpuStat(std::string_view text) {
  const std::optional<uint64_t> periods = Field(text, "nr_periods");
  const std::optional<uint64_t> throttled = Field(text, "nr_throttled");
  if (!periods || !throttled) return std::nullopt;
  return ThrottleCounts{*periods, *throttled};
}

CpuThrottle::CpuThrottle() : CpuThrottle(FindCpuStat()) {}

double CpuThrottle::TakeFraction() {
  std::ifstream file(path_);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::optional<ThrottleCounts> now = ParseCpuStat(text);
  const std::optional<ThrottleCounts> before = std::exchange(last_, now);
  if (!now || !before || now->periods <= before->periods || now->throttled < before->throttled) {
    return 0;
  }
  return static_cast<double>(now->throttled - before->throttled) /
         static_cast<double>(now->periods - before->periods);
}

}  // namespace broadside
