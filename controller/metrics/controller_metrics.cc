#include "controller/metrics/controller_metrics.h"

#include <array>
#include <iterator>
#include <utility>

#include "controller/metrics/histogram_metric.h"
#include "controller/metrics/process_metrics.h"
#include "controller/metrics/text_exposition.h"

namespace broadside {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// Builds one family from samples.
class Family {
 public:
  Family(MetricType type, const char* name, const char* help) : family_{name, help, type, {}} {}

  template <typename Number>
  void Add(Labels labels, Number value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    const bool counter = family_.type == MetricType::Counter;
    (counter ? metric.counter.value : metric.gauge.value) = static_cast<double>(value);
    family_.metric.push_back(std::move(metric));
  }
  void Add(Labels labels, const Histogram& histogram) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram = ClassicHistogram(histogram);
    family_.metric.push_back(std::move(metric));
  }
  MetricFamily Take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

// The families of tests; one member each, in the order of the output.
struct TestFamilies {
  Family rate{MetricType::Gauge, "broadside_requests_per_second",
              "Answers of the whole cluster in the last closed second of the test."};
  Family coverage{MetricType::Gauge, "broadside_interval_coverage",
                  "Share of the owners that had reported the last closed second, 0 to 1."};
  Family planned_rate{MetricType::Gauge, "broadside_planned_requests_per_second",
                      "Plan of the last closed second."};
  Family planned{MetricType::Counter, "broadside_planned_requests_total",
                 "Slots of the segments begun so far."};
  Family requests{MetricType::Counter, "broadside_requests_total",
                  "Slots by their outcome; with the outstanding ones they add up to the plan."};
  Family responses{MetricType::Counter, "broadside_responses_total",
                   "Complete answers by status code."};
  Family versions{MetricType::Counter, "broadside_responses_by_version_total",
                  "Complete answers by the value of the spec's version header."};
  Family outstanding{MetricType::Gauge, "broadside_outstanding_requests",
                     "Slots granted to agents that have no outcome yet."};
  Family resends{MetricType::Counter, "broadside_resends_total",
                 "Requests sent once more as the server had closed the idle connection."};
  Family response_time{MetricType::Histogram, "broadside_response_time_seconds",
                       "From the intended time of a request to the end of its answer."};
  Family service_time{MetricType::Histogram, "broadside_service_time_seconds",
                      "From the sending of a request to the end of its answer."};
  Family send_lag{MetricType::Histogram, "broadside_send_lag_seconds",
                  "From the intended time of a request to its sending."};
  Family received{MetricType::Counter, "broadside_received_bytes_total",
                  "Bytes received from the target, headers included."};
  Family sent{MetricType::Counter, "broadside_sent_bytes_total",
              "Bytes sent to the target, headers included."};
  Family info{MetricType::Gauge, "broadside_test_info", "Name and state of a test; always 1."};
  Family balanced{MetricType::Gauge, "broadside_books_balanced",
                  "1 when the books of the test balance, else 0."};

  void Add(const TestView& test, bool with_rate);
  void AppendTo(std::vector<MetricFamily>& families);
};

void TestFamilies::Add(const TestView& test, bool with_rate) {
  const Labels id = {{"test", test.id}};
  const auto with = [&](const char* name, std::string_view value) {
    return Labels{{"test", test.id}, {name, std::string(value)}};
  };
  // A closed loop has no plan.
  const bool open = test.spec->load.model == LoadModel::kOpen;
  const bool ended = HasEnded(test.state);
  if (with_rate) rate.Add(id, ended ? 0 : test.requests_per_second);
  coverage.Add(id, test.interval_coverage);
  if (open) planned_rate.Add(id, ended ? 0 : test.planned_per_second);
  if (open) planned.Add(id, test.totals.planned);
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    requests.Add(with("outcome", kOutcomeNames[i]), test.totals.due.outcomes.count[i]);
  }
  for (const auto& [code, count] : test.totals.done.codes) {
    responses.Add(with("code", std::to_string(code)), count);
  }
  for (const auto& [version, count] : test.totals.done.versions) {
    versions.Add(with("version", version), count);
  }
  outstanding.Add(id, test.totals.outstanding);
  resends.Add(id, test.totals.done.resends);
  response_time.Add(id, test.totals.response_time);
  service_time.Add(id, test.totals.service_time);
  send_lag.Add(id, test.totals.send_lag);
  received.Add(id, test.totals.done.bytes_received);
  sent.Add(id, test.totals.done.bytes_sent);
  info.Add({{"test", test.id},
            {"name", test.spec->name},
            {"state", std::string(TestStateName(test.state))}},
           1);
  balanced.Add(id, test.balanced ? 1 : 0);
}

