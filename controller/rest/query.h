#pragma once

// The query of a request and the parameters that lists share. Pure functions; errors are one line
// for the client.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/status.h"

namespace broadside {

using QueryParameters = std::map<std::string, std::string>;

// Decodes %XX; nothing when the encoding is broken or hides a NUL.
std::optional<std::string> PercentDecode(std::string_view text);

// Parses "a=b&c=d". A name that is not in `known`, or comes twice, is an error that names it.
absl::StatusOr<QueryParameters> ParseQuery(std::string_view query,
                                           const std::vector<std::string>& known);

// A whole number without sign; nothing for anything else.
std::optional<uint64_t> ParseWhole(std::string_view text);

// `limit` of a list: 1 to limits::kPageItemsMax, `absent` when it is not given.
absl::StatusOr<int> LimitOf(const QueryParameters& query, int absent);

}  // namespace broadside
