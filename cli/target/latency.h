#pragma once

// The time the demo target takes to answer: a distribution, its text form and a sampler. Value
// types, no thread. A sample costs some 10 to 40 ns.

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/core/time.h"

namespace broadside {

enum class LatencyKind : uint8_t { kNone, kFixed, kExponential, kUniform, kLognormal };

struct Latency {
  LatencyKind kind = LatencyKind::kNone;
  Nanos base{0};     // fixed: the value; exponential: mean; uniform: lowest; lognormal: median
  Nanos high{0};     // uniform: highest
  double sigma = 0;  // lognormal: of the logarithm
  friend bool operator==(const Latency&, const Latency&) = default;
};

// `none`, `fixed:20ms`, `exp:20ms` (mean), `uniform:10ms-30ms` or
// `lognormal:median=20ms,sigma=0.5`. An error names the option --latency, the value and what is
// allowed.
absl::StatusOr<Latency> ParseLatency(std::string_view text);

// SplitMix64: 2^64 numbers in a fixed order for a seed, the same on every machine.
class TargetRandom {
 public:
  explicit TargetRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  // Uniform in (0, 1], in steps of 2^-53: its logarithm is finite.
  double NextUnit();

 private:
  uint64_t state_;
};

// Draws from one distribution; values are cut to [0, limits::kTargetLatencyMax].
//   exponential  -mean * ln(u)
//   lognormal    median * e^(sigma * z), z standard normal by Box-Muller
class LatencySampler {
 public:
  LatencySampler(const Latency& latency, uint64_t seed) : latency_(latency), random_(seed) {}
  Nanos Next();

 private:
  double NextNormal();
  Latency latency_;
  TargetRandom random_;
};

}  // namespace broadside
