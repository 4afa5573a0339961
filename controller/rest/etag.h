#pragma once

// Entity tags. A tag is a hash of the body, so that whatever changes in an answer changes its tag:
// a rate, the verdict, or an agent's clock, which move between two revisions of a test. Pure
// functions; the hash costs about 1 ns a byte.

#include <string>
#include <string_view>

namespace broadside {

// The tag of a body, with its quotes.
std::string EtagOf(std::string_view body);

// The value of an If-None-Match header names `etag`, or is "*". Compares weakly: W/"1" and "1" are
// the same.
bool EtagMatches(std::string_view if_none_match, std::string_view etag);

}  // namespace broadside
