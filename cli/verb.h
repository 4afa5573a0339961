#pragma once

// The command tree. A verb adds its subcommand and options to the app; when it was the one given,
// its action runs after all flags are parsed.

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/signals.h"

namespace broadside {

// Runs the verb, returns the exit code. Signals are already blocked.
using Action = std::function<int(Signals&)>;

void AddRunVerb(CLI::App& app, Action& chosen);
void AddControllerVerb(CLI::App& app, Action& chosen);
void AddAgentVerb(CLI::App& app, Action& chosen);
void AddTargetVerb(CLI::App& app, Action& chosen);
void AddTestVerb(CLI::App& app, Action& chosen);
void AddAgentsVerb(CLI::App& app, Action& chosen);
void AddReportVerb(CLI::App& app, Action& chosen);

}  // namespace broadside
