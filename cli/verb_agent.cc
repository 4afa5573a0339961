#include <cstdio>
#include <memory>

#include "agent/agent.h"
#include "cli/exit_code.h"
#include "cli/verb.h"
#include "cli/version.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/net/log.h"

namespace broadside {
namespace {

int RunAgent(const AgentOptions& options, Signals& signals) {
  int code = kExitFailure;
  absl::StatusOr<std::unique_ptr<Agent>> agent = Agent::Start(options, [&](int exit_code) {
    code = exit_code;
    signals.Wake();
  });
  if (!agent.ok()) {
    std::fprintf(stderr, "broadside agent: %s\n", std::string(agent.status().message()).c_str());
    return agent.status().code() == absl::StatusCode::kInvalidArgument ? kExitBadInput
                                                                       : kExitFailure;
  }
  bool draining = false;
  while (signals.Wait() != 0) {
    if (draining) {
      // Asked twice: whoever asks does not want to wait.
      Log(LogLevel::kWarn, "agent_aborted", {{"why", "a second signal"}});
      (*agent)->Stop();
      return kExitAborted;
    }
    draining = true;
    Log(LogLevel::kInfo, "drain_requested", {{"by", "signal"}});
    (*agent)->Drain();
  }
  (*agent)->Stop();
  return code;
}

}  // namespace

void AddAgentVerb(CLI::App& app, Action& chosen) {
  CLI::App* verb = app.add_subcommand("agent", R"(Generate load for a controller

Examples:
  broadside agent --controller HOST:9090
  broadside agent --controller HOST:9090 --name agent-7 --threads 2 --http '')");
  auto options = std::make_shared<AgentOptions>();
  options->http = "0.0.0.0:8081";
  options->version = kVersion;
  verb->add_option("--controller", options->controller, "the controller's address for agents")
      ->envname("BROADSIDE_CONTROLLER_GRPC")
      ->required()
      ->option_text("HOST:PORT");
  verb->add_option("--name", options->name, "a label for people; the host name if not given")
      ->option_text("NAME");
  verb->add_option("--threads", options->threads,
                   Concat("sending threads, up to ", limits::kShardsMax, "; 0: one less than CPUs"))
      ->check(CLI::Range(0, limits::kShardsMax))
      ->capture_default_str()
      ->option_text("N");
  verb->add_option("--http", options->http, "address of health and metrics; '' for none")
      ->capture_default_str()
      ->option_text("HOST:PORT");
  verb->add_flag("--slot-header", options->slot_header,
                 "add X-Broadside-Slot to each request, so that a target can check that every slot "
                 "comes once");
  verb->callback([options, &chosen] {
    chosen = [options](Signals& signals) { return RunAgent(*options, signals); };
  });
}

}  // namespace broadside
