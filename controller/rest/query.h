#pragma once

// The query of a request and the parameters that lists share. Pure functions; errors are one line
// for the client.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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

// The names that the list `text` ("a,b") has; an error names one that is not in `known`, or comes
// twice.
absl::StatusOr<std::set<std::string>> ParseNames(std::string_view parameter, std::string_view text,
                                                 const std::vector<std::string>& known);

}  // namespace broadside
