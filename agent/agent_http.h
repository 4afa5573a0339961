#pragma once

// What an agent answers over HTTP, for the kubelet and Prometheus:
//
//   /healthz   200 while home answers, else 503: the process is stuck and should be restarted
//   /readyz    200 while a controller has welcomed it, else 503 with the reason
//   /metrics   Prometheus text exposition
//
// Pure but for the snapshot that it reads; thread-safe.

#include "agent/agent_metrics.h"
#include "agent/snapshot.h"
#include "common/core/time.h"
#include "common/net/http_server.h"

namespace broadside {

// Home answers every 100 ms; this long without is a stuck process, not a busy one.
inline constexpr Seconds kHomeStuckAfter{10};

HttpResponse AnswerAgentHttp(const HttpRequest& request, const PublishedSnapshot& snapshot,
                             const AgentMetrics& metrics, BootTime now);

}  // namespace broadside
