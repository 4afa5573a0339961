#include "tests/support/wild_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/raw_client.h"

namespace broadside::wild {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

TEST(WildServerTest, RepeatsAScriptThatReadsOnAKeptConnection) {
  WildServer server(Script{ReadRequest{}, Send{std::string(kAnswer)}});
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.Send(kGet));
    EXPECT_EQ(client.ReadAnswer(), kAnswer);
  }
  EXPECT_EQ(server.counters().accepted, 1);
  EXPECT_EQ(server.counters().requests_read, 3);
}

TEST(WildServerTest, KeepsTheRawTextOfRequestsWithTheirBodies) {
  WildServer server(Script{ReadRequest{}, Send{std::string(kAnswer)}});
  RawClient client(server.port());
  const std::string post = "POST /x HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc";
  ASSERT_TRUE(client.Send(post + std::string(kGet)));  // pipelined
  client.ReadAnswer();
  client.ReadAnswer();
  EXPECT_THAT(server.requests(), testing::ElementsAre(post, kGet));
}

TEST(WildServerTest, PlansDifferByConnectionAndExchange) {
  WildServer server([](const ExchangeId& id) {
    return Script{ReadRequest{},
                  Send{std::to_string(id.connection) + std::to_string(id.on_connection)}};
  });
  RawClient first(server.port());
  first.Send(kGet);
  EXPECT_EQ(first.ReadBytes(2), "00");
  RawClient second(server.port());
  second.Send(kGet);
  EXPECT_EQ(second.ReadBytes(2), "10");
  first.Send(kGet);
  EXPECT_EQ(first.ReadBytes(2), "01");
}

TEST(WildServerTest, SendsInPiecesEverythingInOrder) {
  WildServer server(Script{ReadRequest{}, SendInChunks{std::string(kAnswer), 7}});
  RawClient client(server.port());
  client.Send(kGet);
  EXPECT_EQ(client.ReadAnswer(), kAnswer);
}

TEST(WildServerTest, ClosesWithFinEvenWhenTheRequestIsUnread) {
  WildServer server(Script{Send{"early"}, Close{}});
  RawClient client(server.port());
  client.Send(kGet);
  EXPECT_EQ(client.ReadAll(), "early");
  EXPECT_FALSE(client.was_reset());
}

TEST(WildServerTest, ResetsWithRst) {
  WildServer server(Script{ReadRequest{}, Reset{}});
  RawClient client(server.port());
  client.Send(kGet);
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_TRUE(client.was_reset());
}

TEST(WildServerTest, PausesForTheWholeTime) {
  WildServer server(Script{ReadRequest{}, Pause{Millis(30)}, Send{std::string(kAnswer)}});
  RawClient client(server.port());
  const auto start = std::chrono::steady_clock::now();
  client.Send(kGet);
  client.ReadAnswer();
  EXPECT_GE(std::chrono::steady_clock::now() - start, Millis(30));
}

TEST(WildServerTest, HangsUntilThePeerEndsAndServesOthersMeanwhile) {
  WildServer server([](const ExchangeId& id) {
    if (id.connection == 0) return Script{ReadRequest{}, Hang{}};
    return Script{ReadRequest{}, Send{std::string(kAnswer)}};
  });
  auto hanging = std::make_unique<RawClient>(server.port());
  hanging->Send(kGet);
  ASSERT_TRUE(server.WaitFor([](const Counters& c) { return c.requests_read == 1; }));
  RawClient other(server.port());
  other.Send(kGet);
  EXPECT_EQ(other.ReadAnswer(), kAnswer);
  EXPECT_EQ(server.counters().open, 2);
  hanging.reset();
  EXPECT_TRUE(server.WaitFor([](const Counters& c) { return c.open == 1; }));
}

TEST(WildServerTest, SendsAnswersLargerThanTheSocketBuffer) {
  const std::string large(10u << 20, 'x');  // 10 MiB
  WildServer server(Script{ReadRequest{}, Send{large}, Close{}});
  RawClient client(server.port());
  client.Send(kGet);
  EXPECT_EQ(client.ReadAll(), large);
}

TEST(WildServerTest, StopsCleanlyWhileConnectionsAreInEveryState) {
  WildServer server([](const ExchangeId& id) {
    if (id.connection == 0) return Script{ReadRequest{}, Hang{}};
    if (id.connection == 1) return Script{Close{}};
    if (id.connection == 2) return Script{Pause{Seconds(100)}};
    if (id.connection == 3) return Script{Send{std::string(10u << 20, 'x')}};
    return Script{ReadRequest{}};
  });
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(std::make_unique<RawClient>(server.port()));
  clients[0]->Send(kGet);
  ASSERT_TRUE(
      server.WaitFor([](const Counters& c) { return c.accepted == 5 && c.requests_read == 1; }));
  server.Stop();
  server.Stop();  // idempotent
  EXPECT_EQ(server.counters().open, 0);
  EXPECT_EQ(clients[4]->ReadAll(), "");
}

}  // namespace
}  // namespace broadside::wild
