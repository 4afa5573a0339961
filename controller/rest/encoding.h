#pragma once

// Content negotiation of the answer's encoding. Pure functions.

#include <string_view>

namespace broadside {

// The value of an Accept-Encoding header allows gzip: "gzip" or "*" is named, and not with q=0.
// gzip's own entry decides over that of "*".
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace broadside
