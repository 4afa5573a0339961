#include "controller/metrics/controller_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <random>

#include "common/core/check.h"
#include "controller/metrics/histogram_metric.h"
#include "controller/metrics/text_exposition.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr WallTime kEnd{Seconds(1'767'225'600)};

TestView MakeTest(const TestId& id, TestState state) {
  TestView test;
  auto spec = std::make_shared<TestSpec>();
  spec->name = "a \"quoted\" back\\slash";
  test.id = id;
  test.spec = std::move(spec);
  test.state = state;
  if (HasEnded(state)) test.ended_at = kEnd;
  return test;
}

std::string TextOf(std::vector<TestView> tests, WallTime now = kEnd) {
  FleetView view;
  for (TestView& test : tests) {
    const TestId id = test.id;
    view.tests[id] = std::make_shared<const TestView>(std::move(test));
  }
  auto published = std::make_shared<const FleetView>(std::move(view));
  return ControllerMetrics([=] { return published; }, [=] { return now; }, "1.2.3").Text();
}

TEST(ControllerMetricsTest, ShowsARunningTest) {
  TestView test = MakeTest("t1", TestState::kRunning);
  test.requests_per_second = 998;
  test.planned_per_second = 1000;
  test.interval_coverage = 0.5;
  test.totals.planned = 5000;
  test.totals.due.outcomes[Outcome::kOk] = 4000;
  test.totals.outstanding = 1000;
  test.totals.done.codes = {{200, 3999}, {404, 1}};
  test.totals.done.versions = {{"0.2", 7}};
  test.totals.done.resends = 3;
  test.totals.done.bytes_received = 123'456'789'012;
  const std::string text = TextOf({test});
  for (const char* line : {
           "broadside_requests_per_second{test=\"t1\"} 998\n",
           "broadside_interval_coverage{test=\"t1\"} 0.5\n",
           "broadside_planned_requests_per_second{test=\"t1\"} 1000\n",
           "broadside_planned_requests_total{test=\"t1\"} 5000\n",
           "broadside_requests_total{test=\"t1\",outcome=\"ok\"} 4000\n",
           "broadside_requests_total{test=\"t1\",outcome=\"unknown\"} 0\n",
           "broadside_responses_total{test=\"t1\",code=\"404\"} 1\n",
           "broadside_responses_by_version_total{test=\"t1\",version=\"0.2\"} 7\n",
           "broadside_outstanding_requests{test=\"t1\"} 1000\n",
           "broadside_resends_total{test=\"t1\"} 3\n",
           "broadside_received_bytes_total{test=\"t1\"} 123456789012\n",
           "broadside_books_balanced{test=\"t1\"} 1\n",
           R"(broadside_test_info{test="t1",name="a \"quoted\" back\\slash",state="running"} 1
)",
           "broadside_build_info{version=\"1.2.3\"} 1\n",
           "# TYPE broadside_requests_total counter\n",
           "# TYPE broadside_response_time_seconds histogram\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(ControllerMetricsTest, ShowsEveryOutcome) {
  const std::string text = TextOf({MakeTest("t1", TestState::kRunning)});
  for (const std::string_view name : kOutcomeNames) {
    EXPECT_THAT(text, HasSubstr("outcome=\"" + std::string(name) + "\"} 0\n"));
  }
}

TEST(ControllerMetricsTest, ShowsARateOfZeroForAMinuteAfterTheEnd) {
  TestView test = MakeTest("t1", TestState::kFinished);
  test.requests_per_second = 998;
  EXPECT_THAT(TextOf({test}, kEnd + Seconds(60)),
              HasSubstr("broadside_requests_per_second{test=\"t1\"} 0\n"));
  EXPECT_THAT(TextOf({test}, kEnd + Seconds(61)), Not(HasSubstr("broadside_requests_per_second")));
}

TEST(ControllerMetricsTest, ShowsTheOtherSeriesForFiveMinutesAfterTheEnd) {
  const TestView test = MakeTest("t1", TestState::kFinished);
  EXPECT_THAT(TextOf({test}, kEnd + Seconds(300)),
              HasSubstr("broadside_planned_requests_total{test=\"t1\"}"));
  EXPECT_THAT(TextOf({test}, kEnd + Seconds(301)), Not(HasSubstr("t1")));
  // The clock was put back: the test has just ended.
  EXPECT_THAT(TextOf({test}, kEnd - Seconds(10)), HasSubstr("broadside_requests_per_second{"));
}

TEST(ControllerMetricsTest, AStoreThatCannotBeWrittenShowsNoRateOfNow) {
  FleetView view;
  view.tests["t1"] = std::make_shared<const TestView>(MakeTest("t1", TestState::kRunning));
  view.store_writable = false;
  view.store_bytes = 4096;
  auto published = std::make_shared<const FleetView>(view);
  const ControllerMetrics metrics([&] { return published; }, [] { return kEnd; }, "1.2.3");
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("broadside_store_writable 0\n"));
  EXPECT_THAT(text, HasSubstr("broadside_store_bytes 4096\n"));
  EXPECT_THAT(text, HasSubstr("broadside_planned_requests_total{test=\"t1\"}"));
  EXPECT_THAT(text, Not(HasSubstr("broadside_requests_per_second{")));
}

