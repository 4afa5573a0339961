#pragma once

// Random valid messages of the fleet for the property tests of common/wire. Repeatable by the
// generator's seed.

#include <random>

#include "common/core/fleet_messages.h"

namespace broadside {

AgentMessage RandomAgentMessage(std::mt19937_64& random);
ControllerMessage RandomControllerMessage(std::mt19937_64& random);

}  // namespace broadside
