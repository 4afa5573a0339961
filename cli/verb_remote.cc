// The verbs that speak with a remote controller: test, agents, report.

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/rest_client.h"
#include "cli/run_spec.h"
#include "cli/spec_options.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/net/clock.h"
#include "common/net/random_id.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct RemoteFlags {
  std::string command;  // "broadside test get", for messages
  std::string controller = "http://127.0.0.1:8080";
  std::string output = "text";
  std::string id;
  std::string name;
  std::string rate;
  int limit = limits::kPageItemsDefault;
  bool wait = false;
  bool quiet = false;
  RunSpecFlags spec;
};
using Flags = std::shared_ptr<RemoteFlags>;

int Fail(const RemoteFlags& flags, std::string_view text, int code = kExitFailure) {
  std::fprintf(stderr, "%s: %.*s\n", flags.command.c_str(), static_cast<int>(text.size()),
               text.data());
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

// The answer as it is, or as a line that says what was done.
void PrintJsonOr(const RemoteFlags& flags, const OrderedJson& answer, const std::string& line) {
  if (flags.output == "json") {
    PrintJson(answer);
  } else {
    std::printf("%s\n", line.c_str());
  }
}

using GoodAnswer = std::function<int(const RestClient&, const OrderedJson&)>;

// Hands a good answer to `good`; anything else is a line on stderr.
int TakeAnswer(const RemoteFlags& flags, const RestClient& client,
               const absl::StatusOr<RestAnswer>& answer, const GoodAnswer& good) {
  if (!answer.ok()) return Fail(flags, TextOf(answer.status()));
  if (answer->status >= 400) {
    return Fail(flags, ProblemText(*answer),
                answer->status == 422 || answer->status == 400 ? kExitBadInput : kExitFailure);
  }
  // Whatever else listens at that address may answer too.
  try {
    return good(client, answer->body);
  } catch (const OrderedJson::exception&) {
    return Fail(flags, Concat("what answers at ", client.url(),
                              " is no controller: check --controller or BROADSIDE_CONTROLLER"));
  }
}

// Makes the call and takes its answer.
int WithAnswer(const RemoteFlags& flags, const std::string& method, const std::string& path,
               const std::string& body, const GoodAnswer& good) {
  const absl::StatusOr<RestClient> client = RestClient::Make(flags.controller);
  if (!client.ok()) return Fail(flags, TextOf(client.status()), kExitBadInput);
  absl::StatusOr<RestAnswer> answer;
  {
    const ExitOnSignal exit_on_signal;
    answer = client->Call({.method = method, .path = path, .body = body});
  }
  return TakeAnswer(flags, *client, answer, good);
}

std::string TestPath(const std::string& id) { return "/tests/" + PathSegment(id); }

bool Ended(const OrderedJson& test) {
  const std::string state = test.value("state", "");
  return state != "pending" && state != "running" && state != "stopping";
}

// A test that is followed to its end.
class Follower {
 public:
  // The first signal stops the test if `stop_on_signal`, else it leaves it.
  Follower(const RemoteFlags& flags, const RestClient& client, bool stop_on_signal)
      : flags_(flags), client_(client), stop_on_signal_(stop_on_signal), progress_(flags.quiet) {}

  int ToEnd(OrderedJson test, Signals& signals) {
    const std::string id = test.at("id").get<std::string>();
    while (!Ended(test)) {
      if (signals.Wait(1000) > 0) {
        if (!stop_on_signal_ || aborted_) return Leave(id);
        aborted_ = stop_owed_ = true;
        progress_.Say("stopping the test; a second signal leaves at once");
      }
      if (stop_owed_) AskToStop(id);
      const absl::StatusOr<RestAnswer> answer = Call("GET", TestPath(id));
      // A controller, or what stands before it, that is not there for a moment: the test goes on.
      if (!answer.ok() || answer->status >= 500) {
        const std::string why =
            answer.ok() ? ProblemText(*answer) : std::string(TextOf(answer.status()));
        if (GoneTooLong()) return Fail(flags_, why);
        progress_.Show(why);
        continue;
      }
      gone_since_.reset();
      if (answer->status >= 400) return Fail(flags_, ProblemText(*answer));
      test = answer->body;
      progress_.Show(RenderProgress(test));
    }
    progress_.End();
    PrintTest(flags_, test);
    return aborted_ ? kExitAborted : ExitCodeOf(test);
  }

 private:
  // Signals wait for the call, so it must not take long.
  absl::StatusOr<RestAnswer> Call(const std::string& method, const std::string& path) {
    return client_.Call({.method = method, .path = path, .timeout = Seconds(5)});
  }

  // Again with the next look at the test if it was not heard, or could not be done.
  void AskToStop(const std::string& id) {
    const absl::StatusOr<RestAnswer> answer = Call("POST", TestPath(id) + "/stop");
    stop_owed_ = !answer.ok() || answer->status >= 400;
    if (stop_owed_) {
      progress_.Show(
          Concat("the stop is asked for again: ",
                 answer.ok() ? ProblemText(*answer) : std::string(TextOf(answer.status()))));
    }
  }

  // A controller that restarts is away for a moment, and its test goes on; after a gap of this
  // length it does not.
  bool GoneTooLong() {
    if (!gone_since_.has_value()) gone_since_ = BootNow();
    return BootNow() - *gone_since_ > limits::kControllerGapMax;
  }

  int Leave(const std::string& id) {
    if (!aborted_) progress_.Say("the test goes on; `broadside test stop " + id + "` stops it");
    return kExitAborted;
  }

  const RemoteFlags& flags_;
  const RestClient& client_;
  const bool stop_on_signal_;
  Progress progress_;
  bool aborted_ = false;
  bool stop_owed_ = false;  // asked for by a signal, and not yet answered
  std::optional<BootTime> gone_since_;
};

// Starts it once, however often the call is made: a second time if the answer to the first was
// lost. Waiting for the test to end, a signal is taken after the call, so that it can stop it.
absl::StatusOr<RestAnswer> AskToStart(const RestClient& client, const TestSpec& spec, bool wait) {
  const RestCall call = {.method = "POST",
                         .path = "/tests",
                         .body = TestSpecToJson(spec).dump(),
                         .idempotency_key = ToString(RandomIncarnation()),
                         .timeout = Seconds(wait ? 5 : 30)};
  std::optional<ExitOnSignal> exit_on_signal;
  if (!wait) exit_on_signal.emplace();
  absl::StatusOr<RestAnswer> answer = client.Call(call);
  if (answer.status().code() == absl::StatusCode::kUnknown) answer = client.Call(call);
  if (answer.status().code() == absl::StatusCode::kUnknown) {
    return FailedPrecondition(TextOf(answer.status()),
                              ": the test may have started, `broadside test list` tells");
  }
  return answer;
}

int StartTest(const RemoteFlags& flags, Signals& signals) {
  const absl::StatusOr<RunSpec> run = MakeRunSpec(flags.spec);
  if (!run.ok()) return FailOfSpec(flags.command, flags.spec, run.status());
  const absl::StatusOr<RestClient> client = RestClient::Make(flags.controller);
  if (!client.ok()) return Fail(flags, TextOf(client.status()), kExitBadInput);
  const absl::StatusOr<RestAnswer> answer = AskToStart(*client, run->spec, flags.wait);
  if (answer.ok() && answer->status == 422) {
    const std::vector<FieldError> fields = FieldErrorsOf(*answer);
    if (!fields.empty()) return FailOfSpec(flags.command, flags.spec, Refused(*run, fields));
  }
  return TakeAnswer(flags, *client, answer,
                    [&](const RestClient& controller, const OrderedJson& test) -> int {
                      if (flags.wait) return Follower(flags, controller, true).ToEnd(test, signals);
                      PrintJsonOr(flags, test, test.at("id").get<std::string>());
                      return kExitGood;
                    });
}

int WatchTest(const RemoteFlags& flags, Signals& signals) {
  return WithAnswer(flags, "GET", TestPath(flags.id), "",
                    [&](const RestClient& client, const OrderedJson& test) {
                      return Follower(flags, client, false).ToEnd(test, signals);
                    });
}

// A closed loop plans nothing.
std::string Planned(const OrderedJson& totals) {
  const OrderedJson& planned = totals.at("planned");
  return planned.is_number() ? GroupDigits(planned.get<int64_t>()) : "-";
}

// "2026-11-28T06:13:20.184Z" without the fraction.
std::string ToSeconds(const std::string& rfc3339) {
  const size_t dot = rfc3339.find('.');
  return dot == std::string::npos ? rfc3339 : rfc3339.substr(0, dot) + "Z";
}

int ListTests(const RemoteFlags& flags) {
  const std::string path = Concat("/tests?limit=", flags.limit);
  return WithAnswer(flags, "GET", path, "", [&](const RestClient&, const OrderedJson& list) {
    const OrderedJson& items = list.at("items");
    if (flags.output == "json") {
      PrintJson(list);
      return kExitGood;
    }
    Table table(
        {{"ID"}, {"STATE"}, {"CREATED"}, {"PLANNED", true}, {"OK", true}, {"VERDICT"}, {"NAME"}});
    for (const OrderedJson& test : items) {
      const OrderedJson& totals = test.at("totals");
      table.Add({test.value("id", ""), test.value("state", ""),
                 ToSeconds(test.value("created_at", "")), Planned(totals),
                 GroupDigits(totals.at("outcomes").value("ok", int64_t{0})),
                 test.at("verdict").value("generator", ""), test.value("name", "")});
    }
    std::fputs(table.Render().c_str(), stdout);
    if (items.empty()) std::fprintf(stderr, "no tests\n");
    if (!list.at("next").is_null()) {
      std::fprintf(stderr, "there are older ones: --limit shows up to %d\n", limits::kPageItemsMax);
    }
    return kExitGood;
  });
}

// Adds the pages behind the first one; an exit code if that fails.
std::optional<int> AddPages(const RemoteFlags& flags, const RestClient& client,
                            const std::string& path, OrderedJson& list) {
  const ExitOnSignal exit_on_signal;
  while (!list.at("next").is_null()) {
    const std::string cursor = PathSegment(list.at("next").get<std::string>());
    const absl::StatusOr<RestAnswer> answer =
        client.Call({.method = "GET", .path = Concat(path, "?cursor=", cursor)});
    if (!answer.ok()) return Fail(flags, TextOf(answer.status()));
    if (answer->status >= 400) return Fail(flags, ProblemText(*answer));
    for (const OrderedJson& item : answer->body.at("items")) list.at("items").push_back(item);
    list.at("next") = answer->body.at("next");
  }
  return std::nullopt;
}

int ListAgents(const RemoteFlags& flags) {
  return WithAnswer(
      flags, "GET", "/agents", "", [&](const RestClient& client, OrderedJson list) -> int {
        const OrderedJson& items = list.at("items");
        if (const auto failed = AddPages(flags, client, "/agents", list)) return *failed;
        if (flags.output == "json") {
          PrintJson(list);
          return kExitGood;
        }
        Table table({{"NAME"},
                     {"STATE"},
                     {"THREADS", true},
                     {"SHARE", true},
                     {"LAG P99 MS", true},
                     {"CLOCK ERR MS", true}});
        for (const OrderedJson& agent : items) {
          const auto number = [&](const char* key) {
            const auto it = agent.find(key);
            return it != agent.end() && it->is_number() ? absl::StrFormat("%.3f", it->get<double>())
                                                        : std::string("-");
          };
          table.Add({agent.value("name", ""), agent.value("state", ""),
                     Concat(agent.value("threads", 0)),
                     absl::StrFormat("%.1f%%", agent.value("share", 0.0) * 100),
                     number("send_lag_p99_ms"), number("clock_error_ms")});
        }
        std::fputs(table.Render().c_str(), stdout);
        if (items.empty()) std::fprintf(stderr, "no agents\n");
        return kExitGood;
      });
}

int DrainAgent(const RemoteFlags& flags) {
  return WithAnswer(flags, "POST", "/agents/" + PathSegment(flags.name) + "/drain", "",
                    [&](const RestClient&, const OrderedJson& answer) {
                      PrintJsonOr(flags, answer, flags.name + " draining");
                      return kExitGood;
                    });
}

int GetTest(const RemoteFlags& flags) {
  return WithAnswer(flags, "GET", TestPath(flags.id), "",
                    [&](const RestClient&, const OrderedJson& test) {
                      PrintTest(flags, test);
                      return kExitGood;
                    });
}

int ChangeRate(const RemoteFlags& flags) {
  // The number goes over as it was written, so that it stays exact.
  if (!OrderedJson::parse(flags.rate, nullptr, false).is_number()) {
    return Fail(flags, "RPS " + flags.rate + ": must be a number of requests per second",
                kExitBadInput);
  }
  return WithAnswer(flags, "PATCH", TestPath(flags.id), "{\"rate\":" + flags.rate + "}",
                    [&](const RestClient&, const OrderedJson& test) {
                      const OrderedJson& at = test.at("effective_at");
                      const std::string from = at.is_string() ? at.get<std::string>() : "its start";
                      PrintJsonOr(flags, test, Concat(flags.id, " ", flags.rate, "/s from ", from));
                      return kExitGood;
                    });
}

int StopTest(const RemoteFlags& flags) {
  return WithAnswer(flags, "POST", TestPath(flags.id) + "/stop", "",
                    [&](const RestClient&, const OrderedJson& test) {
                      PrintJsonOr(flags, test,
                                  Concat(flags.id, " ", test.at("state").get<std::string>()));
                      return kExitGood;
                    });
}

int DeleteTest(const RemoteFlags& flags) {
  return WithAnswer(flags, "DELETE", TestPath(flags.id), "",
                    [&](const RestClient&, const OrderedJson&) {
                      if (flags.output == "text") std::printf("%s deleted\n", flags.id.c_str());
                      return kExitGood;
                    });
}

CLI::App* AddLeaf(CLI::App* parent, const char* name, const char* help, const Flags& flags,
                  Action& chosen, std::function<int(Signals&)> action) {
  CLI::App* leaf = parent->add_subcommand(name, help);
  leaf->add_option("--controller", flags->controller, "the controller's REST address")
      ->envname("BROADSIDE_CONTROLLER")
      ->capture_default_str()
      ->option_text("URL");
  AddOutputOption(leaf, flags->output);
  std::string command = parent->get_name() + " " + name;
  if (parent->get_parent() != nullptr) command = parent->get_parent()->get_name() + " " + command;
  leaf->callback([&chosen, flags, command, action = std::move(action)] {
    flags->command = command;
    chosen = action;
  });
  return leaf;
}

void AddTestId(CLI::App* leaf, const Flags& flags) {
  leaf->add_option("id", flags->id, "the test's id, as `test list` has it")
      ->required()
      ->option_text("ID");
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

void AddList(CLI::App* test, const Flags& flags, Action& chosen) {
  AddLeaf(test, "list", "The newest tests", flags, chosen,
          [flags](Signals&) { return ListTests(*flags); })
      ->add_option("--limit", flags->limit,
                   Concat("at most so many, up to ", limits::kPageItemsMax))
      ->check(CLI::Range(1, limits::kPageItemsMax))
      ->capture_default_str()
      ->option_text("N");
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
  AddList(test, flags, chosen);
  AddTestId(AddLeaf(test, "get", "How a test stands", flags, chosen,
                    [flags](Signals&) { return GetTest(*flags); }),
            flags);
  CLI::App* watch =
      AddLeaf(test, "watch", "Follow a test to its end; a signal leaves it running", flags, chosen,
              [flags](Signals& signals) { return WatchTest(*flags, signals); });
  AddTestId(watch, flags);
  watch->add_flag("-q,--quiet", flags->quiet, "no progress");
  CLI::App* rate = AddLeaf(test, "rate", "Change the rate of a running test, up to its end", flags,
                           chosen, [flags](Signals&) { return ChangeRate(*flags); });
  AddTestId(rate, flags);
  rate->add_option("rps", flags->rate, "requests per second from the next free second on")
      ->required()
      ->option_text("RPS");
  AddTestId(AddLeaf(test, "stop", "Stop a test", flags, chosen,
                    [flags](Signals&) { return StopTest(*flags); }),
            flags);
  AddTestId(AddLeaf(test, "delete", "Forget an ended test", flags, chosen,
                    [flags](Signals&) { return DeleteTest(*flags); }),
            flags);
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
          [flags](Signals&) { return DrainAgent(*flags); })
      ->add_option("name", flags->name, "the agent's name, as `agents list` has it")
      ->required()
      ->option_text("NAME");
}

void AddReportVerb(CLI::App& app, Action& chosen) {
  const Flags flags = std::make_shared<RemoteFlags>();
  AddTestId(AddLeaf(&app, "report", R"(The report of a test

Examples:
  broadside report t-0123456789abcdef
  broadside report t-0123456789abcdef -o json)",
                    flags, chosen, [flags](Signals&) { return GetTest(*flags); }),
            flags);
}

}  // namespace broadside
