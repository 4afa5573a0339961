#include "agent/agent_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broadside {
namespace {

using testing::HasSubstr;

class AgentHttpTest : public testing::Test {
 protected:
  AgentHttpTest() : metrics({"agent-1", "0.1.0", "00ff"}, &published) {
    snapshot.alive_at = now;
    snapshot.status.reason = "connection refused";
  }
  HttpResponse Get(std::string path, std::string method = "GET") {
    published.Set(snapshot);
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    return AnswerAgentHttp(request, published, metrics, now);
  }
  BootTime now{Seconds(1000)};
  AgentSnapshot snapshot;
  PublishedSnapshot published;
  AgentMetrics metrics;
};

TEST_F(AgentHttpTest, IsHealthyWhileHomeAnswers) {
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/healthz").body, "ok\n");
}

TEST_F(AgentHttpTest, IsNotHealthyWhenHomeIsStuck) {
  now += Seconds(11);
  EXPECT_EQ(Get("/healthz").status, 503);
  EXPECT_EQ(Get("/healthz").body, "the agent's loop has not answered for 11 s\n");
}

TEST_F(AgentHttpTest, IsReadyOnlyWhenConnectedAndSaysWhyNot) {
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/readyz").body, "not connected: connection refused\n");
  snapshot.status.connected = true;
  EXPECT_EQ(Get("/readyz").status, 200);
}

TEST_F(AgentHttpTest, ServesMetricsInTheTextFormat) {
  const HttpResponse response = Get("/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(response.body, HasSubstr("broadside_agent_connected 0"));
}

TEST_F(AgentHttpTest, AnswersOtherPathsAndMethodsWithAProblem) {
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Get("/metrics", "HEAD").status, 200);
  const HttpResponse response = Get("/metrics", "POST");
  EXPECT_EQ(response.status, 405);
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Allow", "GET, HEAD")));
}

}  // namespace
}  // namespace broadside
