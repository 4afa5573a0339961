#include <cstdio>
#include <memory>
#include <string>

#include "cli/exit_code.h"
#include "cli/grpc_streams.h"
#include "cli/verb.h"
#include "cli/version.h"
#include "common/core/limits.h"
#include "common/net/descriptor_limit.h"
#include "common/net/log.h"
#include "common/wire/duration.h"
#include "controller/controller.h"
#include "controller/rest/rest_server.h"

namespace broadside {
namespace {

struct ControllerFlags {
  std::string http = "127.0.0.1:8080";
  std::string grpc = "127.0.0.1:9090";
  std::string data = ":memory:";
  int64_t horizon_s = limits::kHorizonDefault.count();
  int64_t keep_tests = kKeepTestsDefault;
  std::string keep_for = FormatDuration(kKeepForDefault);
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "broadside controller: %s\n", std::string(status.message()).c_str());
  return status.code() == absl::StatusCode::kInvalidArgument ? kExitBadInput : kExitFailure;
}

// Also what programs wait for, and read the ports of when they asked for any (port 0).
void LogStarted(const ControllerFlags& flags, const Controller& controller,
                const FleetServer& fleet, const RestServer& rest, uint64_t descriptors) {
  const StoreFacts& store = controller.store_facts();
  Log(LogLevel::kInfo, "controller_started",
      {{"http", rest.address()},
       {"grpc_port", std::to_string(fleet.ports().front())},
       {"data", flags.data},
       {"store", store.uuid},
       {"epoch", std::to_string(store.epoch)},
       {"unended_tests", std::to_string(store.unended_tests)},
       {"writable", store.writable.ok() ? "true" : "false"},
       {"descriptors", std::to_string(descriptors)},
       {"version", kVersion}});
}

std::string CheckDuration(const std::string& text) {
  const absl::StatusOr<Millis> duration = ParseDuration(text);
  return duration.ok() ? "" : std::string(duration.status().message());
}

int RunController(const ControllerFlags& flags, Signals& signals) {
  // One for each agent, and for each client of REST.
  const uint64_t descriptors = RaiseDescriptorLimit();
  ControllerOptions options;
  options.grpc_listen = {flags.grpc};
  options.data = flags.data;
  options.horizon = Seconds(flags.horizon_s);
  options.version = kVersion;
  options.keep_tests = flags.keep_tests;
  options.keep_for = *ParseDuration(flags.keep_for);
  FleetServer* fleet = nullptr;
  Controller controller(options, GrpcStreams(&fleet));
  if (const absl::Status status = controller.Start(); !status.ok()) return Fail(status);

  absl::StatusOr<std::unique_ptr<RestServer>> rest =
      RestServer::Start({.http = {.listen = flags.http}, .version = kVersion}, controller);
  if (!rest.ok()) return Fail(rest.status());
  LogStarted(flags, controller, *fleet, **rest, descriptors);

  signals.Wait();
  // A planned stop: the agents get a bridge of segments, so that the load goes on until the next
  // controller is there.
  Log(LogLevel::kInfo, "controller_stopping", {{"why", "signal"}});
  controller.PrepareRestart(Seconds(3));
  (*rest)->Stop();
  controller.Stop();
  return kExitGood;
}

}  // namespace

void AddControllerVerb(CLI::App& app, Action& chosen) {
  CLI::App* verb =
      app.add_subcommand("controller", R"(Hand out tests to agents and add up their results

Examples:
  broadside controller --data ./data
  broadside controller --http 0.0.0.0:8080 --grpc 0.0.0.0:9090 --data ./data)");
  auto flags = std::make_shared<ControllerFlags>();
  verb->add_option("--http", flags->http, "address of REST, metrics and health; port 0: any free")
      ->capture_default_str()
      ->option_text("HOST:PORT");
  verb->add_option("--grpc", flags->grpc, "address for agents; port 0: any free")
      ->capture_default_str()
      ->option_text("HOST:PORT");
  verb->add_option("--data", flags->data,
                   "directory of the store (created), or :memory: to keep nothing")
      ->capture_default_str()
      ->option_text("DIR");
  verb->add_option("--horizon", flags->horizon_s,
                   "seconds of schedule that agents hold ahead, 2 to 30; without a controller the "
                   "load ends after as many")
      ->check(CLI::Range(limits::kHorizonMin.count(), limits::kHorizonMax.count()))
      ->capture_default_str()
      ->option_text("SECONDS");
  verb->add_option("--keep-tests", flags->keep_tests, "ended tests to keep, the newest")
      ->check(CLI::Range(int64_t{1}, kKeepTestsMax))
      ->capture_default_str()
      ->option_text("N");
  verb->add_option("--keep-for", flags->keep_for,
                   "how long to keep a test after its end; 0: however old it is")
      ->check(CheckDuration)
      ->capture_default_str()
      ->option_text("DURATION");
  verb->callback([flags, &chosen] {
    chosen = [flags](Signals& signals) { return RunController(*flags, signals); };
  });
}

}  // namespace broadside
