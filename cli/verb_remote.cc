// The verbs that speak with a remote controller: test, agents, report.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/rest_client.h"
#include "cli/run_spec.h"
#include "cli/spec_options.h"
#include "cli/summary.h"
#include "cli/verb.h"
#include "common/core/status.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct RemoteFlags {
  std::string controller = "http://127.0.0.1:8080";
  std::string output = "text";
  std::string id;
  std::string name;
  std::string rate;
  std::string key;
  bool wait = false;
  bool quiet = false;
  RunSpecFlags spec;
};
using Flags = std::shared_ptr<RemoteFlags>;

void AddRemoteOptions(CLI::App* verb, const Flags& flags) {
  verb->add_option("--controller", flags->controller,
                   "the controller's REST address, http://HOST:8080")
      ->envname("BROADSIDE_CONTROLLER")
      ->capture_default_str();
  verb->add_option("-o,--output", flags->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

int Fail(std::string_view text, int code = kExitFailure) {
  std::fprintf(stderr, "broadside: %.*s\n", static_cast<int>(text.size()), text.data());
  return code;
}

std::string_view TextOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

void PrintJson(const OrderedJson& json) {
  std::printf("%s\n", json.dump(2, ' ', false, OrderedJson::error_handler_t::replace).c_str());
}

// Throws what nlohmann throws when `test` is no test.
void PrintTest(const RemoteFlags& flags, const OrderedJson& test) {
  if (flags.output == "json") {
    PrintJson(test);
  } else {
    std::fputs(RenderSummary(test, {.color = ColorOn(STDOUT_FILENO)}).c_str(), stdout);
  }
}

// Makes the call and hands a good answer to `good`; anything else is a line on stderr.
int WithAnswer(const RemoteFlags& flags, const std::string& method, const std::string& path,
               const std::string& body,
               const std::function<int(const RestClient&, const OrderedJson&)>& good) {
  const absl::StatusOr<RestClient> client = RestClient::Make(flags.controller);
  if (!client.ok()) return Fail(TextOf(client.status()), kExitBadInput);
  const absl::StatusOr<RestAnswer> answer = client->Call(method, path, body);
  if (!answer.ok()) return Fail(TextOf(answer.status()));
  if (answer->status >= 400) {
    return Fail(ProblemText(*answer),
                answer->status == 422 || answer->status == 400 ? kExitBadInput : kExitFailure);
  }
  // Whatever else listens at that address may answer too.
  try {
    return good(*client, answer->body);
  } catch (const OrderedJson::exception&) {
    return Fail(Concat("what answers at ", client->url(),
                       " is no controller: check --controller or BROADSIDE_CONTROLLER"));
  }
}

std::string TestPath(const std::string& id) { return "/tests/" + PathSegment(id); }

bool Ended(const OrderedJson& test) {
  const std::string state = test.value("state", "");
  return state != "pending" && state != "running" && state != "stopping";
}

// Follows a test to its end. A first signal stops it, a second leaves it.
int Follow(const RemoteFlags& flags, const RestClient& client, OrderedJson test, Signals& signals,
           bool stop_on_signal) {
  const std::string path = TestPath(test.at("id").get<std::string>());
  bool aborted = false;
  {
    Progress progress(flags.quiet);
    while (!Ended(test)) {
      const int signal = signals.Wait(1000);
      if (signal > 0 && (aborted || !stop_on_signal)) return kExitAborted;
      if (signal > 0) {
        aborted = true;
        const absl::StatusOr<RestAnswer> stopped = client.Call("POST", path + "/stop");
        if (!stopped.ok()) return Fail(TextOf(stopped.status()));
      }
      const absl::StatusOr<RestAnswer> answer = client.Call("GET", path);
      // A controller that restarts is away for a moment; the test goes on.
      if (!answer.ok()) {
        progress.Show(std::string(TextOf(answer.status())));
        continue;
      }
      if (answer->status >= 400) return Fail(ProblemText(*answer));
      test = answer->body;
      progress.Show(RenderProgress(test));
    }
  }
  PrintTest(flags, test);
  return aborted ? kExitAborted : ExitCodeOf(test);
}

int StartTest(const RemoteFlags& flags, Signals& signals) {
  const absl::StatusOr<TestSpec> spec = MakeRunSpec(flags.spec);
  if (!spec.ok()) {
    std::fprintf(stderr, "%s\n", std::string(TextOf(spec.status())).c_str());
    return kExitBadInput;
  }
  return WithAnswer(flags, "POST", "/tests", TestSpecToJson(*spec).dump(),
                    [&](const RestClient& client, const OrderedJson& test) {
                      if (flags.wait) return Follow(flags, client, test, signals, true);
                      if (flags.output == "json") {
                        PrintJson(test);
                      } else {
                        std::printf("%s\n", test.at("id").get<std::string>().c_str());
                      }
                      return static_cast<int>(kExitGood);
                    });
}

// A closed loop plans nothing.
std::string Planned(const OrderedJson& totals) {
  const OrderedJson& planned = totals.at("planned");
  return planned.is_number() ? GroupDigits(planned.get<int64_t>()) : "-";
}

int ListTests(const RemoteFlags& flags) {
  return WithAnswer(flags, "GET", "/tests", "", [&](const RestClient&, const OrderedJson& list) {
    if (flags.output == "json") {
      PrintJson(list);
      return kExitGood;
    }
    const OrderedJson& items = list.at("items");
    std::printf("%-20s %-13s %14s %14s %-8s %s\n", "ID", "STATE", "PLANNED", "OK", "VERDICT",
                "NAME");
    for (const OrderedJson& test : items) {
      const OrderedJson& totals = test.at("totals");
      std::printf("%-20s %-13s %14s %14s %-8s %s\n", test.value("id", "").c_str(),
                  test.value("state", "").c_str(), Planned(totals).c_str(),
                  GroupDigits(totals.at("outcomes").value("ok", int64_t{0})).c_str(),
                  test.at("verdict").value("generator", "").c_str(),
                  test.value("name", "").c_str());
    }
    return kExitGood;
  });
}

int ListAgents(const RemoteFlags& flags) {
  return WithAnswer(flags, "GET", "/agents", "", [&](const RestClient&, const OrderedJson& list) {
    if (flags.output == "json") {
      PrintJson(list);
      return kExitGood;
    }
    const OrderedJson& items = list.at("items");
    std::printf("%-24s %-9s %7s %8s %14s %14s\n", "NAME", "STATE", "THREADS", "SHARE", "LAG P99 MS",
                "CLOCK ERR MS");
    for (const OrderedJson& agent : items) {
      const auto number = [&](const char* key) {
        const auto it = agent.find(key);
        return it != agent.end() && it->is_number() ? absl::StrFormat("%.3f", it->get<double>())
                                                    : std::string("-");
      };
      std::printf("%-24s %-9s %7d %7.1f%% %14s %14s\n", agent.value("name", "").c_str(),
                  agent.value("state", "").c_str(), agent.value("threads", 0),
                  agent.value("share", 0.0) * 100, number("send_lag_p99_ms").c_str(),
                  number("clock_error_ms").c_str());
    }
    return kExitGood;
  });
}

// A verb on one test that prints the test as the controller answers it.
int OneTest(const RemoteFlags& flags, const std::string& method, const std::string& suffix,
            const std::string& body) {
  return WithAnswer(flags, method, TestPath(flags.id) + suffix, body,
                    [&](const RestClient&, const OrderedJson& test) {
                      if (method != "DELETE") PrintTest(flags, test);
                      return kExitGood;
                    });
}

int ChangeRate(const RemoteFlags& flags) {
  // The number goes over as it was written, so that it stays exact.
  if (!OrderedJson::parse(flags.rate, nullptr, false).is_number()) {
    return Fail("rps " + flags.rate + ": must be a number of requests per second", kExitBadInput);
  }
  return OneTest(flags, "PATCH", "", "{\"rate\":" + flags.rate + "}");
}

CLI::App* AddLeaf(CLI::App* parent, const char* name, const char* help, const Flags& flags,
                  Action& chosen, std::function<int(Signals&)> action) {
  CLI::App* leaf = parent->add_subcommand(name, help);
  AddRemoteOptions(leaf, flags);
  leaf->callback([&chosen, action = std::move(action)] { chosen = action; });
  return leaf;
}

void AddStart(CLI::App* test, const Flags& flags, Action& chosen) {
  CLI::App* start =
      AddLeaf(test, "start", R"(Start a test; prints its id

Examples:
  broadside test start http://svc.shop:8080/ -r 1000 -d 30s
  broadside test start -f spec.yaml --wait -o json)",
              flags, chosen, [flags](Signals& signals) { return StartTest(*flags, signals); });
  AddSpecOptions(start, flags->spec);
  start->add_flag("--wait", flags->wait,
                  "follow it to its end, print the result, exit as `run` does");
  start->add_flag("-q,--quiet", flags->quiet, "no progress");
}

}  // namespace

