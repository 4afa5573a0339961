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

// What thresholds on http_reqs are judged by. Outcomes come later than the time in which slots are
// due, so while a test runs its rate is that of the seconds of which all is known.
struct RequestFigures {
  uint64_t made = 0;
  uint64_t known = 0;  // of them, those due in seconds whose slots all have their outcome
  double known_s = 0;  // these seconds
  bool over = false;   // no more will be made, so that none is a figure too
};

// The value of one threshold's expression over the totals. Nothing without data.
std::optional<double> ThresholdValue(const Threshold& threshold, const Totals& totals,
                                     const RequestFigures& requests);
std::vector<ThresholdView> JudgeThresholds(const std::vector<Threshold>& thresholds,
                                           const Totals& totals, const RequestFigures& requests);

Verdict JudgeGenerator(const Totals& totals, const GeneratorHealth& health);

}  // namespace broadside
