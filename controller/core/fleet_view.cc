#include "controller/core/fleet_view.h"

#include <array>

namespace broadside {
namespace {

constexpr std::array<std::string_view, 7> kTestStateNames = {
    "pending", "running", "stopping", "finished", "stopped", "failed", "inconsistent"};
constexpr std::array<std::string_view, kAgentStateCount> kAgentStateNames = {
    "joining", "ready", "spare", "draining", "lost"};
constexpr std::array<std::string_view, 8> kChangeKindNames = {
    "created",    "state",          "rate",      "agent_joined",
    "agent_lost", "agent_draining", "threshold", "agent_back"};
constexpr std::array<std::string_view, 3> kVerdictLevelNames = {"valid", "suspect", "invalid"};

}  // namespace

std::string_view TestStateName(TestState state) {
  return kTestStateNames[static_cast<size_t>(state)];
}

std::optional<TestState> TestStateFromName(std::string_view name) {
  for (size_t i = 0; i < kTestStateNames.size(); ++i) {
    if (kTestStateNames[i] == name) return static_cast<TestState>(i);
  }
  return std::nullopt;
}

bool HasEnded(TestState state) { return state >= TestState::kFinished; }

std::string_view AgentStateName(AgentState state) {
  return kAgentStateNames[static_cast<size_t>(state)];
}

std::string_view ChangeKindName(ChangeKind kind) {
  return kChangeKindNames[static_cast<size_t>(kind)];
}

std::string_view VerdictLevelName(VerdictLevel level) {
  return kVerdictLevelNames[static_cast<size_t>(level)];
}

}  // namespace broadside
