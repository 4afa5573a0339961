#pragma once

// The result of a test for a person at a terminal, from the test object of the REST API, so that a
// local and a remote run look alike. Pure functions.

#include <nlohmann/json.hpp>
#include <string>

namespace broadside {

struct SummaryStyle {
  bool color = false;  // ANSI colours
};

// Planned, sent, completed; outcomes, codes, bytes; response, service and lag percentiles; a small
// histogram; thresholds, books, verdict. At most 80 columns, but for names, reasons and counts of
// ten digits.
std::string RenderSummary(const nlohmann::ordered_json& test, const SummaryStyle& style);

// One line of live progress: test time, rate, outcomes, percentiles; what a pending test waits for.
std::string RenderProgress(const nlohmann::ordered_json& test);

// 60000 as "60,000".
std::string GroupDigits(int64_t value);

// The exit code that the test object deserves (cli/exit_code.h).
int ExitCodeOf(const nlohmann::ordered_json& test);

}  // namespace broadside
