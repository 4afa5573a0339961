#pragma once

// The messages of the fleet stream as the pure cores see them; common/wire converts them to and
// from proto/broadside/v1/fleet.proto, whose comments are the reference for their meaning. Value
// types, one owner at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/segment.h"
#include "common/core/summary.h"
#include "common/core/test_spec.h"
#include "common/core/time.h"

namespace broadside {

inline constexpr uint32_t kProtocolMajor = 1;
inline constexpr uint32_t kProtocolMinor = 0;

// 128 random bits, one per agent process. Names are labels; this is the identity.
struct Incarnation {
  uint64_t hi = 0;
  uint64_t lo = 0;
  friend auto operator<=>(const Incarnation&, const Incarnation&) = default;
};
// 32 hex digits.
std::string ToString(const Incarnation& incarnation);
std::optional<Incarnation> IncarnationFromString(std::string_view text);

// ---- agent to controller ----

// What an agent holds of one test when it (re)connects.
struct HeldTest {
  TestId test;
  int64_t plan_through = -1;  // segment of the last grant it holds; -1 for none
  uint64_t last_hash = 0;     // GrantHash of that grant; 0 for none
  TestTime tau{};             // its test time at the moment of sending
  Nanos tau_error{0};         // how far tau may be off
  friend bool operator==(const HeldTest&, const HeldTest&) = default;
};

struct Hello {
  uint32_t protocol_major = kProtocolMajor;
  uint32_t protocol_minor = kProtocolMinor;
  Incarnation incarnation;
  std::string name;
  uint32_t threads = 1;    // its weight
  std::string version;     // of the program, for people
  std::string store_uuid;  // of the controller that it last served; empty for none
  uint64_t epoch = 0;
  std::vector<HeldTest> tests;
  bool draining = false;
  std::optional<BootTime> sent;  // agent's clock when it took each tau; absent: it does not say
  friend bool operator==(const Hello&, const Hello&) = default;
};

// Clock exchange, as NTP: the controller answers with its own two stamps.
struct Beat {
  BootTime agent_sent{};          // agent's clock, right before the message was written
  Nanos loop_delay{0};            // worst delay of the home and shard loops since the last beat
  double cpu_fraction = 0;        // of the busiest shard thread since the last beat, 0 to 1
  double throttled_fraction = 0;  // of the periods in which the cgroup was throttled
  Nanos cursor_lag{0};            // how far the slowest shard is behind its due slots
  Nanos clock_offset{0};          // agent's clock minus the controller's
  Nanos clock_error{0};           // how far its test time can be off
  bool clock_known = false;
  uint64_t ports_exhausted = 0;  // local errors since the start, by reason
  uint64_t descriptors_exhausted = 0;
  std::optional<double> capacity_rps;  // what it could send; nothing until it was measured
  bool draining = false;
  struct Plan {
    TestId test;
    int64_t plan_through = -1;
    friend bool operator==(const Plan&, const Plan&) = default;
  };
  std::vector<Plan> plans;
  friend bool operator==(const Beat&, const Beat&) = default;
};

// Results since the last report. (incarnation, seq) is its key: one gapless sequence from 1 for all
// tests, never the epoch.
struct Report {
  uint64_t seq = 0;
  std::vector<TestDelta> tests;
  friend bool operator==(const Report&, const Report&) = default;
};

// One message of the stream; a Hello comes first and alone, any other carries a beat.
struct AgentMessage {
  std::optional<Hello> hello;
  std::optional<Beat> beat;
  std::optional<Report> report;
  std::vector<TestId> cut_done;  // no further request will be sent for these
  friend bool operator==(const AgentMessage&, const AgentMessage&) = default;
};

// ---- controller to agent ----

struct Welcome {
  uint32_t protocol_major = kProtocolMajor;
  uint32_t protocol_minor = kProtocolMinor;
  std::string store_uuid;
  uint64_t epoch = 0;
  uint64_t nonce = 0;      // of this controller process
  uint64_t acked_seq = 0;  // highest report of this incarnation that is durable
  Millis beat_interval{500};
  Millis report_interval{500};
  Millis silence{2000};  // D: either side that hears nothing for D + 1 s cancels
  std::string version;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};

enum class RejectReason : uint8_t {
  kUnspecified = 0,
  kBusy = 1,      // too many Hellos; come back after retry_after
  kProtocol = 2,  // other major version; retrying does not help
  kInvalid = 3,   // the Hello breaks a limit
  kFleetFull = 6,
};

struct Reject {
  RejectReason reason = RejectReason::kUnspecified;
  std::string detail;     // one line for the agent's log
  Millis retry_after{0};  // 0: the agent's own backoff
  friend bool operator==(const Reject&, const Reject&) = default;
};

struct TestStart {
  TestId test;
  std::shared_ptr<const TestSpec> spec;
  BootTime t0{};     // T0 on the controller's clock
  bool cut = false;  // the test is stopping: send nothing, book what is granted as cancelled
};

struct TestGrant {
  TestId test;
  std::vector<Grant> grants;  // ascending k
  friend bool operator==(const TestGrant&, const TestGrant&) = default;
};

// The agent will own nothing of the test beyond segment `through`.
struct Released {
  TestId test;
  int64_t through = -1;
  friend bool operator==(const Released&, const Released&) = default;
};

struct BeatReply {
  BootTime agent_sent{};           // echoed
  BootTime controller_received{};  // controller's clock
  BootTime controller_sent{};
  friend bool operator==(const BeatReply&, const BeatReply&) = default;
};

// All that the controller has for one agent in a tick. Handled in the order of the fields.
struct ControllerMessage {
  std::optional<Welcome> welcome;
  std::optional<Reject> reject;
  std::vector<TestStart> tests;
  std::vector<TestGrant> grants;
  std::optional<uint64_t> ack;  // highest durable seq
  std::vector<TestId> cuts;     // stop at once
  std::vector<Released> released;
  std::vector<TestId> finals;  // the test is over: forget it
  std::optional<BeatReply> beat_reply;
  bool drain = false;  // finish what is granted, report it and exit, as after SIGTERM
  // The answer to a drain: nothing of any test follows, so that it may leave when it has finished.
  bool may_leave = false;
};

}  // namespace broadside