TEST(ControllerMetricsTest, ShowsAgentsOfEveryState) {
  FleetView view;
  view.agents.resize(3);
  view.agents[0].state = view.agents[1].state = AgentState::kReady;
  view.agents[2].state = AgentState::kLost;
  auto published = std::make_shared<const FleetView>(view);
  const std::string text =
      ControllerMetrics([=] { return published; }, [] { return kEnd; }, "").Text();
  EXPECT_THAT(text, HasSubstr("broadside_agents{state=\"joining\"} 0\n"
                              "broadside_agents{state=\"ready\"} 2\n"
                              "broadside_agents{state=\"spare\"} 0\n"
                              "broadside_agents{state=\"draining\"} 0\n"
                              "broadside_agents{state=\"lost\"} 1\n"));
}

TEST(ControllerMetricsTest, HasNoPlanForAClosedLoop) {
  TestView test = MakeTest("t1", TestState::kRunning);
  auto spec = std::make_shared<TestSpec>();
  spec->load.model = LoadModel::kClosed;
  test.spec = std::move(spec);
  EXPECT_THAT(TextOf({test}), Not(HasSubstr("broadside_planned_requests_total{")));
}

TEST(ControllerMetricsTest, TellsOfItsProcess) {
  const std::string text = TextOf({});
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_max_fds", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " "));
  }
}

TEST(HistogramMetricTest, CountsExactlyAtEachBound) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  Histogram histogram;
  std::vector<int64_t> samples;
  for (int i = 0; i < 10'000; ++i) {
    // Spread over 2^-22 to 2^8 s, so that the zero bucket and what is above the last bound are met.
    const double exponent = -22 + 30 * std::generate_canonical<double, 53>(random);
    samples.push_back(static_cast<int64_t>(std::exp2(exponent) * 1e9));
    histogram.Record(Nanos(samples.back()));
  }
  const auto metric = ClassicHistogram(histogram);
  EXPECT_EQ(metric.sample_count, samples.size());
  ASSERT_EQ(metric.bucket.size(), 39u);  // 2 for each of 19 doublings, and the first bound
  for (const auto& bucket : metric.bucket) {
    const auto bound = std::llround(bucket.upper_bound * 1e9);
    const auto count = std::count_if(samples.begin(), samples.end(),
                                     [&](int64_t sample) { return sample <= bound; });
    EXPECT_EQ(bucket.cumulative_count, static_cast<uint64_t>(count)) << bucket.upper_bound;
  }
  RecordProperty("cases", 10'000);
}

TEST(HistogramMetricTest, WritesBoundsInTheirShortestForm) {
  TestView test = MakeTest("t1", TestState::kRunning);
  test.totals.send_lag.Record(Millis(1));
  const std::string text = TextOf({test});
  const std::string name = "broadside_send_lag_seconds_bucket{test=\"t1\",le=";
  // floor(2^-13 * 10^9) ns, floor(2^-12.5 * 10^9) ns, 2^0, floor(2^0.5 * 10^9) ns, 2^6 s.
  for (const char* line : {"\"0.00012207\"} 0\n", "\"0.000172633\"} 0\n", "\"1\"} 1\n",
                           "\"1.414213562\"} 1\n", "\"64\"} 1\n", "\"+Inf\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(name + line));
  }
  EXPECT_THAT(text, HasSubstr("broadside_send_lag_seconds_sum{test=\"t1\"} 0.001\n"));
  EXPECT_THAT(text, HasSubstr("broadside_send_lag_seconds_count{test=\"t1\"} 1\n"));
}

constexpr char kPromtool[] = "/usr/bin/promtool";

// Runs `promtool check metrics` over `text` and returns what it says.
std::string Promtool(const std::string& text) {
  int in[2];
  int out[2];
  BS_CHECK(pipe(in) == 0 && pipe(out) == 0);
  const pid_t child = fork();
  BS_CHECK(child >= 0);
  if (child == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(out[1], STDERR_FILENO);
    for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
    execl(kPromtool, "promtool", "check", "metrics", static_cast<char*>(nullptr));
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  for (size_t at = 0; at < text.size();) {
    const ssize_t put = write(in[1], text.data() + at, text.size() - at);
    BS_CHECK(put > 0);
    at += static_cast<size_t>(put);
  }
  close(in[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t got; (got = read(out[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<size_t>(got));
  }
  close(out[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? said : said + "exit status " + std::to_string(status);
}

TEST(ControllerMetricsTest, PassesPromtool) {
  TestView test = MakeTest("t1", TestState::kRunning);
  test.totals.done.codes = {{200, 1}};
  test.totals.done.versions = {{"line\nbreak", 1}};
  test.totals.response_time.Record(Millis(5));
  ASSERT_EQ(access(kPromtool, X_OK), 0)
      << kPromtool << " is missing: `scripts/setup test` installs it (package prometheus)";
  EXPECT_EQ(Promtool(TextOf({test, MakeTest("t2", TestState::kFinished)})), "");
}

TEST(TextExpositionTest, WritesNumbersThatReadBackAsTheSame) {
  prometheus::MetricFamily family{"f", "h", prometheus::MetricType::Gauge, {}};
  const double values[] = {0, 1, -1.5, 0.1, 1e15, 9007199254740993.0, 1e21, 1e-12, 172633e-9};
  for (const double value : values) {
    prometheus::ClientMetric metric;
    metric.gauge.value = value;
    family.metric.push_back(metric);
  }
  const std::string text = ToTextExposition({family});
  EXPECT_EQ(text,
            "# HELP f h\n# TYPE f gauge\nf 0\nf 1\nf -1.5\nf 0.1\nf 1000000000000000\n"
            "f 9007199254740992\nf 1e+21\nf 1e-12\nf 0.000172633\n");
}

}  // namespace
}  // namespace broadside
