#include "cli/summary.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "cli/exit_code.h"
#include "common/core/outcome.h"
#include "common/core/status.h"
#include "common/core/utf8.h"
#include "common/wire/duration.h"
#include "controller/core/fleet_view.h"

namespace broadside {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBarWidth = 40;

// What became of a request, beside the name of its outcome; at most 34 characters, so that the line
// has 80.
constexpr std::array<std::pair<Outcome, std::string_view>, kOutcomeCount> kOutcomeNotes = {{
    {Outcome::kOk, ""},
    {Outcome::kFailed, "answered with status 400 or above"},
    {Outcome::kConnectError, "refused, or no such host"},
    {Outcome::kTlsError, "no TLS session"},
    {Outcome::kReset, "closed before the answer was whole"},
    {Outcome::kProtocolError, "the answer is no HTTP/1"},
    {Outcome::kTimeout, "no whole answer within the timeout"},
    {Outcome::kRefused, "the target is not allowed"},
    {Outcome::kLocalError, "no ports, descriptors or buffers"},
    {Outcome::kSkipped, "could not be sent in time"},
    {Outcome::kCancelled, "unsent when it was stopped"},
    {Outcome::kAbandoned, "unanswered when the agent left"},
    {Outcome::kUnassigned, "no agent was there to send it"},
    {Outcome::kUnknown, "its agent never reported it"},
}};

std::string_view NoteOf(std::string_view outcome) {
  for (const auto& [known, note] : kOutcomeNotes) {
    if (OutcomeName(known) == outcome) return note;
  }
  return "";
}

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

// Milliseconds, to a microsecond below 10 and coarser above; "-" where there is nothing.
std::string Ms(const Json& value) {
  if (!value.is_number()) return "-";
  const double ms = value.get<double>();
  if (ms < 10) return absl::StrFormat("%.3f", ms);
  if (ms < 100) return absl::StrFormat("%.2f", ms);
  return absl::StrFormat("%.1f", ms);
}

// Fit for a terminal, whoever wrote it.
std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_string()) return "";
  return ReplaceUnprintable(it->get<std::string>());
}

int64_t Integer(const Json& object, const std::string& key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<int64_t>() : 0;
}

void AddCounts(Page& page, const Json& test) {
  const Json& totals = test.at("totals");
  const Json& rates = test.at("rates");
  const auto line = [&](const char* name, int64_t count) {
    page.Line("  %-14s %13s %13.1f/s", name, GroupDigits(count), rates.value(name, 0.0));
  };
  line("planned", Integer(totals, "planned"));
  line("sent", Integer(test.at("send_lag"), "count"));
  int64_t answers = 0;
  for (const auto& [code, count] : totals.at("codes").items()) answers += count.get<int64_t>();
  line("completed", answers);
}

// A line for each count that is not 0.
void AddRows(Page& page, const char* label, const Json& counts) {
  for (const auto& [name, count] : counts.items()) {
    const int64_t n = count.get<int64_t>();
    if (n == 0) continue;
    page.Line("  %-14s %13s %s", label, GroupDigits(n), ReplaceUnprintable(name));
    label = "";
  }
}

void AddOutcomes(Page& page, const Json& totals) {
  const char* label = "outcomes";
  for (const auto& [name, count] : totals.at("outcomes").items()) {
    const int64_t n = count.get<int64_t>();
    if (n == 0 && name != "ok") continue;
    const std::string_view note = NoteOf(name);
    const std::string shown = absl::StrFormat("%13s %s", GroupDigits(n), name);
    const std::string padding(name.size() < 15 ? 15 - name.size() : 1, ' ');
    page.Line("  %-14s %s%s", label, name == "ok" ? page.Good(shown) : page.Bad(shown),
              note.empty() ? "" : Concat(padding, note));
    label = "";
  }
  // A controller of an earlier version does not say it.
  if (totals.contains("timeouts_by_phase"))
    AddRows(page, "timed out in", totals["timeouts_by_phase"]);
  AddRows(page, "codes", totals.at("codes"));
  AddRows(page, "versions", totals.at("versions"));
  page.Line("  %-14s %13s received, %s sent, %s resends", "data",
            Bytes(static_cast<double>(Integer(totals, "bytes_received"))),
            Bytes(static_cast<double>(Integer(totals, "bytes_sent"))),
            GroupDigits(Integer(totals, "resends")));
}

void AddTimes(Page& page, const Json& test) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kRows = {
      {{"response time", "response_time"},
       {"service time", "service_time"},
       {"send lag", "send_lag"}}};
  constexpr std::array<const char*, 6> kColumns = {"mean_ms", "p50_ms",   "p90_ms",
                                                   "p99_ms",  "p99_9_ms", "max_ms"};
  page.Line("  %-14s %9s %9s %9s %9s %9s %9s", "ms", "mean", "p50", "p90", "p99", "p99.9", "max");
  bool too_few = false;
  for (const auto& [label, key] : kRows) {
    const Json& row = test.at(key);
    std::string cells;
    for (const char* column : kColumns) {
      cells += absl::StrFormat(" %9s", Ms(row.at(column)));
      too_few |= Integer(row, "count") > 0 && row.at(column).is_null();
    }
    page.Line("  %-14s%s", label, cells);
  }
  if (too_few) page.Line("  - : fewer than 10 requests are above it");
  if (Integer(test.at("totals").at("outcomes"), "timeout") > 0) {
    page.Line("  timeouts are in response and service time with the time of the timeout");
  }
}

