#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "cli/target/demo_target.h"
#include "cli/verb.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/net/descriptor_limit.h"
#include "common/net/log.h"

namespace broadside {
namespace {

struct TargetFlags {
  std::string listen = "127.0.0.1:8000";
  std::string latency;
  std::vector<std::string> stalls;
  std::string error_rate = "0";
  std::string body_size = "5";
  std::string version;
  int threads = 1;
  uint64_t seed = 1;
};

// Takes the value, or keeps the first error.
template <typename T>
void Take(absl::StatusOr<T> parsed, T& into, absl::Status& status) {
  if (parsed.ok()) {
    into = std::move(*parsed);
  } else if (status.ok()) {
    status = parsed.status();
  }
}

absl::StatusOr<TargetOptions> ParseFlags(const TargetFlags& flags) {
  TargetOptions options;
  absl::Status status;
  Take(ParseListenAddress(flags.listen), options.listen, status);
  if (!flags.latency.empty()) Take(ParseLatency(flags.latency), options.latency, status);
  for (const std::string& text : flags.stalls)
    Take(ParseStall(text), options.stalls.emplace_back(), status);
  Take(ParseErrorRate(flags.error_rate), options.error_rate, status);
  Take(ParseBodySize(flags.body_size), options.body_bytes, status);
  if (!flags.version.empty()) Take(ParseVersionHeader(flags.version), options.version, status);
  options.threads = flags.threads;
  options.seed = flags.seed;
  if (status.ok()) status = Validate(options);
  if (!status.ok()) return status;
  return options;
}

// CLI11 takes -1 for the largest unsigned number.
CLI::Validator IsWhole() {
  return {[](const std::string& text) {
            const bool whole = text.find_first_not_of("0123456789") == std::string::npos;
            return whole ? "" : text + " is no whole number from 0 on";
          },
          ""};
}

int RunTarget(const TargetFlags& flags, Signals& signals) {
  const absl::StatusOr<TargetOptions> options = ParseFlags(flags);
  if (!options.ok()) {
    std::fprintf(stderr, "broadside target: %s\n", std::string(options.status().message()).c_str());
    return kExitBadInput;
  }
  RaiseDescriptorLimit();  // one for each connection
  DemoTarget target(*options);
  const absl::Status started = target.Start();
  if (!started.ok()) {
    std::fprintf(stderr, "broadside target: %s\n", std::string(started.message()).c_str());
    return kExitFailure;
  }
  Log(LogLevel::kInfo, "target_started",
      {{"address", options->listen.address}, {"port", std::to_string(target.port())}});
  signals.Wait();
  target.Stop();
  return kExitGood;
}

}  // namespace

void AddTargetVerb(CLI::App& app, Action& chosen) {
  CLI::App* verb = app.add_subcommand("target",
                                      R"(A demo service to load: answers as told, counts what it saw

Examples:
  broadside target
  broadside target --listen 127.0.0.1:8000 --latency exp:20ms --error-rate 1%
  broadside target --stall at=3s,for=1s --body-size 64KiB
  curl -s http://127.0.0.1:8000/__target/stats)");
  auto flags = std::make_shared<TargetFlags>();
  verb->add_option("--listen", flags->listen, "address; port 0: any free, the log says which")
      ->capture_default_str()
      ->option_text("HOST:PORT");
  verb->add_option(
          "--latency", flags->latency,
          "fixed:20ms, exp:20ms, uniform:10ms-30ms or lognormal:median=20ms,sigma=0.5; none if not "
          "given")
      ->option_text("DISTRIBUTION");
  verb->add_option("--stall", flags->stalls,
                   "at=3s,for=1s[,every=10s], from the first request on; may be repeated")
      ->allow_extra_args(false)
      ->option_text("WHEN");
  verb->add_option("--error-rate", flags->error_rate, "share of answers with 503: 0.01 or 1%")
      ->capture_default_str()
      ->option_text("SHARE");
  verb->add_option("--body-size", flags->body_size, "bytes of an answer: 1024, 64KiB, 10MiB")
      ->capture_default_str()
      ->option_text("BYTES");
  verb->add_option("--version-header", flags->version, "0.2 (sent as X-Version) or 'NAME: VALUE'")
      ->option_text("VERSION");
  verb->add_option("--threads", flags->threads,
                   Concat("serving threads, 1 to ", limits::kTargetThreadsMax))
      ->check(CLI::Range(1, limits::kTargetThreadsMax))
      ->capture_default_str()
      ->option_text("N");
  verb->add_option("--seed", flags->seed, "of latencies and errors")
      ->check(IsWhole())
      ->capture_default_str()
      ->option_text("N");
  verb->callback([flags, &chosen] {
    chosen = [flags](Signals& signals) { return RunTarget(*flags, signals); };
  });
}

}  // namespace broadside
