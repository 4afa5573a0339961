#pragma once

// What Prometheus' client libraries say of their own process: CPU time, resident memory,
// descriptors, start. Read from the kernel at each call, some tens of microseconds; thread-safe.
// What cannot be read is left out.

#include <prometheus/metric_family.h>

#include <vector>

namespace broadside {

std::vector<prometheus::MetricFamily> CollectProcessMetrics();

}  // namespace broadside
