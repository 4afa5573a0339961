#pragma once

// Structured log: one logfmt line per event to stderr, for people and collectors.
//
//   Log(LogLevel::kInfo, "agent_joined", {{"name", name}, {"threads", "4"}});
//   ts=2026-01-02T03:04:05.678Z level=info event=agent_joined name=agent-1 threads=4
//
// Thread-safe: a line is one write(2). Not for the hot path: it allocates and costs a system call.
// Values are quoted where logfmt needs it.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace broadside {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarn = 2, kError = 3, kOff = 4 };

using LogField = std::pair<std::string_view, std::string>;

// Lines below `level` are dropped; the default is info. Thread-safe.
void SetLogLevel(LogLevel level);
// Lines as JSON objects instead of logfmt. Thread-safe.
void SetLogJson(bool json);
bool ParseLogLevel(std::string_view text, LogLevel* level);

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
void Log(LogLevel level, std::string_view event, std::span<const LogField> fields);

// The line that Log would write, without the newline; for tests.
std::string FormatLogLine(LogLevel level, std::string_view event, std::span<const LogField> fields,
                          int64_t unix_millis, bool json);
inline std::string FormatLogLine(LogLevel level, std::string_view event,
                                 std::initializer_list<LogField> fields, int64_t unix_millis,
                                 bool json) {
  return FormatLogLine(level, event, std::span(fields.begin(), fields.size()), unix_millis, json);
}

}  // namespace broadside
