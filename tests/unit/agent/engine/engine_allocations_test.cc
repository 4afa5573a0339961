// A shard allocates nothing per request once it is warm: no call of operator new on its thread.

#include <gtest/gtest.h>

#include "tests/support/wild_server.h"
#include "tests/unit/agent/engine/counted_new.h"
#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

using wild::Counters;
using wild::ExchangeId;
using wild::Pause;
using wild::ReadRequest;
using wild::Script;
using wild::Send;
using wild::WildServer;

constexpr int64_t kConnections = 8;
constexpr int64_t kWarm = 2000;
constexpr int64_t kMeasured = 6000;

// Every connection is opened ahead, and the first exchange on each lasts until all are busy: that
// is the most that the test can have in flight.
wild::Plan Answering(const std::string& answer) {
  return [answer](const ExchangeId& id) -> Script {
    if (id.on_server < kConnections) return {ReadRequest{}, Pause{Millis(100)}, Send{answer}};
    return {ReadRequest{}, Send{answer}};
  };
}

// 5,000 a second for 2 s; no connection is renewed, nothing is granted or collected meanwhile.
TestSpec SteadySpec(uint16_t port) {
  TestSpec spec = SpecFor(port, 5000, Seconds(2));
  spec.connections.max_per_agent = kConnections;
  spec.connections.max_age = Seconds(3600);
  spec.max_lateness = Seconds(60);
  return spec;
}

uint64_t NewWhileSteady(const WildServer& server, const TestSpec& spec) {
  EngineHarness harness(spec, EngineOptions{.slot_header = true});
  harness.StartIn(Millis(300));
  harness.GrantAll();
  harness.engine().Collect(
      [](const std::vector<TestDelta>&, const EngineStats&) { CountNewOfThisThread(); });
  EXPECT_TRUE(server.WaitFor([](const Counters& c) { return c.requests_read >= kWarm; }));
  const uint64_t before = CountedNew();
  EXPECT_TRUE(
      server.WaitFor([](const Counters& c) { return c.requests_read >= kWarm + kMeasured; }));
  const uint64_t after = CountedNew();
  EXPECT_GT(before, 0u);  // the counter works
  EXPECT_TRUE(harness.CollectUntilSettled());
  EXPECT_EQ(harness.Outcomes(), "ok 10000");
  return after - before;
}

TEST(AllocationsTest, ASteadyRunMakesNone) {
  WildServer server(Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
  EXPECT_EQ(NewWhileSteady(server, SteadySpec(server.port())), 0u);
}

TEST(AllocationsTest, ChunkedAnswersWithAVersionToAPostMakeNone) {
  WildServer server(Answering(
      "HTTP/1.1 200 OK\r\nX-Version: 1.2.3-with-a-longer-name\r\nKeep-Alive: timeout=60\r\n"
      "Transfer-Encoding: chunked\r\n\r\n2;extension=1\r\nhi\r\n0\r\nTrailer: 1\r\n\r\n"));
  TestSpec spec = SteadySpec(server.port());
  spec.target.method = "POST";
  spec.target.body = std::string(1000, 'b');
  spec.target.version_header = "X-Version";
  EXPECT_EQ(NewWhileSteady(server, spec), 0u);
}

}  // namespace
}  // namespace broadside
