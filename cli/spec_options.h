#pragma once

// The flags that describe a test, of `run` and `test start` alike.

#include <CLI/CLI.hpp>

#include "cli/run_spec.h"

namespace broadside {

// `flags` must outlive the parsing.
void AddSpecOptions(CLI::App* verb, RunSpecFlags& flags);

}  // namespace broadside