void TestFamilies::AppendTo(std::vector<MetricFamily>& families) {
  for (Family* family :
       {&rate, &coverage, &planned_rate, &planned, &requests, &responses, &versions, &outstanding,
        &resends, &response_time, &service_time, &send_lag, &received, &sent, &info, &balanced}) {
    families.push_back(family->Take());
  }
}

MetricFamily AgentsFamily(const FleetView& view) {
  std::array<int, kAgentStateCount> count{};
  for (const AgentView& agent : view.agents) ++count[static_cast<size_t>(agent.state)];
  Family family(MetricType::Gauge, "broadside_agents", "Agents by state.");
  for (size_t i = 0; i < count.size(); ++i) {
    family.Add({{"state", std::string(AgentStateName(static_cast<AgentState>(i)))}}, count[i]);
  }
  return family.Take();
}

MetricFamily Single(MetricType type, const char* name, const char* help, Labels labels,
                    double value) {
  Family family(type, name, help);
  family.Add(std::move(labels), value);
  return family.Take();
}

// Time since the end; 0 for a test that has not ended, or whose end a stepped clock puts into the
// future.
Nanos SinceEnd(const TestView& test, WallTime now) {
  if (!HasEnded(test.state) || !test.ended_at.has_value()) return Nanos(0);
  return std::max(Nanos(0), now - *test.ended_at);
}

}  // namespace

ControllerMetrics::ControllerMetrics(std::function<std::shared_ptr<const FleetView>()> view,
                                     std::function<WallTime()> now, std::string version)
    : view_(std::move(view)), now_(std::move(now)), version_(std::move(version)) {}

std::vector<MetricFamily> ControllerMetrics::Collect() const {
  const std::shared_ptr<const FleetView> view = view_();
  const WallTime now = now_();
  TestFamilies tests;
  for (const auto& [id, test] : view->tests) {
    const Nanos since_end = SinceEnd(*test, now);
    // The rate of now is not known while nothing can be counted.
    const bool with_rate = view->store_writable && since_end <= kRateSeriesAfterEnd;
    if (since_end <= kTestSeriesAfterEnd) tests.Add(*test, with_rate);
  }
  std::vector<MetricFamily> families;
  tests.AppendTo(families);
  families.push_back(AgentsFamily(*view));
  families.push_back(
      Single(MetricType::Counter, "broadside_reports_after_final_total",
             "Reports of agents that came after their test was final and were dropped.", {},
             static_cast<double>(view->reports_after_final)));
  families.push_back(Single(MetricType::Gauge, "broadside_ready",
                            "1 when the controller serves writes, else 0.", {}, view->ready));
  families.push_back(Single(MetricType::Gauge, "broadside_store_writable",
                            "0 while the store cannot be written and the controller is read-only.",
                            {}, view->store_writable));
  families.push_back(Single(MetricType::Gauge, "broadside_store_bytes",
                            "Size of the store's files.", {},
                            static_cast<double>(view->store_bytes)));
  families.push_back(Single(MetricType::Gauge, "broadside_build_info",
                            "Version of the program; always 1.", {{"version", version_}}, 1));
  return families;
}

std::string ControllerMetrics::Text() const {
  std::vector<MetricFamily> families = Collect();
  std::vector<MetricFamily> process = CollectProcessMetrics();
  std::move(process.begin(), process.end(), std::back_inserter(families));
  return ToTextExposition(families);
}

}  // namespace broadside