void AddTestVerb(CLI::App& app, Action& chosen) {
  CLI::App* test = app.add_subcommand("test", R"(Tests on a remote controller

Examples:
  broadside test start -f spec.yaml --wait
  broadside test rate t-0123456789abcdef 2000
  broadside test stop t-0123456789abcdef)");
  test->require_subcommand(1);
  const Flags flags = std::make_shared<RemoteFlags>();
  AddStart(test, flags, chosen);
  AddLeaf(test, "list", "The newest tests", flags, chosen,
          [flags](Signals&) { return ListTests(*flags); });
  AddLeaf(test, "get", "One test", flags, chosen,
          [flags](Signals&) { return OneTest(*flags, "GET", "", ""); })
      ->add_option("id", flags->id, "the test")
      ->required();
  AddLeaf(test, "watch", "Follow a test to its end", flags, chosen,
          [flags](Signals& signals) {
            return WithAnswer(*flags, "GET", TestPath(flags->id), "",
                              [&](const RestClient& client, const OrderedJson& now) {
                                return Follow(*flags, client, now, signals, false);
                              });
          })
      ->add_option("id", flags->id, "the test")
      ->required();
  CLI::App* rate = AddLeaf(test, "rate", "Change the rate of a running test", flags, chosen,
                           [flags](Signals&) { return ChangeRate(*flags); });
  rate->add_option("id", flags->id, "the test")->required();
  rate->add_option("rps", flags->rate, "requests per second from the next free second on")
      ->required();
  AddLeaf(test, "stop", "Stop a test", flags, chosen,
          [flags](Signals&) { return OneTest(*flags, "POST", "/stop", ""); })
      ->add_option("id", flags->id, "the test")
      ->required();
  AddLeaf(test, "delete", "Forget an ended test", flags, chosen,
          [flags](Signals&) { return OneTest(*flags, "DELETE", "", ""); })
      ->add_option("id", flags->id, "the test")
      ->required();
}

