#pragma once

// Judges a test by its merged data: the thresholds of its spec, and a verdict on the generator
// itself (can these figures be trusted?). Pure functions; cost is a few quantiles of a dense
// histogram (some microseconds each).

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/core/fleet_view.h"
#include "controller/core/generator_health.h"

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

Verdict JudgeGenerator(const Totals& totals, const GeneratorHealth& health);

}  // namespace broadside
