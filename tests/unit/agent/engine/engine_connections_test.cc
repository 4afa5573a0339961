// How connections are used: reuse, resend, limits, age, stop.

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/wild_server.h"
#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

using wild::Close;
using wild::ExchangeId;
using wild::Hang;
using wild::Pause;
using wild::ReadRequest;
using wild::Reset;
using wild::Script;
using wild::Send;
using wild::WildServer;

const std::string kGood = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

// Ends each connection at its second request, without a byte.
Script EndTheSecond(const ExchangeId& id) {
  if (id.on_connection == 0) return {ReadRequest{}, Send{kGood}};
  return {ReadRequest{}, Close{}};
}

void ExpectBalanced(EngineHarness& harness) {
  EXPECT_EQ(harness.totals().outcomes.Total(), harness.planned()) << harness.Outcomes();
}

TEST(ConnectionsTest, AConnectionIsReused) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  EngineHarness harness(SpecFor(server.port(), 100, Millis(100)));
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 10");
  EXPECT_LT(server.counters().accepted, 10);
}

TEST(ConnectionsTest, WithoutKeepaliveEveryRequestHasItsOwn) {
  WildServer server(Script{ReadRequest{}, Send{kGood}, Close{}});
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  spec.connections.keepalive = false;
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 10");
  EXPECT_EQ(server.counters().accepted, 10);
  EXPECT_NE(server.requests()[0].find("Connection: close\r\n"), std::string::npos);
}

TEST(ConnectionsTest, ARequestOnAConnectionThatTheServerClosedIsResentOnce) {
  WildServer server(EndTheSecond);
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  spec.connections.max_per_agent = 1;
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  // 1st ok; every later one is sent on a used connection first, then on a fresh one.
  EXPECT_EQ(harness.Outcomes(), "ok 10");
  EXPECT_EQ(harness.totals().done.resends, 9u);
  EXPECT_EQ(server.counters().requests_read, 19);
}

TEST(ConnectionsTest, ARequestOnAConnectionThatTheServerResetIsResentOnce) {
  WildServer server([](const ExchangeId& id) -> Script {
    if (id.on_connection == 0) return {ReadRequest{}, Send{kGood}};
    return {ReadRequest{}, Reset{}};
  });
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  spec.connections.max_per_agent = 1;
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 10");
  EXPECT_EQ(harness.totals().done.resends, 9u);
}

TEST(ConnectionsTest, ThereIsNoResendOfAPost) {
  WildServer server(EndTheSecond);
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  spec.connections.max_per_agent = 1;
  spec.target.method = "POST";
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  // ok and reset in turn.
  EXPECT_EQ(harness.Outcomes(), "ok 5, reset 5");
  EXPECT_EQ(harness.totals().done.resends, 0u);
}

TEST(ConnectionsTest, ThereIsNoResendWhenTheSpecSaysSo) {
  WildServer server(EndTheSecond);
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  spec.connections.max_per_agent = 1;
  spec.connections.resend_idle_closed = false;
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 5, reset 5");
}

TEST(ConnectionsTest, ThereIsNoResendAfterTheFirstByte) {
  WildServer server([](const ExchangeId& id) -> Script {
    if (id.on_connection == 0) return {ReadRequest{}, Send{kGood}};
    return {ReadRequest{}, Send{"HTTP/1.1 2"}, Close{}};
  });
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  spec.connections.max_per_agent = 1;
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 5, reset 5");
}

TEST(ConnectionsTest, AFinOnAnIdleConnectionCostsNothing) {
  // The FIN is sent at once after each answer, and seen before the next slot, 50 ms later.
  WildServer server(Script{ReadRequest{}, Send{kGood}, Close{}});
  EngineHarness harness(SpecFor(server.port(), 20, Millis(200)));
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 4");
  EXPECT_EQ(harness.totals().done.resends, 0u);
  EXPECT_EQ(server.counters().accepted, 4);
}

TEST(ConnectionsTest, NeverMoreConnectionsThanTheLimit) {
  std::atomic<int64_t> open_max{0};
  WildServer* seen = nullptr;
  WildServer server([&](const ExchangeId&) -> Script {
    if (seen != nullptr) open_max = std::max<int64_t>(open_max, seen->counters().open);
    return {ReadRequest{}, Pause{Millis(20)}, Send{kGood}};
  });
  seen = &server;
  TestSpec spec = SpecFor(server.port(), 500, Millis(200));
  spec.connections.max_per_agent = 3;
  spec.max_lateness = Seconds(10);
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 100");
  EXPECT_LE(open_max, 3);
}

TEST(ConnectionsTest, ASlotWithoutAFreeConnectionIsSkippedAfterMaxLateness) {
  WildServer server(Script{ReadRequest{}, Hang{}});
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  spec.connections.max_per_agent = 2;
  spec.timeout = Seconds(1);
  spec.max_lateness = Millis(100);
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "timeout 2, skipped 8");
}

TEST(ConnectionsTest, FewerConnectionsThanShardsStillServeEverySlot) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  spec.connections.max_per_agent = 1;
  EngineHarness harness(spec, EngineOptions{.shards = 3});
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 10");
}

TEST(ConnectionsTest, ConnectionsAreRenewedByAge) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  TestSpec spec = SpecFor(server.port(), 100, Millis(1000));
  spec.connections.max_age = Millis(100);
  EngineHarness harness(spec);
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 100");
  EXPECT_GE(harness.stats().replaced, 3u);
  EXPECT_EQ(harness.totals().done.resends, 0u);
}

