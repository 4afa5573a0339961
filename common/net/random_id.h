#pragma once

// Random identities from the kernel (getrandom). Thread-safe; a system call each, so not for the
// hot path.

#include <cstdint>
#include <string>

#include "common/core/fleet_messages.h"

namespace broadside {

uint64_t RandomUint64();
Incarnation RandomIncarnation();
// "t-" and 16 characters of base 32 without look-alikes: 80 random bits.
std::string RandomTestId();

}  // namespace broadside
