#include "controller/rest/problem.h"

#include "controller/rest/view_json.h"

namespace broadside {

HttpResponse ToResponse(const Problem& problem, std::string_view instance) {
  Json json;
  json["type"] = "about:blank";
  json["title"] = std::string(HttpReason(problem.status));
  json["status"] = problem.status;
  json["detail"] = problem.detail;
  json["instance"] = std::string(instance);
  for (const FieldError& error : problem.errors) {
    json["errors"].push_back(Json{{"pointer", error.pointer}, {"detail", error.detail}});
  }
  HttpResponse response{.status = problem.status,
                        .content_type = "application/problem+json",
                        .body = Dump(json) + "\n"};
  // What passes by itself is worth another try.
  if (problem.status == 429 || problem.status == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
  return response;
}

}  // namespace broadside
