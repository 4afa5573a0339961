// The one binary `broadside`: parses the command line and runs the verb.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "cli/grpc_log.h"
#include "cli/help.h"
#include "cli/suggest.h"
#include "cli/verb.h"
#include "cli/version.h"
#include "common/core/status.h"
#include "common/net/log.h"

namespace broadside {
namespace {

constexpr char kExamples[] = R"(Examples:
  broadside run http://127.0.0.1:8000/ -r 1000 -d 30s   from this machine alone
  broadside run -f spec.yaml -o json                    from a file, JSON out
  broadside controller --data ./data                    REST 8080, agents 9090
  broadside agent --controller HOST:9090                an agent for it
  broadside test start -f spec.yaml --wait              on a remote controller

Exit codes: 0 good; 99 thresholds failed; 97 the generator's verdict is invalid;
104 invalid spec or flags; 105 aborted by a signal or a stop; 1 other failures.)";

// All long flags and verbs of the app that was being parsed, for suggestions.
std::vector<std::string> Words(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  for (const CLI::App* verb : app.get_subcommands({})) words.push_back(verb->get_name());
  return words;
}

const CLI::App& Deepest(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? app : Deepest(*parsed.front());
}

// What was wrong with the words of the command line.
std::string Mistake(const CLI::App& app, const CLI::App& where, const CLI::ParseError& error) {
  std::string text = error.what();
  const std::vector<std::string> extras = app.remaining(true);
  if (!extras.empty()) {
    // A wrong flag explains the words behind it.
    const auto flag = std::find_if(extras.begin(), extras.end(),
                                   [](const std::string& extra) { return extra.starts_with("-"); });
    const std::string& extra = flag == extras.end() ? extras.front() : *flag;
    const std::string word = extra.substr(0, extra.find('='));
    const char* kind = word.starts_with("-")               ? "flag "
                       : where.get_subcommands({}).empty() ? "argument "
                                                           : "verb ";
    const std::string meant = Suggest(word, Words(where));
    if (meant == word) return Concat("flag ", word, " goes behind its verb");
    return "unknown " + (kind + word) + (meant.empty() ? "" : "; did you mean " + meant + "?");
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return text.substr(0, text.find(':')) + " needs a value";
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr &&
      !where.get_subcommands({}).empty()) {
    std::string verbs;
    for (const CLI::App* verb : where.get_subcommands({})) {
      verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
    }
    return "a verb is missing: " + verbs;
  }
  return text;
}

int Refuse(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& where = Deepest(app);
  std::string command = where.get_name();
  for (const CLI::App* parent = where.get_parent(); parent != nullptr;
       parent = parent->get_parent()) {
    command = Concat(parent->get_name(), " ", command);
  }
  std::fprintf(stderr, "%s: %s (see %s --help)\n", command.c_str(),
               Mistake(app, where, error).c_str(), command.c_str());
  return kExitBadInput;
}

// A result that did not get to where it was sent is no success. Whoever closed the pipe wants no
// more of it.
int Written(int code) {
  const bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (!lost || errno == EPIPE) return code;
  std::fprintf(stderr, "broadside: cannot write the output: %s\n", std::strerror(errno));
  return code == kExitGood ? kExitFailure : code;
}

// What CLI11 does not hand down from the app.
void DressVerb(CLI::App& verb) {
  verb.group("Verbs");
  verb.get_help_ptr()->group("Flags");
}

int Main(int argc, char** argv) {
  Signals signals;
  RedirectGrpcLog();
  CLI::App app("Distributed HTTP load tests whose fleet may change while the rate holds.\n\n" +
                   std::string(kExamples),
               "broadside");
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->label("OPTIONS", "FLAGS");
  formatter->label("SUBCOMMAND", "VERB");
  app.formatter(formatter);
  formatter->label("Positionals", "Arguments");
  app.option_defaults()->group("Flags");  // of all verbs, which come after this
  app.set_help_flag("-h,--help", "this help");
  app.set_version_flag("--version", std::string("broadside ") + kVersion, "the version");
  app.require_subcommand(1);
  std::string log_level;  // empty: the verb's own
  bool log_json = false;
  app.add_option("--log-level", log_level,
                 "of the log on stderr: debug, info, warn, error or off; info if not given, error "
                 "for run")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->option_text("LEVEL");
  app.add_flag("--log-json", log_json, "log lines as JSON objects instead of logfmt");

  Action chosen;
  AddRunVerb(app, chosen);
  AddControllerVerb(app, chosen);
  AddAgentVerb(app, chosen);
  AddTestVerb(app, chosen);
  AddAgentsVerb(app, chosen);
  AddReportVerb(app, chosen);
  AddTargetVerb(app, chosen);
  for (CLI::App* verb : app.get_subcommands({})) {
    verb->fallthrough();
    DressVerb(*verb);
    for (CLI::App* leaf : verb->get_subcommands({})) {
      leaf->fallthrough();
      DressVerb(*leaf);
    }
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return Written(app.exit(success));  // --help and --version, on stdout
  } catch (const CLI::ParseError& error) {
    return Refuse(app, error);
  }
  // The log of a run would stand between its lines.
  LogLevel level = app.got_subcommand("run") ? LogLevel::kError : LogLevel::kInfo;
  if (log_level.empty() || ParseLogLevel(log_level, &level)) SetLogLevel(level);
  SetLogJson(log_json);
  return Written(chosen(signals));
}

}  // namespace
}  // namespace broadside

int main(int argc, char** argv) { return broadside::Main(argc, argv); }
