#include "controller/rest/origin.h"

#include <string_view>

namespace broadside {

bool IsForeign(const HttpRequest& request) {
  if (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS") {
    return false;
  }
  const std::string_view site = request.Header("sec-fetch-site");
  if (!site.empty()) return site != "same-origin" && site != "none";
  const std::string_view origin = request.Header("origin");
  if (origin.empty()) return false;
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return true;  // "null": a page without an address
  const std::string_view host = origin.substr(scheme + 3);
  // Behind a proxy Host may be the proxy's own idea; a page of another site cannot set the other.
  return host != request.Header("host") && host != request.Header("x-forwarded-host");
}

}  // namespace broadside
