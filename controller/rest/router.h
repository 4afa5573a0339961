#pragma once

// Finds the handler of a request by method and path. Answers what has none itself: 404, 405 with
// Allow, OPTIONS, 403 for pages of other sites (origin.h), 400 for query parameters that the route
// does not know; HEAD is GET whose body the server leaves out. Immutable, called on the server's
// thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/http_server.h"
#include "controller/rest/problem.h"
#include "controller/rest/query.h"

namespace broadside {

// One request on its way through the API. Shared by the handler and the callbacks that answer it.
struct Call {
  HttpRequest request;
  HttpResponder responder;
  std::vector<std::string> path_values;  // of the route's {placeholders}, decoded
  QueryParameters query;

  void Send(HttpResponse response) { responder.Send(std::move(response)); }
  void Fail(const Problem& problem) { responder.Send(ToResponse(problem, request.path)); }
  void Fail(int status, std::string detail) { Fail(Problem{status, std::move(detail), {}}); }
};
using CallPtr = std::shared_ptr<Call>;

struct Route {
  std::string method;              // GET also serves HEAD
  std::string path;                // "/api/v1/tests/{id}"
  std::vector<std::string> query;  // the parameters that it knows
  std::function<void(CallPtr)> handler;
};

class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}
  void Handle(HttpRequest request, HttpResponder responder) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  const std::vector<Route> routes_;
};

}  // namespace broadside
