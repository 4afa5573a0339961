#pragma once

// gRPC says only that it did not get an address; this says why, before it tries.

#include <string_view>

#include "common/core/status.h"

namespace broadside {

// Not ok, with what to do, if `address` is not "HOST:PORT" or cannot be listened on now. Resolves
// the name and binds for a moment: blocks, thread-safe.
absl::Status CheckListenAddress(std::string_view address);

}  // namespace broadside
