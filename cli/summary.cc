#include "cli/summary.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "cli/exit_code.h"

namespace broadside {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBarWidth = 40;

class Page {
 public:
  explicit Page(bool color) : color_(color) {}

  template <typename... Args>
  void Line(const absl::FormatSpec<Args...>& format, const Args&... args) {
    text_ += absl::StrFormat(format, args...);
    text_ += '\n';
  }
  void Blank() { text_ += '\n'; }
  std::string Good(std::string_view text) const { return Paint("32", text); }
  std::string Warn(std::string_view text) const { return Paint("33", text); }
  std::string Bad(std::string_view text) const { return Paint("31", text); }
  std::string Bold(std::string_view text) const { return Paint("1", text); }
  std::string Take() { return std::move(text_); }

 private:
  std::string Paint(const char* code, std::string_view text) const {
    if (!color_) return std::string(text);
    return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
  }
  const bool color_;
  std::string text_;
};

std::string Bytes(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  return unit == 0 ? absl::StrFormat("%.0f B", bytes)
                   : absl::StrFormat("%.1f %s", bytes, kUnits[unit]);
}

// Milliseconds with three significant digits; "-" where there is nothing.
std::string Ms(const Json& value) {
  if (!value.is_number()) return "-";
  const double ms = value.get<double>();
  if (ms < 10) return absl::StrFormat("%.3f", ms);
  if (ms < 100) return absl::StrFormat("%.2f", ms);
  return absl::StrFormat("%.1f", ms);
}

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

int64_t Integer(const Json& object, const std::string& key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<int64_t>() : 0;
}

void AddCounts(Page& page, const Json& test) {
  const Json& totals = test.at("totals");
  const Json& rates = test.at("rates");
  page.Line("  %-16s %14s %14.1f/s", "planned", GroupDigits(Integer(totals, "planned")),
            rates.value("planned", 0.0));
  page.Line("  %-16s %14s %14.1f/s", "sent", GroupDigits(Integer(test.at("send_lag"), "count")),
            rates.value("sent", 0.0));
  int64_t answers = 0;
  for (const auto& [code, count] : totals.at("codes").items()) answers += count.get<int64_t>();
  page.Line("  %-16s %14s %14.1f/s", "completed", GroupDigits(answers),
            rates.value("completed", 0.0));
}

void AddOutcomes(Page& page, const Json& totals) {
  const char* label = "outcomes";
  for (const auto& [name, count] : totals.at("outcomes").items()) {
    const int64_t n = count.get<int64_t>();
    if (n == 0 && name != "ok") continue;
    const std::string shown = absl::StrFormat("%14s %s", GroupDigits(n), name);
    page.Line("  %-16s %s", label, name == "ok" ? page.Good(shown) : page.Bad(shown));
    label = "";
  }
  label = "codes";
  for (const auto& [code, count] : totals.at("codes").items()) {
    page.Line("  %-16s %14s %s", label, GroupDigits(count.get<int64_t>()), code);
    label = "";
  }
  label = "versions";
  for (const auto& [version, count] : totals.at("versions").items()) {
    page.Line("  %-16s %14s %s", label, GroupDigits(count.get<int64_t>()), version);
    label = "";
  }
  page.Line("  %-16s %14s received, %s sent, %s resends", "data",
            Bytes(static_cast<double>(Integer(totals, "bytes_received"))),
            Bytes(static_cast<double>(Integer(totals, "bytes_sent"))),
            GroupDigits(Integer(totals, "resends")));
}

void AddTimes(Page& page, const Json& test) {
  page.Line("  %-16s %10s %10s %10s %10s %10s %10s", "ms", "mean", "p50", "p90", "p99", "p99.9",
            "max");
  constexpr std::array<std::pair<const char*, const char*>, 3> kRows = {
      {{"response time", "response_time"},
       {"service time", "service_time"},
       {"send lag", "send_lag"}}};
  for (const auto& [label, key] : kRows) {
    const Json& row = test.at(key);
    page.Line("  %-16s %10s %10s %10s %10s %10s %10s", label, Ms(row.at("mean_ms")),
              Ms(row.at("p50_ms")), Ms(row.at("p90_ms")), Ms(row.at("p99_ms")),
              Ms(row.at("p99_9_ms")), Ms(row.at("max_ms")));
  }
}

// Response time by doublings: an outline that percentiles cannot give.
void AddHistogram(Page& page, const Json& response_time) {
  const auto buckets = response_time.find("doublings");
  if (buckets == response_time.end() || buckets->empty()) return;
  int64_t most = 1;
  for (const Json& bucket : *buckets) most = std::max(most, Integer(bucket, "count"));
  page.Blank();
  page.Line("  response time, requests by doubling");
  for (const Json& bucket : *buckets) {
    const int64_t count = Integer(bucket, "count");
    const auto width = static_cast<size_t>((count * kBarWidth + most - 1) / most);
    std::string bar;
    for (size_t i = 0; i < width; ++i) bar += "█";
    for (size_t i = width; i < kBarWidth; ++i) bar += ' ';
    page.Line("  %13s ms %s %s", "<= " + Ms(bucket.at("le_ms")), bar, GroupDigits(count));
  }
}

void AddJudgement(Page& page, const Json& test) {
  for (const Json& threshold : test.at("thresholds")) {
    const bool ok = threshold.value("ok", false);
    const Json& value = threshold.at("value");
    page.Line("  %s %s %s (%s)", ok ? page.Good("ok    ") : page.Bad("failed"),
              Text(threshold, "metric"), Text(threshold, "expression"),
              value.is_number() ? absl::StrFormat("%.4g", value.get<double>()) : "no data");
  }
  const Json& totals = test.at("totals");
  int64_t outcomes = 0;
  for (const auto& [name, count] : totals.at("outcomes").items()) outcomes += count.get<int64_t>();
  const bool balanced = test.at("books").value("balanced", false);
  const std::string books = absl::StrFormat(
      "%s planned = %s outcomes + %s outstanding", GroupDigits(Integer(totals, "planned")),
      GroupDigits(outcomes), GroupDigits(Integer(totals, "outstanding")));
  page.Line("  %-16s %s: %s", "books", balanced ? page.Good("balanced") : page.Bad("NOT BALANCED"),
            books);
  const Json& verdict = test.at("verdict");
  const std::string level = Text(verdict, "generator");
  page.Line("  %-16s %s", "generator",
            level == "valid"     ? page.Good(level)
            : level == "suspect" ? page.Warn(level)
                                 : page.Bad(level));
  for (const Json& reason : verdict.at("reasons"))
    page.Line("  %-16s - %s", "", reason.get<std::string>());
}

}  // namespace

