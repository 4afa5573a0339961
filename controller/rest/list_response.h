#pragma once

// Answers that several routes give: JSON, lists with a cursor, and the problem of a bad one. Pure
// functions.

#include <string>
#include <string_view>
#include <utility>

#include "common/core/utf8.h"
#include "common/net/http_server.h"
#include "controller/rest/problem.h"
#include "controller/rest/view_json.h"

namespace broadside {

inline HttpResponse JsonResponse(int status, const Json& json) {
  return {.status = status,
          .content_type = "application/json",
          // The figures of a test change each second.
          .headers = {{"Cache-Control", "no-cache"}},
          .body = Dump(json) + "\n"};
}

// `next` is empty on the last page.
inline HttpResponse ListResponse(Json items, const std::string& next) {
  Json json;
  json["items"] = std::move(items);
  json["next"] = next.empty() ? Json(nullptr) : Json(next);
  return JsonResponse(200, json);
}

inline Problem BadCursor(std::string_view cursor) {
  return {400, Concat("cursor: ", Quoted(cursor), " is none that this list gave as \"next\""), {}};
}

}  // namespace broadside
