#pragma once

// Requests that a browser sends for the page of somebody else. A pure function.

#include "common/net/http_server.h"

namespace broadside {

// True for a request that could change something and that a browser sent on behalf of another
// site: any page that a user of this controller visits could otherwise start tests here, as such
// requests need nobody's leave. Browsers say where a request comes from, and pages cannot change
// that (Sec-Fetch-Site on trustworthy addresses, Origin on all); clients that are no browsers say
// nothing, and are not foreign.
bool IsForeign(const HttpRequest& request);

}  // namespace broadside
