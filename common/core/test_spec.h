#pragma once

// A load test as the user asked for it: validated, then immutable. Value types, no thread.
//
// common/wire reads it from JSON and protobuf; `Validate` checks ranges, so that every way in has
// the same limits and words.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/curve.h"
#include "common/core/threshold.h"
#include "common/core/time.h"

namespace broadside {

// What is wrong with one field: `pointer` is a JSON pointer (RFC 6901) into the spec, `detail`
// names value and limit.
struct FieldError {
  std::string pointer;
  std::string detail;
  friend bool operator==(const FieldError&, const FieldError&) = default;
};

struct Target {
  std::string url;   // as given
  std::string host;  // name or address, without brackets
  uint16_t port = 80;
  std::string path = "/";  // with query: the request target
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>>
      headers;  // in the order given; may override Host and User-Agent
  std::string body;
  std::string version_header;  // empty: versions are not counted
  friend bool operator==(const Target&, const Target&) = default;
};

enum class LoadModel : uint8_t { kOpen = 0, kClosed = 1 };
enum class Arrivals : uint8_t { kEven = 0, kPoisson = 1 };

struct Load {
  LoadModel model = LoadModel::kOpen;
  Arrivals arrivals = Arrivals::kEven;
  std::vector<Stage> stages;  // open
  uint64_t seed = 0;          // Poisson
  int64_t connections = 0;    // closed
  int64_t duration_ms = 0;    // closed
  friend bool operator==(const Load&, const Load&) = default;
};

struct ConnectionPolicy {
  int64_t max_per_agent = 1000;
  bool keepalive = true;
  Millis max_age{30'000};
  bool resend_idle_closed = true;
  friend bool operator==(const ConnectionPolicy&, const ConnectionPolicy&) = default;
};

enum class AgentsUse : uint8_t { kAuto = 0, kAll = 1 };

struct AgentsPolicy {
  int64_t min = 1;
  AgentsUse use = AgentsUse::kAuto;
  friend bool operator==(const AgentsPolicy&, const AgentsPolicy&) = default;
};

struct TestSpec {
  std::string name;
  Target target;
  Load load;
  Millis timeout{5'000};
  Millis max_lateness{1'000};
  ConnectionPolicy connections;
  std::vector<Threshold> thresholds;
  AgentsPolicy agents;

  int64_t DurationMs() const;
  // How many seconds after its own a slot may still end: max_lateness + timeout, rounded up, and
  // one.
  int64_t SecondsToEnd() const;
  friend bool operator==(const TestSpec&, const TestSpec&) = default;
};

// A key or index as one token of a JSON pointer: "~" is "~0", "/" is "~1".
std::string EscapePointerToken(std::string_view token);

// A rate in slots per second, in plain decimals without trailing zeros: 1500000 is "1.5".
std::string FormatMicroRate(MicroRate rate);

// All range and consistency errors of the spec, in the order of its fields; empty when it is valid.
std::vector<FieldError> Validate(const TestSpec& spec);

}  // namespace broadside
