#include "cli/embedded.h"

#include <algorithm>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "cli/grpc_streams.h"
#include "cli/version.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

ControllerOptions OptionsOf() {
  ControllerOptions options;
  options.start_lead = limits::kStartLeadEmbedded;
  options.version = kVersion;
  return options;
}

// One of the CPUs is left for the controller and the agents' homes.
int ThreadsEach(const EmbeddedOptions& options) {
  if (options.threads > 0) return options.threads;
  const int cpus = static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, (cpus - 1) / options.agents);
}

}  // namespace

Embedded::Embedded(const EmbeddedOptions& options, std::function<void()> ended)
    : options_(options), ended_(std::move(ended)), controller_(OptionsOf(), GrpcStreams(&fleet_)) {}

Embedded::~Embedded() {
  if (subscription_ != 0) controller_.Unsubscribe(subscription_);
  for (const std::unique_ptr<Agent>& agent : agents_) agent->Stop();
  agents_.clear();
  controller_.Stop();
}

absl::Status Embedded::Start(const RunSpec& run) {
  if (run.spec.agents.min > kEmbeddedAgentsMax) {
    return Refused(run, {{"/agents/min", Concat(run.spec.agents.min, " exceeds ",
                                                kEmbeddedAgentsMax, ", the most agents of run")}});
  }
  options_.agents = std::max(options_.agents, static_cast<int>(run.spec.agents.min));
  if (absl::Status started = controller_.Start(); !started.ok()) return started;
  for (int i = 0; i < options_.agents; ++i) {
    AgentOptions agent;
    agent.channel = fleet_->InProcessChannel();
    agent.name = Concat("agent-", i + 1);
    agent.threads = ThreadsEach(options_);
    agent.version = kVersion;
    agent.slot_header = options_.slot_header;
    absl::StatusOr<std::unique_ptr<Agent>> made = Agent::Start(std::move(agent), [](int) {});
    if (!made.ok()) return made.status();
    agents_.push_back(std::move(*made));
  }
  StartRequest request;
  request.spec = run.spec;
  // All agents of this process take part from the first second on.
  request.spec.agents.min = options_.agents;
  std::promise<CommandResult> answer;
  controller_.StartTest(std::move(request),
                        [&answer](CommandResult result) { answer.set_value(std::move(result)); });
  CommandResult result = answer.get_future().get();
  if (result.code != CommandCode::kOk) {
    if (!result.fields.empty()) return Refused(run, result.fields);
    return result.code == CommandCode::kInvalid ? InvalidArgument(result.detail)
                                                : FailedPrecondition(result.detail);
  }
  first_ = result.test;
  test_ = first_->id;
  subscription_ = controller_.Subscribe([this](const std::shared_ptr<const FleetView>& fleet) {
    const auto it = fleet->tests.find(test_);
    if (it != fleet->tests.end() && HasEnded(it->second->state)) ended_();
  });
  return absl::OkStatus();
}

void Embedded::StopTest() {
  controller_.StopTest(test_, [](const CommandResult&) {});
}

std::shared_ptr<const TestView> Embedded::view() const {
  const std::shared_ptr<const FleetView> fleet = controller_.view();
  const auto it = fleet->tests.find(test_);
  return it == fleet->tests.end() ? first_ : it->second;
}

}  // namespace broadside
