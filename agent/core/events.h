#pragma once

// What happens to an agent (events) and what it wants done (effects): the two sides of
// AgentCore::Step. Plain data, no thread, nothing is performed here.
//
// A stream is known by a number that the core gives it when it asks for it; what a stream that was
// given up still has to say is ignored by that number.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/core/clock_map.h"
#include "common/core/fleet_messages.h"
#include "common/core/segment.h"
#include "common/core/summary.h"
#include "common/core/test_spec.h"
#include "common/core/time.h"

namespace broadside {

// Health of the process as beats carry it. Delays and fractions since the last collection, counts
// since the start.
struct LoadStats {
  Nanos loop_delay{0};
  Nanos cursor_lag{0};
  double cpu_fraction = 0;
  double throttled_fraction = 0;
  uint64_t requests_sent = 0;
  uint64_t ports_exhausted = 0;
  uint64_t descriptors_exhausted = 0;
};

// ---- events ----

// The transport is up: a message sent now leaves now.
struct StreamOpened {
  uint64_t stream = 0;
};
// The stream ended, or could not be opened. Nothing of it follows.
struct StreamClosed {
  uint64_t stream = 0;
  std::string reason;
};
struct MessageReceived {
  uint64_t stream = 0;
  ControllerMessage message;
  BootTime at{};  // when it was read
};
// The answer to CollectResults.
struct ResultsCollected {
  std::vector<TestDelta> tests;
  LoadStats stats;
};
// The answer to CutTest: no further request will be sent.
struct TestCut {
  TestId test;
};
// Finish what is held and go. Idempotent.
struct DrainRequested {};
// Time passed.
struct Tick {};

using Event = std::variant<Tick, StreamOpened, StreamClosed, MessageReceived, ResultsCollected,
                           TestCut, DrainRequested>;

// ---- effects, to be performed in their order ----

struct OpenStream {
  uint64_t stream = 0;
};
struct CloseStream {
  uint64_t stream = 0;
};
struct SendMessage {
  uint64_t stream = 0;
  AgentMessage message;
};
struct StartTest {
  TestId test;
  std::shared_ptr<const TestSpec> spec;
  ClockMap clock;
};
struct SetClock {
  TestId test;
  ClockMap clock;
};
struct ExtendTest {
  TestId test;
  Grant grant;
};
// Answered by TestCut. A grant that comes later is booked as cancelled too.
struct CutTest {
  TestId test;
};
struct AbandonTest {
  TestId test;
};
struct ForgetTest {
  TestId test;
};
// Answered by ResultsCollected; at most one is open.
struct CollectResults {};
// The last effect of an agent: later events have none.
struct Exit {
  int code = 0;
};
enum class Severity : uint8_t { kInfo, kWarn, kError };
struct LogLine {
  Severity severity = Severity::kInfo;
  std::string event;   // snake_case, from a closed set
  std::string detail;  // one line for people
};

using Effect = std::variant<OpenStream, CloseStream, SendMessage, StartTest, SetClock, ExtendTest,
                            CutTest, AbandonTest, ForgetTest, CollectResults, Exit, LogLine>;
using Effects = std::vector<Effect>;

}  // namespace broadside
