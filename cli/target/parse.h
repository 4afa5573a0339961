#pragma once

// What the option parsers of the target share. Pure.

#include <map>
#include <optional>
#include <string_view>

#include "common/core/time.h"

namespace broadside {

// A Go-style duration ("1m30s", "250ms", "0"), not negative and not infinite; nothing where the
// text is none.
std::optional<Nanos> ParseNanos(std::string_view text);

// "key=value,key=value" with no key twice; nothing where the text is none. The views point into
// `text`.
std::optional<std::map<std::string_view, std::string_view>> ParsePairs(std::string_view text);

}  // namespace broadside
