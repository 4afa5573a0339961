#include "controller/rest/rest_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/rest/etag.h"
#include "tests/unit/controller/rest/rest_fixture.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CommandResult OkWith(TestView test) {
  CommandResult result;
  result.test = std::make_shared<const TestView>(std::move(test));
  return result;
}

CommandResult Refusal(CommandCode code, std::string detail) {
  CommandResult result;
  result.code = code;
  result.detail = std::move(detail);
  return result;
}

void ExpectProblem(const Answer& answer, int status, std::string_view instance) {
  EXPECT_EQ(answer.status, status) << answer.body;
  EXPECT_EQ(answer.Header("Content-Type"), "application/problem+json");
  ASSERT_TRUE(answer.json.is_object()) << answer.body;
  EXPECT_EQ(answer.json["type"], "about:blank");
  EXPECT_EQ(answer.json["status"], status);
  EXPECT_EQ(answer.json["instance"], std::string(instance));
  EXPECT_TRUE(answer.json["title"].is_string());
  EXPECT_FALSE(answer.json["detail"].get<std::string>().empty());
}

TEST_F(RestTest, StartsATest) {
  commands_.SetResult(OkWith(MakeTest("t1", TestState::kPending)));
  const Answer answer = Ask("POST", "/api/v1/tests", kMinimalSpec, "Idempotency-Key: abc\r\n");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.Header("Location"), "/api/v1/tests/t1");
  EXPECT_EQ(answer.Header("ETag"), EtagOf(answer.body));
  EXPECT_EQ(answer.json["id"], "t1");
  EXPECT_EQ(answer.json["state"], "pending");
  EXPECT_EQ(commands_.started().spec.name, "n");
  EXPECT_EQ(commands_.started().idempotency_key, "abc");
  EXPECT_NE(commands_.started().body_hash, 0u);
}

TEST_F(RestTest, SaysThatAStartWasReplayed) {
  CommandResult result = OkWith(MakeTest("t1"));
  result.replayed = true;
  commands_.SetResult(result);
  const Answer answer = Ask("POST", "/api/v1/tests", kMinimalSpec, "Idempotency-Key: abc\r\n");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.Header("Idempotency-Replayed"), "true");
}

TEST_F(RestTest, RefusesAnIdempotencyKeyThatIsTooLong) {
  const Answer answer = Ask("POST", "/api/v1/tests", kMinimalSpec,
                            "Idempotency-Key: " + std::string(256, 'k') + "\r\n");
  ExpectProblem(answer, 400, "/api/v1/tests");
  EXPECT_THAT(commands_.asked(), ElementsAre());
}

TEST_F(RestTest, RefusesAReusedIdempotencyKey) {
  commands_.SetResult(Refusal(CommandCode::kKeyReused, ""));
  ExpectProblem(Ask("POST", "/api/v1/tests", kMinimalSpec), 422, "/api/v1/tests");
}

TEST_F(RestTest, SaysWhenTooManyTestsRun) {
  commands_.SetResult(Refusal(CommandCode::kTooMany, "8 tests run"));
  const Answer answer = Ask("POST", "/api/v1/tests", kMinimalSpec);
  ExpectProblem(answer, 429, "/api/v1/tests");
  EXPECT_EQ(answer.Header("Retry-After"), "1");
}

TEST_F(RestTest, SaysWhenItCannotWrite) {
  commands_.SetResult(Refusal(CommandCode::kUnavailable, "read-only"));
  const Answer answer = Ask("POST", "/api/v1/tests", kMinimalSpec);
  ExpectProblem(answer, 503, "/api/v1/tests");
  EXPECT_EQ(answer.Header("Retry-After"), "1");
}

TEST_F(RestTest, ListsTheFieldsThatTheControllerRefuses) {
  CommandResult result = Refusal(CommandCode::kInvalid, "no");
  result.fields = {{"/target/url", "is refused"}};
  commands_.SetResult(result);
  const Answer answer = Ask("POST", "/api/v1/tests", kMinimalSpec);
  ExpectProblem(answer, 422, "/api/v1/tests");
  EXPECT_EQ(answer.json["errors"][0]["pointer"], "/target/url");
  EXPECT_EQ(answer.json["errors"][0]["detail"], "is refused");
}

