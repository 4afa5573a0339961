#pragma once

// What the demo target is told to do, and the text forms of it as the command line takes them.
// Value types, pure. Errors name the option, the value and what is allowed.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/target/latency.h"
#include "cli/target/stall.h"

namespace broadside {

struct ListenAddress {
  std::string address = "127.0.0.1";  // a numeric IPv4 or IPv6 address
  uint16_t port = 0;                  // 0: any free port
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

struct VersionHeader {
  std::string name = "X-Version";
  std::string value;  // empty: no such header is sent
  friend bool operator==(const VersionHeader&, const VersionHeader&) = default;
};

struct TargetOptions {
  ListenAddress listen;
  Latency latency;
  std::vector<Stall> stalls;
  double error_rate = 0;  // fraction of requests answered with 503
  size_t body_bytes = 5;  // of an answer with 200
  VersionHeader version;
  int threads = 1;
  uint64_t seed = 1;  // of latencies and errors; thread i uses seed + i
};

// --listen: `127.0.0.1:8000`, `localhost:8000`, `[::1]:8000` or `:8000` (all IPv4 addresses of the
// machine).
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);
// --error-rate: a fraction `0.01` or a percentage `1%`.
absl::StatusOr<double> ParseErrorRate(std::string_view text);
// --body-size: bytes `1024`, or with a unit `64KiB`, `10MiB`; up to 64 MiB.
absl::StatusOr<size_t> ParseBodySize(std::string_view text);
// --version-header: `0.2` (then the name is X-Version) or `X-Version: 0.2`.
absl::StatusOr<VersionHeader> ParseVersionHeader(std::string_view text);

// The first value out of its bounds, for options that were not parsed.
absl::Status Validate(const TargetOptions& options);

}  // namespace broadside
