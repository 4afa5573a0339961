#pragma once

// Calls to a controller's REST API. Blocking, for the command line; one connection a call. Errors
// are lines that say what to do.

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/core/time.h"

namespace broadside {

struct RestAnswer {
  int status = 0;
  nlohmann::ordered_json body;  // null when it is empty or no JSON
  std::string text;             // as received
};

class RestClient {
 public:
  // `url`: "http://HOST[:PORT]" (default port 8080), or "HOST[:PORT]".
  static absl::StatusOr<RestClient> Make(std::string_view url);

  // `path` under /api/v1. Any status is an answer; an error means that there was none.
  absl::StatusOr<RestAnswer> Call(const std::string& method, const std::string& path,
                                  const std::string& body = "",
                                  Seconds timeout = Seconds(30)) const;

  const std::string& url() const { return url_; }

 private:
  std::string url_;
  std::string host_;
  std::string port_;
};

// Text as one segment of a path: what has a meaning in a URL is percent-encoded.
std::string PathSegment(std::string_view text);

// What a person has to read of a problem+json answer: a line for each field error, else its detail.
std::string ProblemText(const RestAnswer& answer);

}  // namespace broadside
