#pragma once

// Wall-clock times for people and for JSON. Pure, no thread.

#include <string>

#include "common/core/time.h"

namespace broadside {

// RFC 3339 in UTC with 3, 6 or 9 digits of fraction, as few as are exact:
// "2026-11-25T02:04:12.250Z".
std::string FormatRfc3339(WallTime time);

}  // namespace broadside