std::string GroupDigits(int64_t value) {
  const std::string digits = absl::StrFormat("%d", value < 0 ? -value : value);
  std::string grouped = value < 0 ? "-" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

std::string RenderSummary(const Json& test, const SummaryStyle& style) {
  Page page(style.color);
  const std::string state = Text(test, "state");
  const bool well = state == "finished" || state == "stopped" || state == "running";
  page.Blank();
  page.Line("  %s  %s  %s  %d agents", page.Bold(Text(test, "name")), Text(test, "id"),
            well ? state : page.Bad(state), test.at("agents").size());
  page.Blank();
  AddCounts(page, test);
  page.Blank();
  AddOutcomes(page, test.at("totals"));
  page.Blank();
  AddTimes(page, test);
  AddHistogram(page, test.at("response_time"));
  page.Blank();
  AddJudgement(page, test);
  return page.Take();
}

std::string RenderProgress(const Json& test) {
  const Json& totals = test.at("totals");
  const Json& outcomes = totals.at("outcomes");
  int64_t all = 0;
  for (const auto& [name, count] : outcomes.items()) all += count.get<int64_t>();
  const int64_t ok = Integer(outcomes, "ok");
  return absl::StrFormat(
      "%-9s planned %s  ok %s  other %s  outstanding %s  %.0f/s  p50 %s ms  p99 %s ms  lag p99 %s "
      "ms",
      Text(test, "state"), GroupDigits(Integer(totals, "planned")), GroupDigits(ok),
      GroupDigits(all - ok), GroupDigits(Integer(totals, "outstanding")),
      test.at("rates").value("completed", 0.0), Ms(test.at("response_time").at("p50_ms")),
      Ms(test.at("response_time").at("p99_ms")), Ms(test.at("send_lag").at("p99_ms")));
}

int ExitCodeOf(const Json& test) {
  const std::string state = Text(test, "state");
  if (state == "stopped") return kExitAborted;
  if (state == "failed" || state == "inconsistent") return kExitFailure;
  if (Text(test.at("verdict"), "generator") == "invalid") return kExitGeneratorInvalid;
  for (const Json& threshold : test.at("thresholds")) {
    if (!threshold.value("ok", false)) return kExitThresholdsFailed;
  }
  return kExitGood;
}

}  // namespace broadside
