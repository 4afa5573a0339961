#include "controller/rest/router.h"

#include <optional>
#include <utility>

#include "controller/rest/origin.h"

namespace broadside {
namespace {

std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

// The values of the pattern's placeholders, still encoded; nothing when the path is another one.
std::optional<std::vector<std::string_view>> Match(std::string_view pattern,
                                                   const std::vector<std::string_view>& path) {
  const std::vector<std::string_view> parts = Segments(pattern);
  if (parts.size() != path.size()) return std::nullopt;
  std::vector<std::string_view> values;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].starts_with('{')) {
      if (path[i].empty()) return std::nullopt;
      values.push_back(path[i]);
    } else if (parts[i] != path[i]) {
      return std::nullopt;
    }
  }
  return values;
}

void Run(const Route& route, const std::vector<std::string_view>& values, const CallPtr& call) {
  for (const std::string_view value : values) {
    auto decoded = PercentDecode(value);
    if (!decoded.has_value()) return call->Fail(400, "the path is not percent-encoded correctly");
    call->path_values.push_back(*std::move(decoded));
  }
  auto query = ParseQuery(call->request.query, route.query);
  if (!query.ok()) return call->Fail(400, std::string(query.status().message()));
  call->query = *std::move(query);
  route.handler(call);
}

}  // namespace

void Router::Handle(HttpRequest request, HttpResponder responder) const {
  const auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->responder = std::move(responder);
  if (IsForeign(call->request)) {
    return call->Fail(403, "a page of another site may change nothing here");
  }
  const std::string path = call->request.path;
  const std::string_view method = call->request.method;
  std::string allow;
  if (path.starts_with('/')) {
    const std::vector<std::string_view> segments = Segments(path);
    for (const Route& route : routes_) {
      const auto values = Match(route.path, segments);
      if (!values.has_value()) continue;
      if (route.method == method || (route.method == "GET" && method == "HEAD")) {
        return Run(route, *values, call);
      }
      allow += route.method == "GET" ? "GET, HEAD, " : route.method + ", ";
    }
  }
  if (allow.empty()) {
    return call->Fail(404, Concat("there is no ", path, "; /openapi.json lists what there is"));
  }
  allow += "OPTIONS";
  if (method == "OPTIONS") {
    return call->Send({.status = 204, .headers = {{"Allow", allow}}});
  }
  HttpResponse response = ToResponse(
      {405, Concat(method, " is not allowed on ", path, "; allowed: ", allow), {}}, path);
  response.headers.emplace_back("Allow", allow);
  call->Send(std::move(response));
}

}  // namespace broadside
