// Several tests on one engine, and targets with several addresses.

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/wild_server.h"
#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

using wild::Close;
using wild::Counters;
using wild::ReadRequest;
using wild::Script;
using wild::Send;
using wild::WildServer;

const Script kGood{ReadRequest{}, Send{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"}};
const Script kMissing{ReadRequest{}, Send{"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno"}};

TEST(SeveralTestsTest, EachHasItsOwnTargetAndItsOwnBooks) {
  WildServer good(kGood);
  WildServer missing(kMissing);
  WildServer ending(Script{ReadRequest{}, Close{}});
  EngineHarness harness(SpecFor(good.port(), 300, Millis(500)), EngineOptions{.shards = 2});
  harness.RunBeside("test-2", SpecFor(missing.port(), 200, Millis(500)));
  harness.RunBeside("test-3", SpecFor(ending.port(), 100, Millis(500)));
  harness.GrantAll();
  ASSERT_TRUE(harness.CollectUntilSettled());
  ASSERT_TRUE(harness.CollectUntil([&] {
    return harness.totals("test-2").settled_through == 0 &&
           harness.totals("test-3").settled_through == 0;
  }));
  EXPECT_EQ(harness.Outcomes(), "ok 150");
  EXPECT_EQ(harness.Outcomes("test-2"), "failed 100");
  EXPECT_EQ(harness.Outcomes("test-3"), "reset 50");
  EXPECT_EQ(good.counters().requests_read, 150);
  EXPECT_EQ(missing.counters().requests_read, 100);
  EXPECT_EQ(ending.counters().requests_read, 50);
}

TEST(SeveralTestsTest, ACutOfOneLeavesTheOthers) {
  WildServer first(kGood);
  WildServer second(kGood);
  EngineHarness harness(SpecFor(first.port(), 200, Seconds(10)));
  harness.RunBeside("test-2", SpecFor(second.port(), 200, Seconds(1)));
  harness.GrantAll();
  ASSERT_TRUE(second.WaitFor([](const Counters& c) { return c.requests_read >= 20; }));
  harness.Cut();
  ASSERT_TRUE(harness.CollectUntil([&] { return harness.totals("test-2").settled_through == 0; }));
  EXPECT_EQ(harness.Outcomes("test-2"), "ok 200");
  EXPECT_GT(harness.outcome(Outcome::kCancelled), 0u);
}

// Two servers behind one name, of which the second can leave it.
class Pods {
 public:
  Pods() : first(kGood, "127.0.0.1"), second(kGood, "127.0.0.2") {}

  TestSpec Spec(int64_t rate, Millis duration) const {
    TestSpec spec = SpecFor(first.port(), rate, duration);
    spec.target.host = "pods.test";
    return spec;
  }
  EngineOptions Options() {
    EngineOptions options;
    // Shared with the thread of the lookups, which may be in one when the engine goes.
    options.lookup = [left = left_, first = first.port(), second = second.port()](
                         const std::string&, uint16_t) -> std::optional<AddressAnswer> {
      AddressAnswer answer{*SocketAddress::FromLiteral("127.0.0.1", first)};
      if (!*left) answer.push_back(*SocketAddress::FromLiteral("127.0.0.2", second));
      return answer;
    };
    options.resolving.refresh = Millis(5);
    return options;
  }
  // The second leaves the name.
  void Leave() { *left_ = true; }

  WildServer first;
  WildServer second;

 private:
  const std::shared_ptr<std::atomic<bool>> left_ = std::make_shared<std::atomic<bool>>(false);
};

TEST(AddressesTest, ExchangesAreSpreadOverThem) {
  Pods pods;
  EngineHarness harness(pods.Spec(200, Seconds(1)), pods.Options());
  ASSERT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 200");
  // Connections take turns, and idle ones are used first in, first out: about half each.
  EXPECT_GE(pods.first.counters().requests_read, 60);
  EXPECT_GE(pods.second.counters().requests_read, 60);
}

TEST(AddressesTest, ConnectionsAreOpenedAheadToEach) {
  Pods pods;
  EngineHarness harness(pods.Spec(200, Seconds(1)), pods.Options());
  harness.StartIn(Seconds(60));
  harness.GrantAll();
  // 200 a second x 20 ms = 4.
  const auto two = [](const Counters& c) { return c.accepted == 2; };
  EXPECT_TRUE(pods.first.WaitFor(two));
  EXPECT_TRUE(pods.second.WaitFor(two));
}

TEST(AddressesTest, OneThatIsGoneFromTwoAnswersGetsNoNewExchange) {
  Pods pods;
  EngineHarness harness(pods.Spec(200, Seconds(20)), pods.Options());
  harness.GrantAll();
  ASSERT_TRUE(pods.second.WaitFor([](const Counters& c) { return c.requests_read >= 10; }));
  pods.Leave();
  // Its connections are closed when their exchanges have ended.
  EXPECT_TRUE(pods.second.WaitFor([](const Counters& c) { return c.open == 0; }));
  const Counters then = pods.second.counters();
  const int64_t further = pods.first.counters().requests_read + 50;
  EXPECT_TRUE(pods.first.WaitFor([&](const Counters& c) { return c.requests_read >= further; }));
  EXPECT_EQ(pods.second.counters().accepted, then.accepted);
  EXPECT_EQ(pods.second.counters().requests_read, then.requests_read);
  harness.Cut();
  ASSERT_TRUE(harness.CollectUntilSettled());
  // Nobody noticed: no reset, no resend.
  EXPECT_EQ(harness.outcome(Outcome::kOk) + harness.outcome(Outcome::kCancelled), 4000u)
      << harness.Outcomes();
  EXPECT_EQ(harness.totals().done.resends, 0u);
}

}  // namespace
}  // namespace broadside
