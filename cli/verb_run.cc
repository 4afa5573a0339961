#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/embedded.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/run_spec.h"
#include "cli/spec_options.h"
#include "cli/summary.h"
#include "cli/verb.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/net/log.h"
#include "controller/rest/view_json.h"

namespace broadside {
namespace {

struct RunFlags {
  RunSpecFlags spec;
  int agents = 1;
  int threads = 0;
  std::string output = "text";
  bool quiet = false;
};

int RunTest(const RunFlags& flags, Signals& signals) {
  const absl::StatusOr<RunSpec> spec = MakeRunSpec(flags.spec);
  if (!spec.ok()) return FailOfSpec("broadside run", flags.spec, spec.status());
  Embedded embedded({.agents = flags.agents, .threads = flags.threads},
                    [&signals] { signals.Wake(); });
  if (const absl::Status started = embedded.Start(*spec); !started.ok()) {
    const int code = FailOfSpec("broadside run", flags.spec, started);
    return started.code() == absl::StatusCode::kInvalidArgument ? code : kExitFailure;
  }
  bool aborted = false;
  Progress progress(flags.quiet);
  std::shared_ptr<const TestView> view = embedded.view();
  while (!HasEnded(view->state)) {
    const int signal = signals.Wait(1000);
    view = embedded.view();
    if (signal > 0 && aborted) return kExitAborted;  // asked twice
    if (signal > 0) {
      aborted = true;
      progress.Say("stopping the test; a second signal leaves at once, without a result");
      embedded.StopTest();
    }
    if (signal == -1) progress.Show(RenderProgress(TestJson(*view)));
  }
  progress.End();
  const Json test = TestJson(*view);
  if (flags.output == "json") {
    std::printf("%s\n", test.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    std::fputs(RenderSummary(test, {.color = ColorOn(STDOUT_FILENO)}).c_str(), stdout);
  }
  return aborted ? kExitAborted : ExitCodeOf(test);
}

}  // namespace

void AddRunVerb(CLI::App& app, Action& chosen) {
  CLI::App* verb = app.add_subcommand("run", R"(Run one test from this process alone

Examples:
  broadside run http://127.0.0.1:8000/ -r 1000 -d 30s
  broadside run http://127.0.0.1:8000/cart -r 500 -d 1m \
      -m POST -H 'Content-Type: application/json' -b '{"id": 7}'
  broadside run http://127.0.0.1:8000/ -r 1000 -d 30s \
      --threshold 'http_req_duration:p(99)<200'
  broadside run -f spec.yaml -o json)");
  auto flags = std::make_shared<RunFlags>();
  AddSpecOptions(verb, flags->spec);
  verb->add_option("--agents", flags->agents,
                   Concat("agents in this process, 1 to ", kEmbeddedAgentsMax,
                          "; more if the spec's agents.min is more"))
      ->check(CLI::Range(1, kEmbeddedAgentsMax))
      ->capture_default_str()
      ->option_text("N");
  verb->add_option("--threads", flags->threads,
                   Concat("sending threads of each agent, up to ", limits::kShardsMax,
                          "; 0: CPUs - 1, shared out"))
      ->check(CLI::Range(0, limits::kShardsMax))
      ->capture_default_str()
      ->option_text("N");
  AddOutputOption(verb, flags->output);
  verb->add_flag("-q,--quiet", flags->quiet, "no progress");
  verb->callback([flags, &chosen] {
    chosen = [flags](Signals& signals) { return RunTest(*flags, signals); };
  });
}

}  // namespace broadside
