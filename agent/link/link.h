#pragma once

// The agent's end of the fleet's stream: one Attach call at a time on a given channel. Moves
// messages; when to open, what to say and when to come back is the agent's core's business.
//
// Home object: all methods, the destructor included, and all handlers are on home. gRPC's threads
// parse the messages and stamp their receipt, and post them home. A reader that is too slow is
// cancelled (stream_outbox.h).

#include <functional>
#include <memory>
#include <string_view>

#include "common/core/fleet_messages.h"
#include "common/core/status.h"
#include "common/core/time.h"
#include "common/net/io_thread.h"
#include "common/net/stream_gate.h"
#include "common/net/stream_outbox.h"

namespace grpc {
class Channel;
}

namespace broadside {

namespace v1 {
class AttachRequest;
}

class Link {
 public:
  // They may use the link, open it again (in on_closed), or destroy it.
  struct Handlers {
    std::function<void()> on_open;  // the controller has the stream: a message sent now leaves now
    std::function<void(ControllerMessage, BootTime received)> on_message;
    // Once for each Open: the controller's status, or UNAVAILABLE if it could not be reached, or
    // why the link cancelled.
    std::function<void(absl::Status)> on_closed;
  };

  Link(IoThread& home, std::shared_ptr<grpc::Channel> channel, Handlers handlers);
  // Cancels an open stream and waits, well below a millisecond, until gRPC has let go of it; no
  // handler is called.
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Opens a stream; fails (on_closed) at the first attempt that does not connect. Not while one is
  // open.
  void Open();
  // Between Open and on_closed.
  bool is_open() const;
  // Queues a message, also before on_open; Beat.agent_sent is set when it is written. Does nothing
  // when closed.
  void Send(const AgentMessage& message);
  // Writes what was sent, half-closes, and waits for the controller's end, at most
  // kStreamCloseTimeout. on_message is not called any more, on_closed is.
  void Close();
  // Ends the stream at once; on_closed follows, with CANCELLED and `reason`.
  void Cancel(std::string_view reason);

 private:
  // A stream that is over on home may still be in its last call on a gRPC thread when the next one
  // is opened.
  static constexpr size_t kStreamsMax = 16;

  // Constant after construction.
  IoThread& home_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::shared_ptr<const Handlers> handlers_;
  const std::shared_ptr<StreamGate> gate_;
  // Changed by home only.
  std::shared_ptr<StreamOutbox<ControllerMessage, v1::AttachRequest>> outbox_;  // null when closed
};

}  // namespace broadside
