#pragma once

// The controller's end of the fleet's streams: the gRPC service broadside.v1.FleetService. Moves
// messages; knows nothing of agents, tests or plans.
//
// Threads: Start, Stop and InProcessChannel from any thread but home; Send, Close and the handlers
// on home. gRPC's threads parse the messages and stamp their receipt, and post them home.
//
// A message that does not parse or breaks a limit ends its stream with INVALID_ARGUMENT and names
// the field. A message of more than kFleetMessageBytesMax ends it too, as does a reader that is too
// slow (stream_outbox.h). Costs one home post per message read and written, and about 40 KiB a
// stream.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/core/fleet_messages.h"
#include "common/core/status.h"
#include "common/core/time.h"
#include "common/net/io_thread.h"

namespace grpc {
class Channel;
}

namespace broadside {

// Never used twice by a server.
using StreamId = uint64_t;

class FleetServer {
 public:
  // Called on home. For each stream on_open, then any number of on_message, then on_closed exactly
  // once. They may call Send and Close.
  struct Handlers {
    std::function<void(StreamId, std::string peer)> on_open;  // "ipv4:10.1.2.3:41234", "inproc"
    std::function<void(StreamId, AgentMessage, BootTime received)> on_message;
    // `reason`: that of Close, or why the stream was ended by the server, or CANCELLED if the peer
    // cancelled it or the connection broke, or OK if the peer closed it. What was sent and not yet
    // acknowledged by the peer may be lost.
    std::function<void(StreamId, absl::Status reason)> on_closed;
  };

  FleetServer(IoThread& home, Handlers handlers);
  ~FleetServer();  // stops
  FleetServer(const FleetServer&) = delete;
  FleetServer& operator=(const FleetServer&) = delete;

  // Serves at each "HOST:PORT" (port 0: one that is free) and in-process; with none, in-process
  // only. The error says which address and what to do.
  absl::Status Start(const std::vector<std::string>& listen);
  // The ports in use, in the order of `listen`.
  const std::vector<int>& ports() const { return ports_; }
  // A channel to this server without a socket, for the embedded mode. Between Start and Stop; the
  // channel itself may outlive both, its calls are refused then.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Home. Queues a message; BeatReply.controller_sent is set when it is written. Does nothing for a
  // stream that ended.
  void Send(StreamId stream, const ControllerMessage& message);
  // Home. What was sent before is written, then the stream ends with `status`; on_message is not
  // called any more, on_closed is, soon.
  void Close(StreamId stream, absl::Status status);
  // Home. Close for every stream that is open.
  void CloseAll(const absl::Status& status);
  // Home. Streams between on_open and on_closed.
  size_t open_streams() const;

  // Start in reverse: refuses new streams, ends the open ones with UNAVAILABLE, waits until gRPC
  // has let go of each (at most kFleetStopTimeout, or it is a bug), then shuts the server down.
  // Handlers get their on_closed before it returns, none is called after. Not from home;
  // idempotent.
  void Stop();

 private:
  struct State;

  // Constant after construction.
  IoThread& home_;
  const std::unique_ptr<State> state_;
  // Changed by Start only.
  std::vector<int> ports_;
};

}  // namespace broadside
