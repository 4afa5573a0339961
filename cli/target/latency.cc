#include "cli/target/latency.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>

#include "absl/strings/numbers.h"
#include "cli/target/parse.h"
#include "common/core/limits.h"
#include "common/core/status.h"

namespace broadside {

namespace {

constexpr std::string_view kAllowed =
    "none, fixed:20ms, exp:20ms, uniform:10ms-30ms or lognormal:median=20ms,sigma=0.5, with times "
    "from 0 to 1h";

absl::Status Wrong(std::string_view text, std::string_view why) {
  return InvalidArgument("--latency: '", text, "' ", why, "; allowed: ", kAllowed);
}

bool ParseTime(std::string_view text, Nanos& value) {
  const auto parsed = ParseNanos(text);
  if (!parsed || *parsed > limits::kTargetLatencyMax) return false;
  value = *parsed;
  return true;
}

absl::StatusOr<Latency> ParseLognormal(std::string_view text, std::string_view arguments) {
  Latency latency{LatencyKind::kLognormal};
  const auto pairs = ParsePairs(arguments);
  if (!pairs || pairs->size() != 2 || !pairs->contains("median") || !pairs->contains("sigma")) {
    return Wrong(text, "needs median and sigma, each once");
  }
  if (!ParseTime(pairs->at("median"), latency.base)) return Wrong(text, "has no valid median");
  if (!absl::SimpleAtod(ToAbsl(pairs->at("sigma")), &latency.sigma) ||
      !(latency.sigma >= 0 && latency.sigma <= 5)) {
    return Wrong(text, "has a sigma outside 0 to 5");
  }
  return latency;
}

}  // namespace

absl::StatusOr<Latency> ParseLatency(std::string_view text) {
  if (text == "none") return Latency{};
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return Wrong(text, "names no distribution with a time");
  const std::string_view name = text.substr(0, colon);
  const std::string_view arguments = text.substr(colon + 1);
  Latency latency;
  if (name == "lognormal") return ParseLognormal(text, arguments);
  if (name == "fixed" || name == "exp") {
    latency.kind = name == "fixed" ? LatencyKind::kFixed : LatencyKind::kExponential;
    if (!ParseTime(arguments, latency.base)) return Wrong(text, "has no valid time");
    return latency;
  }
  if (name != "uniform") return Wrong(text, "names an unknown distribution");
  latency.kind = LatencyKind::kUniform;
  const size_t dash = arguments.find('-');
  if (dash == std::string_view::npos || !ParseTime(arguments.substr(0, dash), latency.base) ||
      !ParseTime(arguments.substr(dash + 1), latency.high)) {
    return Wrong(text, "has no two valid times");
  }
  if (latency.high < latency.base) return Wrong(text, "has its times in the wrong order");
  return latency;
}

uint64_t TargetRandom::Next() {
  uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

double TargetRandom::NextUnit() { return static_cast<double>((Next() >> 11) + 1) * 0x1p-53; }

double LatencySampler::NextNormal() {
  const double radius = std::sqrt(-2 * std::log(random_.NextUnit()));
  return radius * std::cos(2 * std::numbers::pi * random_.NextUnit());
}

Nanos LatencySampler::Next() {
  const double base = static_cast<double>(latency_.base.count());
  double ns = 0;
  switch (latency_.kind) {
    case LatencyKind::kNone:
      return Nanos(0);
    case LatencyKind::kFixed:
      return latency_.base;
    case LatencyKind::kExponential:
      ns = -base * std::log(random_.NextUnit());
      break;
    case LatencyKind::kUniform:
      ns = base + random_.NextUnit() * static_cast<double>((latency_.high - latency_.base).count());
      break;
    case LatencyKind::kLognormal:
      ns = base * std::exp(latency_.sigma * NextNormal());
      break;
  }
  const double most = static_cast<double>(limits::kTargetLatencyMax.count());
  return Nanos(static_cast<int64_t>(std::clamp(ns, 0.0, most)));
}

}  // namespace broadside
