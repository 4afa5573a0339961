#pragma once

// The agents' streams as the controller needs them: an interface that the gRPC server implements
// (controller/fleet/fleet_server.h), and a fake in the tests of the controller. Moves messages;
// knows nothing of agents, tests or plans.
//
// Threads: Start and Stop from any thread but home; Send, Close, CloseAll and the handlers on home.
// Home may use it before Start: there is no stream then.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/core/fleet_messages.h"
#include "common/core/time.h"
#include "controller/core/event.h"

namespace broadside {

class FleetStreams {
 public:
  // Called on home. For each stream on_open, then any number of on_message, then on_closed exactly
  // once. They may call Send and Close.
  struct Handlers {
    std::function<void(StreamId, std::string peer)> on_open;  // "ipv4:10.1.2.3:41234", "inproc"
    std::function<void(StreamId, AgentMessage, BootTime received)> on_message;
    // `reason`: that of Close, or why the stream was ended by this end, or CANCELLED if the peer
    // cancelled it or the connection broke, or OK if the peer closed it. What was sent and not yet
    // acknowledged by the peer may be lost.
    std::function<void(StreamId, absl::Status reason)> on_closed;
  };

  virtual ~FleetStreams() = default;

  // Lets agents in at each "HOST:PORT". The error says which address and what to do.
  virtual absl::Status Start(const std::vector<std::string>& listen) = 0;
  // Queues a message; BeatReply.controller_sent is set when it is written. Does nothing for a
  // stream that ended.
  virtual void Send(StreamId stream, const ControllerMessage& message) = 0;
  // What was sent before is written, then the stream ends with `status`; on_message is not called
  // any more, on_closed is, soon.
  virtual void Close(StreamId stream, absl::Status status) = 0;
  // Close for every stream that is open.
  virtual void CloseAll(const absl::Status& status) = 0;
  // Ends all streams. Handlers get their on_closed before it returns, none is called after.
  // Idempotent.
  virtual void Stop() = 0;
};

}  // namespace broadside