void AddAgentsVerb(CLI::App& app, Action& chosen) {
  CLI::App* agents = app.add_subcommand("agents", R"(The fleet of a remote controller

Examples:
  broadside agents list --controller http://HOST:8080
  broadside agents drain agent-7)");
  agents->require_subcommand(1);
  const Flags flags = std::make_shared<RemoteFlags>();
  AddLeaf(agents, "list", "Name, state, share, health", flags, chosen,
          [flags](Signals&) { return ListAgents(*flags); });
  AddLeaf(agents, "drain", "Let an agent finish what it holds and exit", flags, chosen,
          [flags](Signals&) {
            return WithAnswer(*flags, "POST", "/agents/" + PathSegment(flags->name) + "/drain", "",
                              [](const RestClient&, const OrderedJson&) { return kExitGood; });
          })
      ->add_option("name", flags->name, "the agent")
      ->required();
}

void AddReportVerb(CLI::App& app, Action& chosen) {
  const Flags flags = std::make_shared<RemoteFlags>();
  AddLeaf(&app, "report", R"(The report of a test

Examples:
  broadside report t-0123456789abcdef
  broadside report t-0123456789abcdef -o json)",
          flags, chosen, [flags](Signals&) { return OneTest(*flags, "GET", "", ""); })
      ->add_option("id", flags->id, "the test")
      ->required();
}

}  // namespace broadside
