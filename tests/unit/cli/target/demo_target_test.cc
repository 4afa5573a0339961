#include "cli/target/demo_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/raw_client.h"

namespace broadside {
namespace {

using std::chrono::steady_clock;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kStats = "GET /__target/stats HTTP/1.1\r\nHost: a\r\n\r\n";

// A started target.
struct Started {
  explicit Started(TargetOptions options = {}) : target(std::move(options)) {
    const absl::Status status = target.Start();
    EXPECT_TRUE(status.ok()) << status;
  }
  DemoTarget target;
};

nlohmann::json StatsOver(RawClient& client) {
  client.Send(kStats);
  const std::string answer = client.ReadAnswer();
  return nlohmann::json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
}

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(DemoTargetTest, AnswersAndKeepsTheConnection) {
  Started s({.body_bytes = 3, .version = {"X-Version", "0.2"}});
  RawClient client(s.target.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.Send(kGet));
    EXPECT_EQ(client.ReadAnswer(),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
              "X-Version: 0.2\r\n\r\nxxx");
  }
  const TargetStats stats = s.target.stats();
  EXPECT_EQ(stats.requests, 3u);
  EXPECT_EQ(stats.by_status.at(200), 3u);
  EXPECT_EQ(stats.connections_opened, 1u);
  EXPECT_EQ(stats.bytes_received, 3 * kGet.size());
}

TEST(DemoTargetTest, HeadGetsTheHeadOnly) {
  Started s({.body_bytes = 3});
  RawClient client(s.target.port());
  client.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  EXPECT_THAT(client.ReadAnswer(true), HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(client.ReadAnswer(), EndsWith("\r\n\r\nxxx"));
}

TEST(DemoTargetTest, ClosesWhenAsked) {
  Started s;
  RawClient client(s.target.port());
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("xxxxx"));
  EXPECT_EQ(s.target.stats().connections_open, 0u);
}

TEST(DemoTargetTest, Http10ClosesUnlessItAsksToKeep) {
  Started s;
  RawClient client(s.target.port());
  client.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("Connection: keep-alive\r\n"));
  client.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), HasSubstr("Connection: close\r\n"));
}

TEST(DemoTargetTest, ReadsAndDropsBodies) {
  Started s;
  RawClient client(s.target.port());
  const std::string large(1 << 20, 'b');
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n" + large);
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + large +
              "\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(s.target.stats().requests, 2u);
}

TEST(DemoTargetTest, SendsContinueBeforeTheBody) {
  Started s;
  RawClient client(s.target.port());
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hi");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200"));
}

TEST(DemoTargetTest, AnswersPipelinedRequestsInOrder) {
  Started s;
  RawClient client(s.target.port());
  client.Send(Repeat(kGet, 1000) + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  for (int i = 0; i < 1000; ++i) {
    ASSERT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200")) << i;
  }
  EXPECT_THAT(client.ReadAll(), HasSubstr("Connection: close"));
  EXPECT_EQ(s.target.stats().requests, 1001u);
}

// 100 requests of 5 ms each that arrive at once are due at once, but at most 32 are owed at a time:
// 4 rounds.
TEST(DemoTargetTest, PipelinedRequestsWaitSideBySideUpToTheBound) {
  Started s({.latency = {LatencyKind::kFixed, Millis(5)}});
  RawClient client(s.target.port());
  client.Send(Repeat(kGet, 100));
  for (int i = 0; i < 100; ++i) ASSERT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200")) << i;
  const TargetStats stats = s.target.stats();
  EXPECT_EQ(stats.requests, 100u);
  EXPECT_EQ(stats.pending, 0u);
}

TEST(DemoTargetTest, NeverAnswersBeforeTheLatencyIsOver) {
  Started s({.latency = {LatencyKind::kFixed, Millis(20)}});
  RawClient client(s.target.port());
  for (int i = 0; i < 5; ++i) {
    const auto start = steady_clock::now();
    client.Send(kGet);
    ASSERT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200"));
    EXPECT_GE(steady_clock::now() - start, Millis(20));
  }
}

TEST(DemoTargetTest, AnswersConnectionsIndependently) {
  Started s({.latency = {LatencyKind::kUniform, Millis(1), Millis(10)}, .threads = 2});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<RawClient>(s.target.port()));
    clients.back()->Send(kGet);
  }
  for (const auto& client : clients) EXPECT_THAT(client->ReadAnswer(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(s.target.stats().connections_open, 20u);
}

// 4000 requests, each 503 with p = 0.25: 1000, standard deviation sqrt(4000 * 0.25 * 0.75) = 27.
TEST(DemoTargetTest, AnswersTheErrorRateWith503) {
  Started s({.error_rate = 0.25, .seed = 5});
  RawClient client(s.target.port());
  for (int i = 0; i < 40; ++i) {
    client.Send(Repeat(kGet, 100));
    for (int j = 0; j < 100; ++j) ASSERT_NE(client.ReadAnswer(), "");
  }
  const TargetStats stats = s.target.stats();
  EXPECT_EQ(stats.by_status.at(200) + stats.by_status.at(503), 4000u);
  EXPECT_NEAR(static_cast<double>(stats.by_status.at(503)), 1000, 5 * 27);
}

TEST(DemoTargetTest, AnswersEverythingWith503AtRateOne) {
  Started s({.error_rate = 1, .version = {"X-Version", "0.2"}});
  RawClient client(s.target.port());
  client.Send(kGet);
  EXPECT_THAT(client.ReadAnswer(),
              testing::AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("X-Version: 0.2\r\n")));
}

