#pragma once

// Signs of the generator's own trouble, collected while a test runs and stored with it, so that a
// restart of the controller forgives nothing. A value type.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/core/time.h"

namespace broadside {

// The worst seen so far.
struct GeneratorHealth {
  int64_t agents_lost = 0;
  static constexpr size_t kLostNamed = 3;
  std::vector<std::string> lost_first;  // names of the first kLostNamed of them
  Nanos clock_error_max{0};
  Nanos loop_delay_max{0};
  // Longest run of seconds of a sending thread above limits::kCpuSaturated.
  double cpu_saturated_s = 0;
  double throttled_max = 0;  // share of throttled periods of an agent
  uint64_t ports_exhausted = 0;
  uint64_t descriptors_exhausted = 0;
  Nanos controller_loop_delay_max{0};
  double controller_throttled_max = 0;
  double controller_cpu_saturated_s = 0;  // of its home thread
  friend bool operator==(const GeneratorHealth&, const GeneratorHealth&) = default;
};

}  // namespace broadside
