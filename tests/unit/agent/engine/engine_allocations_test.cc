// A shard allocates nothing per request once it is warm: no call of operator new on its thread.
// This program's operator new counts the calls of threads that are marked.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/wild_server.h"
#include "tests/unit/agent/engine/engine_harness.h"

namespace {

std::atomic<uint64_t> counted{0};  // calls of operator new by marked threads
thread_local bool marked = false;

void* CountAndAllocate(size_t size, size_t alignment) {
  if (marked) ++counted;
  // aligned_alloc wants a multiple of the alignment.
  const size_t whole = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

// The other forms of the standard library call these. Not inlined: g++ takes a free that it sees
// beside a new that it does not see for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  return CountAndAllocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
[[gnu::noinline]] void* operator new(size_t size, std::align_val_t alignment) {
  return CountAndAllocate(size, static_cast<size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

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
      [](const std::vector<TestDelta>&, const EngineStats&) { marked = true; });
  EXPECT_TRUE(server.WaitFor([](const Counters& c) { return c.requests_read >= kWarm; }));
  const uint64_t before = counted.load();
  EXPECT_TRUE(
      server.WaitFor([](const Counters& c) { return c.requests_read >= kWarm + kMeasured; }));
  const uint64_t after = counted.load();
  EXPECT_GT(before, 0u);  // the counter works
  EXPECT_TRUE(harness.CollectUntilSettled());
  EXPECT_EQ(harness.Outcomes(), "ok 10000");
  return after - before;
}

TEST(AllocationsTest, OnlyMarkedThreadsAreCounted) {
  const uint64_t before = counted.load();
  std::thread([] { std::vector<int> unmarked(100); }).join();
  EXPECT_EQ(counted.load(), before);
  std::thread([] {
    marked = true;
    const auto one = std::make_unique<std::string>(100, 'x');  // two calls
    EXPECT_EQ(one->size(), 100u);
  }).join();
  EXPECT_EQ(counted.load(), before + 2);
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
