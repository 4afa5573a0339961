#pragma once

// What happens to the controller's core, and what it wants done: Step(event, now) -> effects. Value
// types; the shell (controller/controller.h) or a simulator makes events from the world and
// performs effects in it.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/core/fleet_messages.h"
#include "controller/core/commands.h"
#include "controller/core/fleet_view.h"
#include "controller/core/store_records.h"

namespace broadside {

using StreamId = uint64_t;   // of one fleet stream; never used again in a process
using RequestId = uint64_t;  // of one user's request, for its reply

// The two clocks at one moment.
struct Now {
  BootTime boot{};
  WallTime wall{};
};

// ---- events ----

struct AgentSaid {
  StreamId stream = 0;
  AgentMessage message;
  BootTime received{};  // stamped when the message was read, before any queue
};
struct StreamEnded {
  StreamId stream = 0;
};
struct StartAsked {
  RequestId request = 0;
  TestId id;  // fresh, drawn by the shell
  StartRequest start;
  // The test of the same Idempotency-Key in the store, if there is one: the core knows the newest.
  std::shared_ptr<const TestView> earlier = nullptr;
  uint64_t earlier_body_hash = 0;
};
struct RateAsked {
  RequestId request = 0;
  TestId test;
  MicroRate rate = 0;
  bool in_store = false;  // the store has it, though the core forgot it
};
struct StopAsked {
  RequestId request = 0;
  TestId test;
  // The test in the store, if the core forgot it: it has ended.
  std::shared_ptr<const TestView> stored = nullptr;
};
struct DeleteAsked {
  RequestId request = 0;
  TestId test;
  bool in_store = false;  // the store has it, though the core forgot it
};
// Ended tests that are no longer kept; the core may have forgotten them.
struct TestsExpired {
  std::vector<TestId> tests;
};
struct DrainAsked {
  RequestId request = 0;
  std::string name;
};
// Some ten times a second; carries the health of the controller's own loop.
struct Ticked {
  Nanos loop_delay{0};
  double throttled_fraction = 0;
  double cpu_fraction = 0;  // of the home thread, over the last second
};
// A planned restart: append the bridge.
struct RestartAsked {};

using ControllerEvent = std::variant<AgentSaid, StreamEnded, StartAsked, RateAsked, StopAsked,
                                     DeleteAsked, TestsExpired, DrainAsked, Ticked, RestartAsked>;

// ---- effects ----

struct Reply {
  RequestId request = 0;
  CommandResult result;
};
struct LogEvent {
  enum class Level : uint8_t { kInfo, kWarn, kError };
  Level level = Level::kInfo;
  std::string event;
  std::vector<std::pair<std::string, std::string>> fields;
};

struct ControllerEffects {
  std::vector<std::pair<StreamId, ControllerMessage>> messages;  // in order
  std::vector<std::pair<StreamId, std::string>>
      closes;  // end these streams; the text is for the peer
  std::vector<Reply> replies;
  std::vector<LogEvent> logs;
};

// What was decided since the last Flush: `batch` has to be durable before `effects` go out and
// `view` is published.
struct Commit {
  StoreBatch batch;
  ControllerEffects effects;
  std::shared_ptr<FleetView> view;  // nobody else has it yet
};

}  // namespace broadside
