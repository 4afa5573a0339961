#include "common/net/log.h"

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>

#include "common/net/clock.h"

namespace broadside {
namespace {

std::atomic<LogLevel> log_level{LogLevel::kInfo};
std::atomic<bool> log_json{false};

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error", "off"};

std::string Timestamp(int64_t unix_millis) {
  const time_t seconds = unix_millis / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(unix_millis % 1000));
  return text;
}

// Escapes as JSON strings do; logfmt readers accept the same.
std::string Quote(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char text[8];
      std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(c));
      out += text;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool IsBare(std::string_view value) {
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return false;
  }
  return !value.empty();
}

void AppendField(std::string& line, std::string_view key, std::string_view value, bool json) {
  if (json) {
    if (line.size() > 1) line += ',';
    line += Quote(key) + ":" + Quote(value);
    return;
  }
  if (!line.empty()) line += ' ';
  line.append(key).append("=").append(IsBare(value) ? std::string(value) : Quote(value));
}

}  // namespace

void SetLogLevel(LogLevel level) { log_level.store(level, std::memory_order_relaxed); }
void SetLogJson(bool json) { log_json.store(json, std::memory_order_relaxed); }

bool ParseLogLevel(std::string_view text, LogLevel* level) {
  for (int i = 0; i < 5; ++i) {
    if (text != kLevelNames[i]) continue;
    *level = static_cast<LogLevel>(i);
    return true;
  }
  return false;
}

std::string FormatLogLine(LogLevel level, std::string_view event, std::span<const LogField> fields,
                          int64_t unix_millis, bool json) {
  std::string line = json ? "{" : "";
  AppendField(line, "ts", Timestamp(unix_millis), json);
  AppendField(line, "level", kLevelNames[static_cast<int>(level)], json);
  AppendField(line, "event", event, json);
  for (const LogField& field : fields) AppendField(line, field.first, field.second, json);
  if (json) line += '}';
  return line;
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  Log(level, event, std::span<const LogField>(fields.begin(), fields.size()));
}

void Log(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  if (level < log_level.load(std::memory_order_relaxed)) return;
  const int64_t millis = WallNow().time_since_epoch().count() / 1'000'000;
  std::string line =
      FormatLogLine(level, event, fields, millis, log_json.load(std::memory_order_relaxed)) + "\n";
  // A log that cannot be written must not stop the program: there is nobody left to tell.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace broadside