// " of 90s": how long the test is to last; nothing if its spec does not say.
std::string TotalTime(const Json& spec) {
  Millis total{0};
  const Json& load = spec.at("load");
  const auto stages = load.find("stages");
  const auto add = [&total](const Json& timed) {
    const absl::StatusOr<Millis> duration = ParseDuration(Text(timed, "duration"));
    if (duration.ok()) total += *duration;
  };
  if (stages == load.end()) {
    add(load);
  } else {
    for (const Json& stage : *stages) add(stage);
  }
  if (total == Millis(0)) return "";
  return absl::StrFormat(" of %gs", static_cast<double>(total.count()) / 1000);
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
    page.Line("  %11s ms %s %s", "<= " + Ms(bucket.at("le_ms")), bar, GroupDigits(count));
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
  std::string books = Concat(GroupDigits(Integer(totals, "planned")),
                             " planned = ", GroupDigits(outcomes), " outcomes");
  if (const int64_t outstanding = Integer(totals, "outstanding"); outstanding > 0) {
    books += Concat(" + ", GroupDigits(outstanding), " outstanding");
  }
  page.Line("  %-14s %s: %s", "books", balanced ? page.Good("balanced") : page.Bad("NOT BALANCED"),
            books);
  const Json& verdict = test.at("verdict");
  const std::string level = Text(verdict, "generator");
  page.Line("  %-14s %s", "generator",
            level == "valid"     ? page.Good(level)
            : level == "suspect" ? page.Warn(level)
                                 : page.Bad(level));
  for (const Json& reason : verdict.at("reasons"))
    page.Line("  %-14s - %s", "", ReplaceUnprintable(reason.get<std::string>()));
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
  const bool bad = state == "failed" || state == "inconsistent";
  const size_t agents = test.at("agents").size();
  const std::string reason = Text(test, "reason");
  page.Blank();
  page.Line("  %s  %s  %s%s  %d agent%s", page.Bold(Text(test, "name")), Text(test, "id"),
            bad ? page.Bad(state) : state, reason.empty() ? "" : ": " + reason, agents,
            agents == 1 ? "" : "s");
  page.Blank();
  AddCounts(page, test);
  page.Blank();
  AddOutcomes(page, test.at("totals"));
  if (Integer(test.at("send_lag"), "count") + Integer(test.at("response_time"), "count") > 0) {
    page.Blank();
    AddTimes(page, test);
    AddHistogram(page, test.at("response_time"));
  }
  page.Blank();
  AddJudgement(page, test);
  return page.Take();
}

std::string RenderProgress(const Json& test) {
  const std::string state = Text(test, "state");
  if (state == "pending") {
    const int64_t agents = Integer(test.at("spec").at("agents"), "min");
    return absl::StrFormat("pending   waits for %d ready agent%s", agents, agents == 1 ? "" : "s");
  }
  const Json& totals = test.at("totals");
  const Json& outcomes = totals.at("outcomes");
  int64_t all = 0;
  for (const auto& [name, count] : outcomes.items()) all += count.get<int64_t>();
  const int64_t ok = Integer(outcomes, "ok");
  // A controller of an earlier version says the mean alone.
  const double rate = state == "running" && test.contains("last_second")
                          ? test.at("last_second").value("completed", 0.0)
                          : test.at("rates").value("completed", 0.0);
  // What can be missed comes last, where a narrow terminal cuts.
  return absl::StrFormat(
      "%-9s %.0fs%s  %.0f/s  ok %s  other %s  p50 %s  p99 %s ms  lag p99 %s ms  outstanding %s",
      state, test.value("elapsed_s", 0.0), TotalTime(test.at("spec")), rate, GroupDigits(ok),
      GroupDigits(all - ok), Ms(test.at("response_time").at("p50_ms")),
      Ms(test.at("response_time").at("p99_ms")), Ms(test.at("send_lag").at("p99_ms")),
      GroupDigits(Integer(totals, "outstanding")));
}

int ExitCodeOf(const Json& test) {
  const std::string state = Text(test, "state");
  // As in k6, a threshold that stops its test is a threshold that failed.
  const bool by_threshold = Text(test, "reason").starts_with(kThresholdCrossed);
  if (state == "stopped" && !by_threshold) return kExitAborted;
  if (state == "failed" || state == "inconsistent") return kExitFailure;
  if (Text(test.at("verdict"), "generator") == "invalid") return kExitGeneratorInvalid;
  for (const Json& threshold : test.at("thresholds")) {
    if (!threshold.value("ok", false)) return kExitThresholdsFailed;
  }
  return kExitGood;
}

}  // namespace broadside