TEST_F(RestTest, RefusesBodiesThatAreNoSpec) {
  ExpectProblem(Ask("POST", "/api/v1/tests", "no json"), 400, "/api/v1/tests");
  ExpectProblem(Ask("POST", "/api/v1/tests"), 400, "/api/v1/tests");
  ExpectProblem(Ask("POST", "/api/v1/tests", "[]"), 422, "/api/v1/tests");
  ExpectProblem(Ask("POST", "/api/v1/tests", R"({"name":"a","name":"b"})"), 422, "/api/v1/tests");
  ExpectProblem(Ask("POST", "/api/v1/tests", std::string(100, '[') + std::string(100, ']')), 422,
                "/api/v1/tests");
  ExpectProblem(Ask("POST", "/api/v1/tests", std::string(100'000, '[')), 422, "/api/v1/tests");
  EXPECT_THAT(commands_.asked(), ElementsAre());
}

TEST_F(RestTest, PointsAtWrongFields) {
  const Answer answer = Ask("POST", "/api/v1/tests", R"({"name":"","wrong":1})");
  ExpectProblem(answer, 422, "/api/v1/tests");
  std::vector<std::string> pointers;
  for (const Json& error : answer.json["errors"]) {
    pointers.push_back(error["pointer"]);
    EXPECT_FALSE(error["detail"].get<std::string>().empty());
  }
  EXPECT_THAT(pointers, testing::UnorderedElementsAre("/name", "/wrong", "/target", "/load"));
}

TEST_F(RestTest, RefusesABodyThatIsTooLarge) {
  const Answer answer = Ask("POST", "/api/v1/tests", std::string((4u << 20) + 1, ' '));
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.Header("Content-Type"), "application/problem+json");
}

TEST_F(RestTest, GetsATestWithItsEtag) {
  commands_.PublishTest(MakeTest("t1"));
  const Answer answer = Ask("GET", "/api/v1/tests/t1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Header("Content-Type"), "application/json");
  EXPECT_EQ(answer.Header("ETag"), EtagOf(answer.body));
  EXPECT_EQ(answer.json["id"], "t1");
}

TEST_F(RestTest, AnswersNotModifiedWhileTheBodyIsTheSame) {
  commands_.PublishTest(MakeTest("t1"));
  const std::string etag(Ask("GET", "/api/v1/tests/t1").Header("ETag"));
  const Answer answer = Ask("GET", "/api/v1/tests/t1", "", "If-None-Match: " + etag + "\r\n");
  EXPECT_EQ(answer.status, 304);
  EXPECT_EQ(answer.Header("ETag"), etag);
  EXPECT_EQ(answer.body, "");
}

TEST_F(RestTest, HasAnotherEtagWhenAnythingChangedWithoutARevision) {
  TestView test = MakeTest("t1");
  commands_.PublishTest(test);
  const std::string etag(Ask("GET", "/api/v1/tests/t1").Header("ETag"));
  test.completed_rate += 1;
  commands_.PublishTest(test);
  EXPECT_EQ(Ask("GET", "/api/v1/tests/t1", "", "If-None-Match: " + etag + "\r\n").status, 200);
}

TEST_F(RestTest, GetsATestThatOnlyTheStoreHas) {
  commands_.Store(std::make_shared<const TestView>(MakeTest("old", TestState::kFinished)));
  EXPECT_EQ(Ask("GET", "/api/v1/tests/old").json["state"], "finished");
}

TEST_F(RestTest, DecodesIdsInThePath) {
  commands_.PublishTest(MakeTest("a/b c"));
  EXPECT_EQ(Ask("GET", "/api/v1/tests/a%2fb%20c").json["id"], "a/b c");
  ExpectProblem(Ask("GET", "/api/v1/tests/%zz"), 400, "/api/v1/tests/%zz");
  ExpectProblem(Ask("GET", "/api/v1/tests/%00"), 400, "/api/v1/tests/%00");
}

TEST_F(RestTest, SaysNotFoundForAnUnknownTestWhateverTheBody) {
  commands_.SetResult(Refusal(CommandCode::kNotFound, "there is no test \"x\""));
  ExpectProblem(Ask("GET", "/api/v1/tests/x"), 404, "/api/v1/tests/x");
  ExpectProblem(Ask("DELETE", "/api/v1/tests/x"), 404, "/api/v1/tests/x");
  ExpectProblem(Ask("POST", "/api/v1/tests/x/stop", "no json"), 404, "/api/v1/tests/x/stop");
  ExpectProblem(Ask("GET", "/api/v1/tests/x/intervals"), 404, "/api/v1/tests/x/intervals");
  ExpectProblem(Ask("GET", "/api/v1/tests/x/events"), 404, "/api/v1/tests/x/events");
  for (const char* body : {"no json", "[]", "{}", R"({"rate":-1})", R"({"rate":1})"}) {
    ExpectProblem(Ask("PATCH", "/api/v1/tests/x", body), 404, "/api/v1/tests/x");
  }
}

TEST_F(RestTest, ListsTestsByPages) {
  TestPage page;
  page.items = {std::make_shared<const TestView>(MakeTest("t2")),
                std::make_shared<const TestView>(MakeTest("t1"))};
  page.next = TestCursor{WallTime(Nanos(1000)), "t1"};
  commands_.SetTests(page);
  const Answer answer = Ask("GET", "/api/v1/tests?limit=2&cursor=3000.t3");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json["items"].size(), 2u);
  EXPECT_EQ(answer.json["items"][0]["id"], "t2");
  EXPECT_EQ(answer.json["next"], "1000.t1");
  commands_.SetTests({});
  EXPECT_EQ(Ask("GET", "/api/v1/tests").body, "{\"items\":[],\"next\":null}\n");
  EXPECT_THAT(commands_.asked(), ElementsAre("tests behind t3 of 3000 2", "tests 50"));
}

TEST_F(RestTest, RefusesWrongQueryParametersByName) {
  commands_.PublishTest(MakeTest("t1"));
  for (const char* query :
       {"limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1e1"}) {
    const Answer answer = Ask("GET", Concat("/api/v1/tests?", query));
    ExpectProblem(answer, 400, "/api/v1/tests");
    EXPECT_THAT(answer.json["detail"], HasSubstr("limit")) << query;
  }
  const Answer unknown = Ask("GET", "/api/v1/tests?page=2");
  ExpectProblem(unknown, 400, "/api/v1/tests");
  EXPECT_EQ(unknown.json["detail"],
            "query parameter \"page\" is unknown; this call has limit, cursor, omit");
  ExpectProblem(Ask("GET", "/api/v1/tests/t1?x"), 400, "/api/v1/tests/t1");
  ExpectProblem(Ask("GET", "/api/v1/tests?limit=1&limit=2"), 400, "/api/v1/tests");
  ExpectProblem(Ask("GET", "/api/v1/tests?limit=%4"), 400, "/api/v1/tests");
}

TEST_F(RestTest, RefusesCursorsThatItNeverGave) {
  commands_.PublishTest(MakeTest("t1"));
  const std::string long_id(limits::kTestIdBytesMax + 1, 'x');
  const std::string past_end = std::to_string(limits::kSegmentMax + 1);
  const std::vector<std::pair<std::string, std::vector<std::string>>> foreign = {
      {"/api/v1/tests",
       {"", "garbage", "5", ".", "5.", ".t1", "-5.t1", "%205.t1", "99999999999999999999.t1",
        "5.t%0a", "5." + long_id}},
      {"/api/v1/tests/t1/intervals", {"", "x", "-1", "1.5", past_end}},
      {"/api/v1/agents", {"", "x", "0.a"}}};
  for (const auto& [path, cursors] : foreign) {
    for (const std::string& cursor : cursors) {
      const Answer answer = Ask("GET", Concat(path, "?cursor=", cursor));
      ExpectProblem(answer, 400, path);
      EXPECT_THAT(answer.json["detail"], HasSubstr("cursor: ")) << path << " " << cursor;
    }
  }
  EXPECT_THAT(commands_.asked(), ElementsAre());
}

TEST_F(RestTest, ListsIntervals) {
  commands_.PublishTest(MakeTest("t1"));
  IntervalPage page;
  auto interval = std::make_shared<IntervalView>();
  interval->k = 3;
  interval->planned = 5;
  page.items = {interval};
  page.next = 4;
  commands_.SetIntervals(page);
  const Answer answer = Ask("GET", "/api/v1/tests/t1/intervals?cursor=3&limit=1");
  EXPECT_EQ(answer.json["items"][0]["k"], 3);
  EXPECT_EQ(answer.json["items"][0]["planned"], 5);
  EXPECT_EQ(answer.json["next"], "4");
  Ask("GET", "/api/v1/tests/t1/intervals");
  EXPECT_THAT(commands_.asked(), ElementsAre("intervals t1 3 1", "intervals t1 0 1000"));
}

TEST_F(RestTest, ChangesTheRateExactly) {
  CommandResult result = OkWith(MakeTest("t1"));
  result.effective_at = WallTime(Seconds(1'767'225'603) + Millis(250));
  commands_.SetResult(result);
  const Answer answer = Ask("PATCH", "/api/v1/tests/t1", R"({"rate": 0.1})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json["id"], "t1");
  EXPECT_EQ(answer.json["effective_at"], "2026-01-01T00:00:03.250Z");
  Ask("PATCH", "/api/v1/tests/t1", R"({"rate": 2000})");
  // 0.1 rps is 100,000 micro-slots per second, 2000 rps 2,000,000,000.
  EXPECT_THAT(commands_.asked(), ElementsAre("rate t1 100000", "rate t1 2000000000"));
}

TEST_F(RestTest, RefusesWrongRates) {
  commands_.PublishTest(MakeTest("t1"));
  const auto pointers = [](const Answer& answer) {
    std::vector<std::string> all;
    for (const Json& error : answer.json["errors"]) all.push_back(error["pointer"]);
    return all;
  };
  for (const char* body :
       {R"({})", R"({"rate":-1})", R"({"rate":"1"})", R"({"rate":null})", R"({"rate":10000001})",
        R"({"rate":0.0000001})", R"({"rate":1e400})", R"({"rate":1,"rate":2})"}) {
    const Answer answer = Ask("PATCH", "/api/v1/tests/t1", body);
    ExpectProblem(answer, 422, "/api/v1/tests/t1");
    EXPECT_EQ(pointers(answer).at(0), "/rate") << body;
  }
  EXPECT_THAT(pointers(Ask("PATCH", "/api/v1/tests/t1", R"({"rate":1,"x/y":2})")),
              ElementsAre("/x~1y"));
  ExpectProblem(Ask("PATCH", "/api/v1/tests/t1", "[1]"), 422, "/api/v1/tests/t1");
  ExpectProblem(Ask("PATCH", "/api/v1/tests/t1", "{"), 400, "/api/v1/tests/t1");
  ExpectProblem(Ask("PATCH", "/api/v1/tests/t1"), 400, "/api/v1/tests/t1");
  EXPECT_THAT(commands_.asked(), ElementsAre());
}

TEST_F(RestTest, ListsChangesNewestFirst) {
  TestView test = MakeTest("t1");
  for (uint64_t revision = 1; revision <= 5; ++revision) {
    Change change{revision, ChangeKind::kRate, test.created_at, std::to_string(revision)};
    test.updates.push_back({revision, nullptr, std::make_shared<const Change>(change)});
  }
  commands_.PublishTest(test);
  const Answer newest = Ask("GET", "/api/v1/tests/t1/changes?limit=3");
  ASSERT_EQ(newest.json["items"].size(), 3u);
  EXPECT_EQ(newest.json["items"][0]["detail"], "5");
  EXPECT_EQ(newest.json["next"], "3");
  const Answer oldest = Ask("GET", "/api/v1/tests/t1/changes?limit=3&cursor=3");
  ASSERT_EQ(oldest.json["items"].size(), 2u);
  EXPECT_EQ(oldest.json["items"][1]["detail"], "1");
  EXPECT_TRUE(oldest.json["next"].is_null());
  EXPECT_EQ(Ask("GET", "/api/v1/tests/t1/changes?cursor=x").status, 400);
  EXPECT_EQ(Ask("GET", "/api/v1/tests/t2/changes").status, 404);
}

TEST_F(RestTest, LeavesOutWhatTheClientDoesWithout) {
  commands_.PublishTest(MakeTest("t1"));
  const Answer brief = Ask("GET", "/api/v1/tests/t1?omit=spec,agents");
  EXPECT_EQ(brief.status, 200);
  EXPECT_FALSE(brief.json.contains("spec"));
  EXPECT_FALSE(brief.json.contains("agents"));
  EXPECT_EQ(brief.json["id"], "t1");
  EXPECT_TRUE(Ask("GET", "/api/v1/tests/t1?omit=agents").json.contains("spec"));
  for (const char* wrong : {"omit=", "omit=totals", "omit=spec,spec", "omit=spec,"}) {
    EXPECT_EQ(Ask("GET", Concat("/api/v1/tests/t1?", wrong)).status, 400) << wrong;
    EXPECT_EQ(Ask("GET", Concat("/api/v1/tests?", wrong)).status, 400) << wrong;
  }
  TestPage page;
  page.items.push_back(std::make_shared<const TestView>(MakeTest("t1")));
  commands_.SetTests(page);
  EXPECT_FALSE(Ask("GET", "/api/v1/tests?omit=spec").json["items"][0].contains("spec"));
  EXPECT_TRUE(Ask("GET", "/api/v1/tests?omit=spec").json["items"][0].contains("agents"));
}

TEST_F(RestTest, SaysConflictWhenTheStateForbids) {
  commands_.SetResult(Refusal(CommandCode::kConflict, "it has ended"));
  ExpectProblem(Ask("PATCH", "/api/v1/tests/t1", R"({"rate":1})"), 409, "/api/v1/tests/t1");
  ExpectProblem(Ask("DELETE", "/api/v1/tests/t1"), 409, "/api/v1/tests/t1");
}

TEST_F(RestTest, StopsATest) {
  commands_.SetResult(OkWith(MakeTest("t1", TestState::kStopping)));
  const Answer answer = Ask("POST", "/api/v1/tests/t1/stop");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.json["state"], "stopping");
  EXPECT_THAT(commands_.asked(), ElementsAre("stop t1"));
}

TEST_F(RestTest, ForgetsATest) {
  const Answer answer = Ask("DELETE", "/api/v1/tests/t1");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.body, "");
  EXPECT_THAT(commands_.asked(), ElementsAre("delete t1"));
}

TEST_F(RestTest, ListsAgentsByPages) {
  FleetView view;
  for (int i = 0; i < 5; ++i) {
    AgentView agent;
    agent.name = i < 3 ? "a" : "b." + std::to_string(i);  // three of the same name
    agent.incarnation = {0, static_cast<uint64_t>(i)};
    view.agents.push_back(agent);
  }
  commands_.Publish(view);
  EXPECT_EQ(Ask("GET", "/api/v1/agents").json["items"].size(), 5u);
  std::vector<std::string> seen;
  std::string cursor;
  for (int page = 0; page < 3; ++page) {  // 2 + 2 + 1
    const Answer answer =
        Ask("GET", "/api/v1/agents?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const Json& agent : answer.json["items"]) {
      seen.push_back(agent["name"].get<std::string>() +
                     agent["incarnation"].get<std::string>().back());
    }
    if (answer.json["next"].is_string()) cursor = answer.json["next"];
    EXPECT_EQ(answer.json["next"].is_null(), page == 2);
  }
  EXPECT_THAT(seen, ElementsAre("a0", "a1", "a2", "b.33", "b.44"));
}

TEST_F(RestTest, DrainsAnAgent) {
  const Answer answer = Ask("POST", "/api/v1/agents/agent-1/drain");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.json, (Json{{"name", "agent-1"}, {"state", "draining"}}));
  commands_.SetResult(Refusal(CommandCode::kNotFound, "no such agent"));
  ExpectProblem(Ask("POST", "/api/v1/agents/x/drain"), 404, "/api/v1/agents/x/drain");
  EXPECT_THAT(commands_.asked(), ElementsAre("drain agent-1", "drain x"));
}

TEST_F(RestTest, TellsHealthAndReadiness) {
  EXPECT_EQ(Ask("GET", "/healthz").body, "ok\n");
  FleetView view;
  view.not_ready_reason = "waits for agents";
  commands_.Publish(view);
  const Answer not_ready = Ask("GET", "/readyz");
  ExpectProblem(not_ready, 503, "/readyz");
  EXPECT_EQ(not_ready.json["detail"], "waits for agents");
  view.ready = true;
  commands_.Publish(view);
  EXPECT_EQ(Ask("GET", "/readyz").body, "ready\n");
}

TEST_F(RestTest, ServesMetrics) {
  commands_.PublishTest(MakeTest("t1"));
  const Answer answer = Ask("GET", "/metrics");
  EXPECT_EQ(answer.Header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(answer.body, HasSubstr("broadside_requests_per_second{test=\"t1\"} 0\n"));
  EXPECT_THAT(answer.body, HasSubstr("broadside_build_info{version=\"1.2.3\"} 1\n"));
}

TEST_F(RestTest, AnswersMethodsThatAreNotPossible) {
  const Answer answer = Ask("PUT", "/api/v1/tests");
  ExpectProblem(answer, 405, "/api/v1/tests");
  EXPECT_THAT(answer.body, HasSubstr("PUT is not allowed on /api/v1/tests; allowed: POST, GET"));
  EXPECT_EQ(answer.Header("Allow"), "POST, GET, HEAD, OPTIONS");
  EXPECT_EQ(Ask("OPTIONS", "/api/v1/tests/t1").Header("Allow"),
            "GET, HEAD, PATCH, DELETE, OPTIONS");
  EXPECT_EQ(Ask("BREW", "/healthz").status, 405);
}

TEST_F(RestTest, AnswersPathsThatDoNotExist) {
  for (const char* path : {"/nothing", "/api/v1", "/api/v1/tests/", "/api/v1/tests/a/b",
                           "/../etc/passwd", "//", "*"}) {
    EXPECT_EQ(Ask("GET", path).status, 404) << path;
  }
}

TEST_F(RestTest, AnswersHeadWithoutABody) {
  commands_.PublishTest(MakeTest("t1"));
  const Answer head = Ask("HEAD", "/api/v1/tests/t1");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.Header("Content-Length"),
            std::to_string(Ask("GET", "/api/v1/tests/t1").body.size()));
}

TEST_F(RestTest, SaysWhatToDoWhenThePortIsInUse) {
  RestServerOptions options;
  options.http.listen = server_->address();
  const auto second = RestServer::Start(options, commands_);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("is in use: stop the other process"));
  EXPECT_EQ(commands_.subscribers(), 1);  // the first server's only
}

TEST_F(RestTest, StopsBeforeAnAnswerOfTheControllerComes) {
  RestServerOptions options;
  options.http.stop_grace = Millis(10);
  Serve(options);
  // Home is busy with the stop itself, so that the answer comes afterwards.
  RawClient client(server_->port());
  client.Send("DELETE /api/v1/tests/t1 HTTP/1.1\r\nHost: h\r\n\r\n");
  server_->Stop();
  EXPECT_EQ(commands_.subscribers(), 0);
}

}  // namespace
}  // namespace broadside
