#include "controller/metrics/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

namespace broadside {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

double ToSeconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::optional<double> CpuSeconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return std::nullopt;
  return ToSeconds(usage.ru_utime) + ToSeconds(usage.ru_stime);
}

std::optional<double> ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  if (!(file >> total >> resident)) return std::nullopt;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::optional<double> OpenFds() {
  const auto close = [](DIR* dir) { closedir(dir); };
  const std::unique_ptr<DIR, decltype(close)> dir(opendir("/proc/self/fd"), close);
  if (dir == nullptr) return std::nullopt;
  int count = -1;  // its own descriptor
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

std::optional<double> MaxFds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

// Field `number` of /proc/self/stat, from 3; the name in field 2 may hold spaces, so fields are
// counted from behind it.
std::optional<double> StatField(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  size_t at = line.rfind(')');
  for (int field = 2; field < number && at != std::string::npos; ++field) {
    at = line.find(' ', at + 1);
  }
  if (at == std::string::npos) return std::nullopt;
  return static_cast<double>(std::strtoull(line.c_str() + at, nullptr, 10));
}

std::optional<double> StartTimeSeconds() {
  const auto ticks = StatField(22);  // since boot
  std::ifstream file("/proc/stat");
  std::string word;
  while (ticks.has_value() && file >> word) {
    double boot = 0;
    if (word == "btime" && file >> boot) {
      return boot + *ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
  }
  return std::nullopt;
}

void Add(std::vector<MetricFamily>& families, MetricType type, const char* name, const char* help,
         std::optional<double> value) {
  if (!value.has_value()) return;
  prometheus::ClientMetric metric;
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
  families.push_back({name, help, type, {metric}});
}

}  // namespace

std::vector<MetricFamily> CollectProcessMetrics() {
  std::vector<MetricFamily> families;
  Add(families, MetricType::Counter, "process_cpu_seconds_total",
      "CPU time of the process, user and system.", CpuSeconds());
  Add(families, MetricType::Gauge, "process_resident_memory_bytes", "Resident memory.",
      ResidentBytes());
  Add(families, MetricType::Gauge, "process_open_fds", "Open file descriptors.", OpenFds());
  Add(families, MetricType::Gauge, "process_max_fds", "Most file descriptors that may be open.",
      MaxFds());
  Add(families, MetricType::Gauge, "process_start_time_seconds",
      "When the process started, seconds since the Unix epoch.", StartTimeSeconds());
  Add(families, MetricType::Gauge, "process_threads", "Threads of the process.", StatField(20));
  return families;
}

}  // namespace broadside