TEST(ConnectionsTest, AKeepAliveTimeoutIsHonoured) {
  // timeout=0: no reuse at all.
  WildServer server(Script{ReadRequest{}, Send{"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0, max=5\r\n"
                                               "Content-Length: 2\r\n\r\nhi"}});
  EngineHarness harness(SpecFor(server.port(), 100, Millis(50)));
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 5");
  EXPECT_EQ(server.counters().accepted, 5);
}

TEST(ConnectionsTest, EverySlotComesOnceOverShards) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  EngineHarness harness(SpecFor(server.port(), 700, Millis(500)),
                        EngineOptions{.shards = 3, .slot_header = true});
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 350");
  std::vector<int> seen(350, 0);
  for (const std::string& request : server.requests()) {
    const size_t at = request.find("X-Broadside-Slot: ");
    ASSERT_NE(at, std::string::npos);
    ++seen.at(std::stoul(request.substr(at + 18, 13)));
  }
  EXPECT_EQ(seen, std::vector<int>(350, 1));
}

TEST(StopTest, CutCancelsWhatIsUnsentAndLetsTheRestEnd) {
  WildServer server(Script{ReadRequest{}, Pause{Millis(100)}, Send{kGood}});
  EngineHarness harness(SpecFor(server.port(), 100, Seconds(10)));
  harness.GrantAll();
  ASSERT_TRUE(server.WaitFor([](const wild::Counters& c) { return c.requests_read >= 3; }));
  harness.Cut();
  ASSERT_TRUE(harness.CollectUntilSettled());
  ExpectBalanced(harness);
  EXPECT_EQ(harness.outcome(Outcome::kOk) + harness.outcome(Outcome::kCancelled), 1000u);
  EXPECT_GE(harness.outcome(Outcome::kOk), 3u);
}

TEST(StopTest, GrantsAfterCutAreCancelled) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  EngineHarness harness(SpecFor(server.port(), 100, Seconds(2)));
  harness.Cut();
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "cancelled 200");
  EXPECT_EQ(server.counters().accepted, 0);
}

TEST(StopTest, AbandonEndsEverythingAndTheLastResultsAreCollected) {
  WildServer server(Script{ReadRequest{}, Hang{}});
  EngineHarness harness(SpecFor(server.port(), 100, Seconds(10)));
  harness.GrantAll();
  ASSERT_TRUE(server.WaitFor([](const wild::Counters& c) { return c.requests_read >= 3; }));
  harness.engine().Abandon(EngineHarness::kTest);
  harness.Collect();
  ExpectBalanced(harness);
  EXPECT_EQ(harness.totals().settled_through, 9);
  EXPECT_GE(harness.outcome(Outcome::kAbandoned), 3u);
  EXPECT_EQ(harness.outcome(Outcome::kAbandoned) + harness.outcome(Outcome::kCancelled), 1000u);
  EXPECT_EQ(harness.stats().in_flight, 0u);
}

TEST(StopTest, ForgetDropsResultsAndConnections) {
  WildServer server(Script{ReadRequest{}, Hang{}});
  EngineHarness harness(SpecFor(server.port(), 100, Seconds(10)));
  harness.GrantAll();
  ASSERT_TRUE(server.WaitFor([](const wild::Counters& c) { return c.requests_read >= 3; }));
  harness.engine().Forget(EngineHarness::kTest);
  harness.Collect();
  EXPECT_EQ(harness.totals().outcomes.Total(), 0u);
  EXPECT_EQ(harness.stats().connections_open, 0u);
  EXPECT_GE(harness.stats().connections_opened, 3u) << "a total does not fall";
}

TEST(StopTest, ATestThatTakesThePlaceOfAnotherKeepsItsTotals) {
  WildServer server(Script{ReadRequest{}, Hang{}});
  const TestSpec spec = SpecFor(server.port(), 100, Seconds(10));
  EngineHarness harness(spec);
  harness.GrantAll();
  ASSERT_TRUE(server.WaitFor([](const wild::Counters& c) { return c.requests_read >= 3; }));
  harness.engine().StartTest(EngineHarness::kTest, std::make_shared<const TestSpec>(spec),
                             ClockMap(BootNow()));
  harness.Collect();
  EXPECT_GE(harness.stats().connections_opened, 3u);
}

TEST(StopTest, StopEndsAtOnceWithRequestsInFlight) {
  WildServer server(Script{ReadRequest{}, Hang{}});
  EngineHarness harness(SpecFor(server.port(), 100, Seconds(10)), EngineOptions{.shards = 2});
  harness.GrantAll();
  ASSERT_TRUE(server.WaitFor([](const wild::Counters& c) { return c.requests_read >= 3; }));
  harness.engine().Stop();
  harness.engine().Stop();
  EXPECT_TRUE(server.WaitFor([](const wild::Counters& c) { return c.open == 0; }));
}

TEST(StopTest, SlotsDueBeforeTheirGrantArrivedAreSkipped) {
  WildServer server(Script{ReadRequest{}, Send{kGood}});
  TestSpec spec = SpecFor(server.port(), 100, Millis(100));
  auto shared = std::make_shared<const TestSpec>(spec);
  EngineHarness harness(spec);
  harness.engine().Forget(EngineHarness::kTest);
  // T0 lies 10 s back.
  harness.engine().StartTest(EngineHarness::kTest, shared, ClockMap(BootNow() - Seconds(10)));
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "skipped 10");
}

}  // namespace
}  // namespace broadside