TEST(DemoTargetTest, AStallHoldsWhatComesAndAnswersItAtItsEnd) {
  Started s({.stalls = {{Nanos(0), Millis(200)}}});  // from the first request on
  RawClient first(s.target.port());
  RawClient second(s.target.port());
  const auto start = steady_clock::now();
  first.Send(kGet);
  second.Send(kGet);
  EXPECT_THAT(first.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  EXPECT_GE(steady_clock::now() - start, Millis(200));
  EXPECT_THAT(second.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  // Over: the next answers do not wait for the next 200 ms, and there is no next stall.
  for (int i = 0; i < 3; ++i) {
    first.Send(kGet);
    EXPECT_THAT(first.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  }
}

// Without reading, a request is seen only when the stall has ended: its bin is that of the end.
TEST(DemoTargetTest, AStallReadsNothing) {
  Started s({.stalls = {{Nanos(0), Millis(300)}}});
  RawClient first(s.target.port());
  first.Send(kGet);
  while (s.target.stats().requests == 0) std::this_thread::yield();
  RawClient second(s.target.port());
  second.Send(kGet);
  ASSERT_THAT(second.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  const TargetStats stats = s.target.stats();
  EXPECT_EQ(stats.bins.front(), 1u);
  EXPECT_GE(stats.bins.size(), 30u);  // 300 ms / 10 ms
}

TEST(DemoTargetTest, AStallAlsoHoldsAnswersThatFallDueInIt) {
  // Due after 50 ms, within [10 ms, 210 ms).
  Started s({.latency = {LatencyKind::kFixed, Millis(50)}, .stalls = {{Millis(10), Millis(200)}}});
  RawClient client(s.target.port());
  const auto start = steady_clock::now();
  client.Send(kGet);
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  EXPECT_GE(steady_clock::now() - start, Millis(210));
}

TEST(DemoTargetTest, TimeRunsFromTheFirstRequestAfterAReset) {
  Started s({.stalls = {{Nanos(0), Millis(100)}}});
  RawClient client(s.target.port());
  for (int i = 0; i < 2; ++i) {
    const auto start = steady_clock::now();
    client.Send(kGet);
    client.ReadAnswer();
    EXPECT_GE(steady_clock::now() - start, Millis(100));
    client.Send("POST /__target/reset HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 204"));
  }
}

TEST(DemoTargetTest, ServesStatsThatDoNotCountThemselves) {
  Started s;
  RawClient client(s.target.port());
  client.Send(kGet + kGet);
  client.ReadAnswer();
  client.ReadAnswer();
  StatsOver(client);
  const nlohmann::json stats = StatsOver(client);
  EXPECT_EQ(stats["requests"], 2);
  EXPECT_EQ(stats["by_status"], nlohmann::json({{"200", 2}}));
  EXPECT_EQ(stats["connections"]["open"], 1);
  const std::vector<int> bins = stats["bins"];
  EXPECT_EQ(std::accumulate(bins.begin(), bins.end(), 0), 2);
}

TEST(DemoTargetTest, StampsRequestsWithItsMonotonicClock) {
  Started s;
  RawClient client(s.target.port());
  const auto bin_now = [] { return steady_clock::now().time_since_epoch() / kTargetBin; };
  const int64_t before = bin_now();
  client.Send(kGet);
  client.ReadAnswer();
  const int64_t after = bin_now();
  EXPECT_GE(s.target.stats().first_bin, before);
  EXPECT_LE(s.target.stats().first_bin, after);
}

TEST(DemoTargetTest, RecordsSlots) {
  Started s;
  RawClient client(s.target.port());
  for (const char* slot : {"0", "1", "1", "41"}) {
    client.Send(std::string("GET / HTTP/1.1\r\nHost: a\r\nX-Broadside-Slot: ") + slot + "\r\n\r\n");
    client.ReadAnswer();
  }
  EXPECT_EQ(StatsOver(client)["slots"],
            nlohmann::json({{"distinct", 3}, {"duplicates", 1}, {"max", 41}, {"out_of_range", 0}}));
}

TEST(DemoTargetTest, ControlPathsHaveTheirOwnErrors) {
  Started s;
  RawClient client(s.target.port());
  client.Send("POST /__target/stats HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 405"));
  client.Send("GET /__target/reset HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("Allow: POST\r\n"));
  client.Send("GET /__target/x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 404"));
  EXPECT_EQ(s.target.stats().requests, 0u);
}

TEST(DemoTargetTest, BadRequestsGetAnAnswerThatSaysWhyAndTheEnd) {
  Started s;
  {
    RawClient client(s.target.port());
    client.Send(kGet + "GARBAGE\r\n" + std::string(100'000, 'z'));
    EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200"));
    const std::string answer = client.ReadAll();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(answer, EndsWith("the request line is not METHOD TARGET VERSION\n"));
    EXPECT_FALSE(client.was_reset());
  }
  RawClient client(s.target.port());
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(70'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 431"));
  EXPECT_EQ(s.target.stats().bad_requests, 2u);
  EXPECT_EQ(s.target.stats().requests, 1u);
}

TEST(DemoTargetTest, SendsBodiesOf64MiBWhole) {
  constexpr size_t kBytes = 64u << 20;
  Started s({.body_bytes = kBytes});
  RawClient client(s.target.port());
  client.Send(kGet + kGet);
  for (int i = 0; i < 2; ++i) {
    const std::string answer = client.ReadAnswer();
    ASSERT_EQ(answer.size(), answer.find("\r\n\r\n") + 4 + kBytes);
    EXPECT_EQ(answer.find_first_not_of('x', answer.size() - kBytes), std::string::npos);
  }
}

TEST(DemoTargetTest, AnswersAClientThatEndedItsDirection) {
  Started s({.latency = {LatencyKind::kFixed, Millis(10)}});
  RawClient client(s.target.port());
  client.Send(kGet + kGet);
  client.ShutdownWrite();
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200"));
}

TEST(DemoTargetTest, StopsWhileConnectionsAreOpenAndAnswersOwed) {
  Started s(
      {.latency = {LatencyKind::kFixed, Seconds(1000)}, .body_bytes = 64u << 20, .threads = 2});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<RawClient>(s.target.port()));
    clients.back()->Send(kGet);
  }
  while (s.target.stats().requests < 8) std::this_thread::yield();
  s.target.Stop();
  s.target.Stop();  // idempotent
  EXPECT_EQ(clients[0]->ReadAll(), "");
  const TargetStats stats = s.target.stats();
  EXPECT_EQ(stats.connections_open, 0u);
  EXPECT_EQ(stats.requests, 8u);
  EXPECT_EQ(stats.dropped, 8u);
  EXPECT_EQ(stats.pending, 0u);
}

TEST(DemoTargetTest, StopsInTheMiddleOfAnAnswerAndOfAStall) {
  Started sending({.body_bytes = 64u << 20});
  RawClient client(sending.target.port());
  client.Send(kGet);
  ASSERT_EQ(client.ReadBytes(1000).size(), 1000u);
  sending.target.Stop();
  EXPECT_LT(client.ReadAll().size(), 64u << 20);
  Started stalled({.stalls = {{Nanos(0), std::chrono::hours(1)}}});
  RawClient waiting(stalled.target.port());
  waiting.Send(kGet);
  while (stalled.target.stats().requests == 0) std::this_thread::yield();
  stalled.target.Stop();
  EXPECT_EQ(waiting.ReadAll(), "");
}

TEST(DemoTargetTest, APortInUseIsAnErrorThatSaysWhatToDo) {
  Started first;
  DemoTarget second({.listen = {"127.0.0.1", first.target.port()}, .threads = 2});
  const absl::Status status = second.Start();
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(StartsWith("--listen: 127.0.0.1:"), HasSubstr("is in use")));
}

TEST(DemoTargetTest, WrongOptionsAreAnErrorOfStart) {
  DemoTarget target({.threads = 0});
  EXPECT_THAT(std::string(target.Start().message()), StartsWith("--threads: '0'"));
}

}  // namespace
}  // namespace broadside
