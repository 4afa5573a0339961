#pragma once

// Errors of the REST API: RFC 9457 problem documents with field errors. Pure functions.

#include <string>
#include <string_view>
#include <vector>

#include "common/core/test_spec.h"
#include "common/net/http_server.h"

namespace broadside {

struct Problem {
  int status = 500;
  std::string detail;              // for people, one line
  std::vector<FieldError> errors;  // what is wrong with which field, when that is the reason
};

// `instance` is the path of the request.
HttpResponse ToResponse(const Problem& problem, std::string_view instance);

}  // namespace broadside
