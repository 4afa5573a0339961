#pragma once

// Flags that several verbs have: those that describe a test, and the form of the output.

#include <CLI/CLI.hpp>
#include <string>

#include "cli/run_spec.h"

namespace broadside {

// `flags` must outlive the parsing.
void AddSpecOptions(CLI::App* verb, RunSpecFlags& flags);

// "text" or "json"; `output` has the default, and must outlive the parsing.
void AddOutputOption(CLI::App* verb, std::string& output);

}  // namespace broadside
