#include "agent/agent_http.h"

#include <utility>

#include "common/core/status.h"

namespace broadside {
namespace {

constexpr char kPlain[] = "text/plain; charset=utf-8";
constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse Plain(int status, std::string line) {
  return {.status = status, .content_type = kPlain, .body = std::move(line) + "\n"};
}

HttpResponse Health(const AgentSnapshot& snapshot, BootTime now) {
  const Nanos silent = now - snapshot.alive_at;
  if (silent < kHomeStuckAfter) return Plain(200, "ok");
  return Plain(503, Concat("the agent's loop has not answered for ", silent / Seconds(1), " s"));
}

HttpResponse Readiness(const AgentStatus& status) {
  return status.connected ? Plain(200, "ready")
                          : Plain(503, Concat("not connected: ", status.reason));
}

}  // namespace

HttpResponse AnswerAgentHttp(const HttpRequest& request, const PublishedSnapshot& snapshot,
                             const AgentMetrics& metrics, BootTime now) {
  const bool known =
      request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics";
  if (!known) return HttpProblem(404, "an agent has /healthz, /readyz and /metrics", request.path);
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse response = HttpProblem(405, "only GET and HEAD", request.path);
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (request.path == "/metrics")
    return {.status = 200, .content_type = kExposition, .body = metrics.Text()};
  const AgentSnapshot view = snapshot.Get();
  return request.path == "/healthz" ? Health(view, now) : Readiness(view.status);
}

}  // namespace broadside
