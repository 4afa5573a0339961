#pragma once

// The target's URL, read by Boost.URL (RFC 3986). Pure, no thread, linear.

#include <string_view>

#include "absl/status/status.h"
#include "common/core/test_spec.h"

namespace broadside {

// Sets url, host, port and path of `target`. Path and query stay percent-encoded as given, an empty
// path is "/"; a host that is an IPv6 address loses its brackets. An https URL is read too
// (Validate refuses it). Errors are for people, without the field's name: "has no host".
absl::Status ParseTargetUrl(std::string_view url, Target& target);

}  // namespace broadside
