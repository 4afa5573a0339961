#pragma once

// Judges a test by its merged data: the thresholds of its spec, and a verdict on the generator
// itself (can these figures be trusted?). Pure functions; cost is a few quantiles of a dense
// histogram (some microseconds each).

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/core/fleet_view.h"

namespace broadside {

// Requests that went out or tried to: the outcomes other than skipped, cancelled, refused,
// local_error, unassigned and unknown.
uint64_t RequestsMade(const OutcomeCounts& outcomes);

// The value of one threshold's expression over the totals; `elapsed_s` is the test time begun so
// far. Nothing without data.
std::optional<double> ThresholdValue(const Threshold& threshold, const Totals& totals,
                                     double elapsed_s);
std::vector<ThresholdView> JudgeThresholds(const std::vector<Threshold>& thresholds,
                                           const Totals& totals, double elapsed_s);

// Worst signs of the generator's own trouble seen in a test so far.
struct GeneratorHealth {
  int64_t agents_lost = 0;
  Nanos clock_error_max{0};
  Nanos loop_delay_max{0};
  double cpu_saturated_s =
      0;  // longest run of seconds of a sending thread above limits::kCpuSaturated
  double throttled_max = 0;  // worst share of throttled periods of an agent
  uint64_t ports_exhausted = 0;
  uint64_t descriptors_exhausted = 0;
  Nanos controller_loop_delay_max{0};
  double controller_throttled_max = 0;
};

Verdict JudgeGenerator(const Totals& totals, const GeneratorHealth& health);

}  // namespace broadside
