#pragma once

// The limit of open descriptors of this process, one a connection. Thread-safe.

#include <cstdint>

namespace broadside {

// Raises the limit as far as it may be raised. Returns what it is then; 0 when it cannot be read.
uint64_t RaiseDescriptorLimit();

}  // namespace broadside
