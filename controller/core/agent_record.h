#pragma once

// One agent as the controller sees it. Owned by ControllerCore, on home.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/core/fleet_messages.h"
#include "common/core/limits.h"
#include "common/core/mutant.h"
#include "controller/core/event.h"
#include "controller/core/fleet_view.h"

namespace broadside {

struct AgentRecord {
  // Identity: constant while the process lives.
  Incarnation incarnation;
  std::string name;
  uint32_t threads = 1;
  std::string version;

  // The live stream; nothing while the agent is lost. Set by Hello, cleared when the stream ends or
  // falls silent.
  std::optional<StreamId> stream;
  // The silence D that the last Welcome told it, after which it counts as gone.
  Nanos silence{0};
  // Last message on any stream; the agent is trusted with slots while this is younger than D.
  BootTime last_heard{};
  // When its last Hello was read, before any queue.
  BootTime hello_received{};
  // When it wrote that Hello, on its own clock.
  std::optional<BootTime> hello_sent;
  // When it was lost; meaningful without a stream.
  BootTime lost_at{};

  // Highest report counted: every seq up to it is in the books. Only ever rises.
  uint64_t seq = 0;

  // What the last beat said.
  Beat beat;
  bool draining = false;  // never again false: a draining process ends
  bool drain_sent = false;
  bool released = false;  // on this stream it was told that it may leave

  // Send lag of the latest report, p99.
  std::optional<double> send_lag_p99_ms;

  bool Connected() const { return stream.has_value(); }

  // May own slots of new segments.
  bool Eligible(BootTime now) const {
    return Connected() && (!draining || BROADSIDE_MUTANT("draining_agent_owns")) &&
           beat.clock_known && now - last_heard <= silence &&
           beat.clock_error <= limits::kClockErrorMax;
  }

  AgentState State() const {
    if (!Connected()) return AgentState::kLost;
    if (draining) return AgentState::kDraining;
    return beat.clock_known ? AgentState::kReady : AgentState::kJoining;
  }
};

// All agents that are connected, or were not long ago.
using Fleet = std::map<Incarnation, AgentRecord>;
// How many may own slots of new segments.
int64_t EligibleAgents(const Fleet& fleet, BootTime now);

// Figures for users; `share` and the spare state depend on the test and are the caller's.
AgentView ViewOf(const AgentRecord& agent);

}  // namespace broadside
