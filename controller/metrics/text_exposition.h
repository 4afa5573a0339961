#pragma once

// Prometheus' text exposition format 0.0.4 of metric families. Unlike the serializer of
// prometheus-cpp it writes each number in the fewest digits that read back as the same double, so
// that bucket bounds are exact and short ("0.000172633", not "0.00017263300000000001"). Pure
// function; linear in the output.

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace broadside {

inline constexpr char kTextExpositionType[] = "text/plain; version=0.0.4; charset=utf-8";

// Families without a sample are left out.
std::string ToTextExposition(const std::vector<prometheus::MetricFamily>& families);

}  // namespace broadside
