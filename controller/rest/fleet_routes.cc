// Agents, readiness, metrics.

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "controller/metrics/text_exposition.h"
#include "controller/rest/list_response.h"
#include "controller/rest/rest_api.h"

namespace broadside {
namespace {

// Agents are sorted by name, then incarnation; a cursor names the last one of a page.
using AgentKey = std::pair<std::string, Incarnation>;

std::string CursorOf(const AgentView& agent) {
  return ToString(agent.incarnation) + "." + agent.name;
}

std::optional<AgentKey> KeyOf(std::string_view cursor) {
  const size_t dot = cursor.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto incarnation = IncarnationFromString(cursor.substr(0, dot));
  if (!incarnation.has_value()) return std::nullopt;
  return AgentKey(cursor.substr(dot + 1), *incarnation);
}

bool IsBehind(const AgentKey& key, const AgentView& agent) {
  return std::tie(key.first, key.second) < std::tie(agent.name, agent.incarnation);
}

}  // namespace

void RestApi::ListAgents(const CallPtr& call) {
  const auto limit = LimitOf(call->query, limits::kPageItemsMax);
  if (!limit.ok()) return call->Fail(400, std::string(limit.status().message()));
  const std::shared_ptr<const FleetView> view = commands_.view();
  auto agent = view->agents.begin();
  if (const auto cursor = call->query.find("cursor"); cursor != call->query.end()) {
    const auto key = KeyOf(cursor->second);
    if (!key.has_value()) return call->Fail(BadCursor(cursor->second));
    agent = std::upper_bound(view->agents.begin(), view->agents.end(), *key, IsBehind);
  }
  Json items = Json::array();
  for (int n = 0; n < *limit && agent != view->agents.end(); ++n, ++agent) {
    items.push_back(AgentJson(*agent));
  }
  const bool more = agent != view->agents.end();
  call->Send(ListResponse(std::move(items), more ? CursorOf(*std::prev(agent)) : ""));
}

void RestApi::DrainAgent(const CallPtr& call) {
  const std::string& name = call->path_values[0];
  commands_.DrainAgent(name, OnDone(call, [call, name](const CommandResult&) {
                         call->Send(JsonResponse(202, {{"name", name}, {"state", "draining"}}));
                       }));
}

void RestApi::Ready(const CallPtr& call) {
  const std::shared_ptr<const FleetView> view = commands_.view();
  if (!view->ready) return call->Fail(503, view->not_ready_reason);
  call->Send({.status = 200, .content_type = "text/plain; charset=utf-8", .body = "ready\n"});
}

void RestApi::Metrics(const CallPtr& call) {
  call->Send({.status = 200, .content_type = kTextExpositionType, .body = metrics_()});
}

}  // namespace broadside
