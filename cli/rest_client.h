#pragma once

// Calls to a controller's REST API. Blocking, for the command line; one connection a call. Errors
// are lines that say what to do.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/test_spec.h"
#include "common/core/time.h"

namespace broadside {

struct RestAnswer {
  int status = 0;
  nlohmann::ordered_json body;  // null when it is empty or no JSON
  std::string text;             // as received
};

struct RestCall {
  std::string method;
  std::string path;  // under /api/v1
  std::string body = {};
  std::string idempotency_key = {};  // empty: none
  Seconds timeout{30};
};

class RestClient {
 public:
  // `url`: "http://HOST[:PORT]" (default port 8080), or "HOST[:PORT]".
  static absl::StatusOr<RestClient> Make(std::string_view url);

  // Any status is an answer; an error means that there was none. Unavailable: nothing was sent.
  // Unknown: it was, so that the call may have been heard.
  absl::StatusOr<RestAnswer> Call(const RestCall& call) const;

  const std::string& url() const { return url_; }

 private:
  std::string url_;
  std::string host_;       // to connect to
  std::string authority_;  // of the Host header
  std::string port_;
};

// Text as one segment of a path: what has a meaning in a URL is percent-encoded.
std::string PathSegment(std::string_view text);

// The fields that the controller refused; empty when the answer says none.
std::vector<FieldError> FieldErrorsOf(const RestAnswer& answer);

// What a person has to read of a problem+json answer: a line for each field error, else its detail.
std::string ProblemText(const RestAnswer& answer);

}  // namespace broadside
