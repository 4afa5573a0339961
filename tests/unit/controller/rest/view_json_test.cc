#include "controller/rest/view_json.h"

#include <gtest/gtest.h>

#include "tests/unit/controller/rest/rest_fixture.h"

namespace broadside {
namespace {

std::vector<std::string> KeysInOrder(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

using Strings = std::vector<std::string>;

TEST(ViewJsonTest, RendersATest) {
  TestView test = MakeTest("t1");
  test.started_at = test.created_at + Millis(1500);
  test.totals.planned = 50;
  test.totals.due.outcomes[Outcome::kOk] = 38;
  test.totals.due.outcomes[Outcome::kTimeout] = 2;
  test.totals.due.timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kFirstByte)] = 2;
  test.totals.outstanding = 10;
  test.totals.done.codes = {{200, 39}, {404, 1}};
  test.totals.done.versions = {{"0.2", 40}};
  test.planned_rate = 5;
  test.elapsed_s = 10;
  test.planned_per_second = 6;
  test.requests_per_second = 4;
  test.interval_coverage = 0.5;
  test.verdict = {VerdictLevel::kSuspect, {"1 skipped, limit 0"}};
  test.thresholds.push_back(
      {*ParseThreshold(ThresholdMetric::kResponseTime, "p(99)<200"), 12.5, true});
  const Json json = TestJson(test);
  EXPECT_EQ(KeysInOrder(json),
            (Strings{"id", "name", "state", "reason", "spec", "created_at", "started_at",
                     "ended_at", "elapsed_s", "totals", "rates", "last_second", "response_time",
                     "service_time", "send_lag", "books", "thresholds", "verdict", "agents"}));
  EXPECT_EQ(json["created_at"], "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(json["started_at"], "2026-01-01T00:00:01.500Z");
  EXPECT_TRUE(json["ended_at"].is_null());
  EXPECT_EQ(json["elapsed_s"], 10.0);
  EXPECT_TRUE(json["reason"].is_null());
  test.reason = "stopped by a user";
  EXPECT_EQ(TestJson(test)["reason"], "stopped by a user");
  EXPECT_EQ(KeysInOrder(json["totals"]),
            (Strings{"planned", "outcomes", "timeouts_by_phase", "outstanding", "resends", "codes",
                     "versions", "bytes_sent", "bytes_received"}));
  EXPECT_EQ(json["totals"]["outcomes"].size(), kOutcomeCount);
  EXPECT_EQ(json["totals"]["outcomes"]["unknown"], 0);
  EXPECT_EQ(json["totals"]["timeouts_by_phase"].dump(),
            R"({"connect":0,"tls":0,"send":0,"first_byte":2,"body":0})");
  EXPECT_EQ(json["totals"]["codes"].dump(), R"({"200":39,"404":1})");
  EXPECT_EQ(json["thresholds"].dump(),
            R"([{"metric":"http_req_duration","expression":"p(99)<200","ok":true,"value":12.5}])");
  EXPECT_EQ(json["verdict"].dump(), R"({"generator":"suspect","reasons":["1 skipped, limit 0"]})");
  EXPECT_EQ(json["books"].dump(), R"({"balanced":true})");
  EXPECT_EQ(json["rates"].dump(), R"({"planned":5.0,"sent":0.0,"completed":0.0})");
  EXPECT_EQ(json["last_second"].dump(), R"({"planned":6,"completed":4,"coverage":0.5})");
}

TEST(ViewJsonTest, HasNoFiguresForAnEmptyDistribution) {
  EXPECT_EQ(TestJson(MakeTest("t1"))["send_lag"].dump(),
            R"({"count":0,"mean_ms":null,"p50_ms":null,"p90_ms":null,"p99_ms":null,)"
            R"("p99_9_ms":null,"max_ms":null})");
}

TEST(ViewJsonTest, HasNullForPercentilesWithTooFewSamplesAbove) {
  TestView test = MakeTest("t1");
  for (int i = 0; i < 200; ++i) test.totals.send_lag.Record(Millis(8));
  const Json json = TestJson(test)["send_lag"];
  // 200 samples: 100 above the median, 20 above p90, 2 above p99. All are the same, so the estimate
  // is held at 8 ms.
  EXPECT_EQ(json.dump(), R"({"count":200,"mean_ms":8.0,"p50_ms":8.0,"p90_ms":8.0,"p99_ms":null,)"
                         R"("p99_9_ms":null,"max_ms":8.0})");
}

TEST(ViewJsonTest, OutlinesTheResponseTimeByDoublings) {
  TestView test = MakeTest("t1");
  test.totals.response_time.Record(Nanos(0));
  // 2^-10 s is 976,562.5 ns: 0.9 ms is below it, 1 ms above, 1.9 ms below 2^-9 s.
  for (const int64_t nanos : {900'000, 1'000'000, 1'900'000})
    test.totals.response_time.Record(Nanos(nanos));
  EXPECT_EQ(TestJson(test)["response_time"]["doublings"].dump(),
            R"([{"le_ms":0.00095367431640625,"count":1},{"le_ms":0.9765625,"count":1},)"
            R"({"le_ms":1.953125,"count":2}])");
}

TEST(ViewJsonTest, CountsAClosedLoopWithoutAPlan) {
  TestView test = MakeTest("t1");
  auto spec = std::make_shared<TestSpec>(*test.spec);
  spec->load = {.model = LoadModel::kClosed, .connections = 4, .duration_ms = 1000};
  test.spec = std::move(spec);
  test.totals.due.outcomes[Outcome::kOk] = 3;
  test.totals.outstanding = 1;
  const Json json = TestJson(test);
  EXPECT_TRUE(json["totals"]["planned"].is_null());
  EXPECT_EQ(json["totals"]["started"], 4);  // 3 answered, 1 under way
  EXPECT_TRUE(json["rates"]["planned"].is_null());
  EXPECT_TRUE(IntervalJson({}, LoadModel::kClosed)["planned"].is_null());
}

TEST(ViewJsonTest, RendersAnAgent) {
  AgentView agent;
  agent.name = "a";
  agent.incarnation = {1, 2};
  agent.state = AgentState::kSpare;
  agent.threads = 3;
  EXPECT_EQ(AgentJson(agent).dump(),
            R"({"name":"a","incarnation":"00000000000000010000000000000002","state":"spare",)"
            R"("share":0.0,"threads":3,"capacity_rps":null,"send_lag_p99_ms":null,)"
            R"("clock_offset_ms":null,"clock_error_ms":null})");
  agent.clock_known = true;
  agent.clock_error_ms = 0.5;
  agent.capacity_rps = 1000;
  EXPECT_EQ(AgentJson(agent)["clock_error_ms"], 0.5);
  EXPECT_EQ(AgentJson(agent)["capacity_rps"], 1000.0);
}

TEST(ViewJsonTest, RendersAnInterval) {
  IntervalView interval;
  interval.k = 4;
  interval.planned = 10;
  interval.done.completed = 9;
  interval.settled = true;
  const Json json = IntervalJson(interval, LoadModel::kOpen);
  EXPECT_EQ(KeysInOrder(json),
            (Strings{"k", "planned", "outcomes", "completed", "codes", "versions", "response_time",
                     "service_time", "send_lag", "settled", "closed_completed", "coverage"}));
  EXPECT_EQ(json["completed"], 9);
  EXPECT_EQ(json["settled"], true);
  EXPECT_TRUE(json["closed_completed"].is_null());
  EXPECT_TRUE(json["coverage"].is_null());
}

TEST(ViewJsonTest, RendersTheRateThatAClosedIntervalWasPublishedWith) {
  IntervalView interval;
  interval.done.completed = 10;  // one came late
  interval.closed = true;
  interval.closed_completed = 9;
  interval.coverage = 0.5;
  const Json json = IntervalJson(interval, LoadModel::kOpen);
  EXPECT_EQ(json["completed"], 10);
  EXPECT_EQ(json["closed_completed"], 9);
  EXPECT_EQ(json["coverage"], 0.5);
}

TEST(ViewJsonTest, LeavesOutTheLongPartsOfATest) {
  const Json whole = TestJson(MakeTest("t1"));
  Json brief = TestJson(MakeTest("t1"), {.spec = false, .agents = false});
  EXPECT_FALSE(brief.contains("spec"));
  EXPECT_FALSE(brief.contains("agents"));
  brief["spec"] = whole["spec"];
  brief["agents"] = whole["agents"];
  EXPECT_EQ(Strings(KeysInOrder(brief)).size(), KeysInOrder(whole).size());
  EXPECT_EQ(brief["totals"], whole["totals"]);
}

TEST(ViewJsonTest, SurvivesBytesThatAreNotUtf8) {
  TestView test = MakeTest("t1");
  test.totals.done.versions["\xff"] = 1;
  EXPECT_TRUE(Json::accept(Dump(TestJson(test))));
}

}  // namespace
}  // namespace broadside
