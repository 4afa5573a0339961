// A whole agent, with real shards and sockets, against a hand-made controller over gRPC's
// in-process channel.

#include "agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "common/core/test_spec.h"
#include "tests/support/raw_client.h"
#include "tests/support/wild_server.h"
#include "tests/unit/agent/fake_controller.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kRate = 50;  // slots a second

wild::Script Ok() {
  return {wild::ReadRequest{}, wild::Send{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}};
}

std::shared_ptr<const TestSpec> SpecFor(const wild::WildServer& server) {
  auto spec = std::make_shared<TestSpec>();
  spec->name = "test";
  spec->target.url = server.url();
  spec->target.host = "127.0.0.1";
  spec->target.port = server.port();
  spec->load.stages = {{60'000, kRate * kMicro, kRate * kMicro}};
  return spec;
}

// Segment k of 50 slots, all of them the agent's.
Grant GrantOf(int64_t k) {
  Grant grant;
  grant.segment.k = k;
  grant.segment.slots = {k * kRate, (k + 1) * kRate};
  grant.segment.pieces = {{k * 1000, 1000, k * kRate * kMicro, kRate * kMicro, kRate * kMicro}};
  return grant;
}

ControllerMessage GrantsOf(int64_t from, int64_t until) {
  ControllerMessage message;
  TestGrant grants{.test = "t", .grants = {}};
  for (int64_t k = from; k < until; ++k) grants.grants.push_back(GrantOf(k));
  message.grants.push_back(std::move(grants));
  return message;
}

class AgentTest : public testing::Test {
 protected:
  AgentTest() : target_(Ok()) {}

  std::unique_ptr<Agent> StartAgent(AgentOptions options) {
    auto agent = Agent::Start(std::move(options), [this](int code) { exit_.set_value(code); });
    BS_CHECK(agent.ok()) << agent.status().message();
    return *std::move(agent);
  }
  std::unique_ptr<Agent> StartAgent() {
    return StartAgent({.channel = controller_.Channel(), .name = "agent-1", .threads = 2});
  }
  // T0 half a second from now on the controller's clock, and the segments [0, segments).
  void StartTestWith(int64_t segments) {
    ControllerMessage message = GrantsOf(0, segments);
    message.tests.push_back({"t", SpecFor(target_), BootNow() + Millis(500), false});
    controller_.Send(std::move(message));
  }
  bool Connected() {
    return controller_.WaitFor(
        [](const auto& seen) { return seen.beat && seen.beat->clock_known; });
  }
  int ExitCode() {
    auto code = exit_.get_future();
    return code.wait_for(Seconds(20)) == std::future_status::ready ? code.get() : -1;
  }

  wild::WildServer target_;
  FakeController controller_;
  std::promise<int> exit_;
};

TEST_F(AgentTest, SendsTheRequestsOfItsGrantsAndReportsEverySlot) {
  const auto agent = StartAgent();
  ASSERT_TRUE(Connected());
  EXPECT_EQ(controller_.seen().hellos.at(0).name, "agent-1");
  EXPECT_EQ(controller_.seen().hellos.at(0).threads, 2u);
  StartTestWith(2);
  ASSERT_TRUE(controller_.WaitFor([](const auto& seen) { return seen.SettledThrough() >= 1; }));
  EXPECT_EQ(controller_.seen().Outcomes(Outcome::kOk), 100u);  // 2 s x 50/s
  EXPECT_EQ(target_.counters().requests_read, 100);
  EXPECT_THAT(target_.requests().at(0), HasSubstr("User-Agent: broadside/dev"));
  EXPECT_EQ(agent->Snapshot().engine.requests_sent, 100u);
}

TEST_F(AgentTest, DrainsWithCodeZeroAfterItFiredWhatItHeld) {
  const auto agent = StartAgent();
  ASSERT_TRUE(Connected());
  StartTestWith(2);
  agent->Drain();
  ASSERT_TRUE(controller_.WaitFor([](const auto& seen) { return seen.beat->draining; }));
  ControllerMessage released;
  released.released.push_back({"t", 1});
  released.may_leave = true;
  controller_.Send(released);
  EXPECT_EQ(ExitCode(), 0);
  EXPECT_EQ(controller_.seen().Outcomes(Outcome::kOk), 100u);
  EXPECT_TRUE(controller_.WaitFor([](const auto& seen) { return seen.streams_closed == 1; }));
}

TEST_F(AgentTest, ComesBackWhenItsStreamBreaksAndSendsAgainWhatIsNotAcknowledged) {
  controller_.SetAcknowledges(false);
  const auto agent = StartAgent();
  ASSERT_TRUE(Connected());
  StartTestWith(2);
  ASSERT_TRUE(controller_.WaitFor([](const auto& seen) { return !seen.reports.empty(); }));
  controller_.BreakStream();
  ASSERT_TRUE(controller_.WaitFor([](const auto& seen) { return seen.hellos.size() == 2; }));
  const Hello again = controller_.seen().hellos[1];
  EXPECT_EQ(again.store_uuid, "store");
  ASSERT_EQ(again.tests.size(), 1u);
  EXPECT_EQ(again.tests[0].plan_through, 1);
  EXPECT_EQ(again.tests[0].last_hash, GrantHash(GrantOf(1)));
  const Report first = controller_.seen().reports[0];
  ASSERT_TRUE(controller_.WaitFor([](const auto& seen) {
    return std::count_if(seen.reports.begin(), seen.reports.end(),
                         [](const Report& report) { return report.seq == 1; }) == 2;
  }));
  const auto reports = controller_.seen().reports;
  const auto copy = std::find_if(reports.begin() + 1, reports.end(),
                                 [](const Report& report) { return report.seq == 1; });
  EXPECT_EQ(*copy, first);
}

TEST_F(AgentTest, SaysThatATestIsCutOnceItSendsNothingMore) {
  const auto agent = StartAgent();
  ASSERT_TRUE(Connected());
  StartTestWith(10);
  ASSERT_TRUE(
      target_.WaitFor([](const wild::Counters& counters) { return counters.requests_read > 10; }));
  ControllerMessage cut;
  cut.cuts = {"t"};
  controller_.Send(cut);
  ASSERT_TRUE(controller_.WaitFor([](const auto& seen) { return !seen.cut_done.empty(); }));
  ASSERT_TRUE(controller_.WaitFor([](const auto& seen) { return seen.SettledThrough() >= 9; }));
  const auto seen = controller_.seen();
  EXPECT_EQ(seen.Outcomes(Outcome::kOk) + seen.Outcomes(Outcome::kCancelled), 500u);  // 10 s x 50/s
  EXPECT_EQ(static_cast<int64_t>(seen.Outcomes(Outcome::kOk)), target_.counters().requests_read);
}

TEST_F(AgentTest, ServesItsHealthOverHttp) {
  const auto agent =
      StartAgent({.channel = controller_.Channel(), .threads = 1, .http = "127.0.0.1:0"});
  ASSERT_TRUE(Connected());
  ASSERT_NE(agent->http_port(), 0);
  RawClient client(agent->http_port());
  for (const char* path : {"/healthz", "/readyz", "/metrics"}) {
    ASSERT_TRUE(client.Send(std::string("GET ") + path + " HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200")) << path;
  }
}

TEST_F(AgentTest, LeavesAtOnceWhenItNeverReachedAController) {
  // A port that was free a moment ago and refuses now.
  const uint16_t port = wild::WildServer(Ok()).port();
  const auto agent = StartAgent({.controller = "127.0.0.1:" + std::to_string(port), .threads = 1});
  agent->Drain();
  EXPECT_EQ(ExitCode(), 0);
  EXPECT_FALSE(agent->Snapshot().status.connected);
}

TEST_F(AgentTest, StopsInTheMiddleOfATest) {
  const auto agent = StartAgent();
  ASSERT_TRUE(Connected());
  StartTestWith(10);
  ASSERT_TRUE(
      target_.WaitFor([](const wild::Counters& counters) { return counters.requests_read > 10; }));
  agent->Stop();
  agent->Stop();  // idempotent
  EXPECT_TRUE(controller_.WaitFor([](const auto& seen) { return seen.streams_closed == 1; }));
}

TEST(AgentOptionsTest, SaysWhatIsWrong) {
  const auto no_controller = Agent::Start({}, {});
  EXPECT_THAT(std::string(no_controller.status().message()), HasSubstr("--controller HOST:PORT"));
  const auto threads = Agent::Start({.controller = "127.0.0.1:1", .threads = 257}, {});
  EXPECT_THAT(std::string(threads.status().message()), HasSubstr("--threads 257"));
  const auto name = Agent::Start({.controller = "127.0.0.1:1", .name = std::string(254, 'a')}, {});
  EXPECT_THAT(std::string(name.status().message()), HasSubstr("--name has 254 bytes"));
  const auto order = Agent::Start({.controller = "127.0.0.1:1", .name = "a\x1b[2J"}, {});
  EXPECT_THAT(std::string(order.status().message()), HasSubstr("--name \"a\\x1b[2J\""));
  for (const char* address : {"host", "host:", "host:x", "host:0", "host:65536", "::"}) {
    const auto no_port = Agent::Start({.controller = address}, {});
    EXPECT_THAT(std::string(no_port.status().message()), HasSubstr("has no port")) << address;
  }
  const auto scheme = Agent::Start({.controller = "http://host:9090"}, {});
  EXPECT_THAT(std::string(scheme.status().message()), HasSubstr("without a scheme"));
  const auto http = Agent::Start({.controller = "127.0.0.1:1", .http = "nonsense"}, {});
  EXPECT_THAT(std::string(http.status().message()), HasSubstr("--http"));
}

}  // namespace
}  // namespace broadside
