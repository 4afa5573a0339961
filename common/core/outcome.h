#pragma once

// The closed set of outcomes: every slot of a test ends in exactly one (docs/methodology.md, 3).
// Value types, no thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace broadside {

// The numbers are those of the wire and of the store; never reuse or reorder one.
enum class Outcome : uint8_t {
  kOk = 0,             // complete answer, status < 400 (or as the spec says)
  kFailed = 1,         // complete answer that the spec calls a failure, by default status >= 400
  kConnectError = 2,   // no connection: refused, unreachable, name not resolved
  kTlsError = 3,       // no TLS session
  kReset = 4,          // the peer ended the connection before the answer was complete
  kProtocolError = 5,  // bytes that are no HTTP/1 answer
  kTimeout = 6,        // the deadline passed, in any phase
  kRefused = 7,        // the target policy forbids the address
  kLocalError = 8,     // no port, descriptor or buffer: the generator's fault
  kSkipped = 9,        // not sent within max_lateness of its due time
  kCancelled = 10,     // granted, unsent, then the test was stopped or the agent drained out
  kAbandoned = 11,     // sent, unanswered when the drain bound ended
  kUnassigned = 12,    // no agent owned it; booked by the controller
  kUnknown = 13,  // granted to an agent that never reported it; booked by the controller when the
                  // test becomes final
};

inline constexpr size_t kOutcomeCount = 14;

inline constexpr std::array<std::string_view, kOutcomeCount> kOutcomeNames = {
    "ok",         "failed",  "connect_error", "tls_error", "reset",     "protocol_error",
    "timeout",    "refused", "local_error",   "skipped",   "cancelled", "abandoned",
    "unassigned", "unknown"};

constexpr std::string_view OutcomeName(Outcome outcome) {
  return kOutcomeNames[static_cast<size_t>(outcome)];
}

constexpr std::optional<Outcome> OutcomeFromName(std::string_view name) {
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    if (kOutcomeNames[i] == name) return static_cast<Outcome>(i);
  }
  return std::nullopt;
}

// True when a request went out for the slot, so that it has a send lag.
constexpr bool WasSent(Outcome outcome) {
  return outcome == Outcome::kOk || outcome == Outcome::kFailed || outcome == Outcome::kReset ||
         outcome == Outcome::kProtocolError || outcome == Outcome::kAbandoned;
}

// The phase in which a request ran into its timeout; sub-counts of kTimeout.
enum class TimeoutPhase : uint8_t { kConnect = 0, kTls = 1, kSend = 2, kFirstByte = 3, kBody = 4 };
inline constexpr size_t kTimeoutPhaseCount = 5;
inline constexpr std::array<std::string_view, kTimeoutPhaseCount> kTimeoutPhaseNames = {
    "connect", "tls", "send", "first_byte", "body"};

// A count for each outcome. Adding commutes and associates.
struct OutcomeCounts {
  std::array<uint64_t, kOutcomeCount> count{};

  uint64_t& operator[](Outcome o) { return count[static_cast<size_t>(o)]; }
  uint64_t operator[](Outcome o) const { return count[static_cast<size_t>(o)]; }

  uint64_t Total() const {
    uint64_t total = 0;
    for (uint64_t c : count) total += c;
    return total;
  }
  OutcomeCounts& operator+=(const OutcomeCounts& other) {
    for (size_t i = 0; i < kOutcomeCount; ++i) count[i] += other.count[i];
    return *this;
  }
  friend bool operator==(const OutcomeCounts&, const OutcomeCounts&) = default;
};

}  // namespace broadside
