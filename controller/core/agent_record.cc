#include "controller/core/agent_record.h"

#include <algorithm>

namespace broadside {

int64_t EligibleAgents(const Fleet& fleet, BootTime now) {
  return std::count_if(fleet.begin(), fleet.end(),
                       [now](const auto& entry) { return entry.second.Eligible(now); });
}

AgentView ViewOf(const AgentRecord& agent) {
  AgentView view;
  view.name = agent.name;
  view.incarnation = agent.incarnation;
  view.state = agent.State();
  view.threads = agent.threads;
  view.version = agent.version;
  view.capacity_rps = agent.beat.capacity_rps;
  view.send_lag_p99_ms = agent.send_lag_p99_ms;
  view.clock_known = agent.beat.clock_known;
  view.clock_offset_ms = static_cast<double>(agent.beat.clock_offset.count()) / 1e6;
  view.clock_error_ms = static_cast<double>(agent.beat.clock_error.count()) / 1e6;
  return view;
}

}  // namespace broadside
