#pragma once

// One test as an agent holds it: the clock it runs on, how far its plan reaches, what has become of
// it. Value type, owned by AgentCore.
//
// Life: known (TestStart came) -> started (the clock is known: the engine has it) -> cut, released,
// settled, in any order -> forgotten (Final came).

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/core/clock_map.h"
#include "common/core/segment.h"
#include "common/core/test_spec.h"
#include "common/core/time.h"

namespace broadside {

struct TestHolding {
  std::shared_ptr<const TestSpec> spec;

  // T0 on the clock of the controller process that we are connected to; nothing until that process
  // has said it.
  std::optional<BootTime> t0;
  // Nothing until the test is started. Anchored once, then it only slews.
  std::optional<ClockMap> clock;

  // The last grant taken; grants up to it are ignored when they come again.
  int64_t plan_through = -1;
  uint64_t last_hash = 0;
  // Grants that came before the clock was known, for the engine when it starts.
  std::vector<Grant> waiting;
  // The controller will grant nothing beyond this segment.
  std::optional<int64_t> released_through;

  // From the engine: all slots granted in segments up to this one have their outcome.
  int64_t settled_through = -1;
  bool cut = false;       // the engine was told to send nothing more
  bool cut_done = false;  // the engine sends nothing more

  bool Settled() const { return settled_through >= plan_through; }
  // Nothing of it is to be waited for by an agent that drains: released, or never an owner.
  // The last interval in which an answer to what was granted can end; -1 without grants.
  int64_t LastInterval() const {
    return plan_through < 0 ? -1 : plan_through + spec->SecondsToEnd();
  }

  bool DrainedOut() const {
    return Settled() && (plan_through < 0 || released_through.has_value());
  }
  // How far test time here is behind (positive) or ahead of the controller's, given our clock minus
  // the controller's. REQUIRES: clock and t0.
  Nanos Behind(BootTime now, Nanos offset) const {
    return (now - offset - *t0) - clock->ToTest(now).time_since_epoch();
  }
};

}  // namespace broadside
