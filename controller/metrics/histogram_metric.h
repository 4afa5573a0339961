#pragma once

// A Broadside histogram as a classic Prometheus one: two buckets per doubling from 2^-13 s (0.12
// ms) to 2^6 s, +Inf apart. Bounds are bounds of the histogram itself (every 64th), so cumulative
// counts are exact. Pure function, one pass over 3,584 buckets.

#include <prometheus/client_metric.h>

#include "common/core/histogram.h"

namespace broadside {

prometheus::ClientMetric::Histogram ClassicHistogram(const Histogram& histogram);

}  // namespace broadside
