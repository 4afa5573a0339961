#pragma once

// The controller's end of the fleet's streams: the gRPC service broadside.v1.FleetService.
//
// Threads: as fleet_streams.h says; InProcessChannel from any thread but home. gRPC's threads parse
// the messages and stamp their receipt, and post them home.
//
// A message that does not parse or breaks a limit ends its stream with INVALID_ARGUMENT and names
// the field. A message of more than kFleetMessageBytesMax ends it too, as does a reader that is too
// slow (stream_outbox.h). Costs one home post per message read and written, and about 40 KiB a
// stream.

#include <memory>
#include <string>
#include <vector>

#include "common/core/status.h"
#include "common/net/io_thread.h"
#include "controller/core/fleet_streams.h"

namespace grpc {
class Channel;
}

namespace broadside {

class FleetServer final : public FleetStreams {
 public:
  FleetServer(IoThread& home, Handlers handlers);
  ~FleetServer() override;  // stops
  FleetServer(const FleetServer&) = delete;
  FleetServer& operator=(const FleetServer&) = delete;

  // Serves at each "HOST:PORT" (port 0: one that is free) and in-process; with none, in-process
  // only.
  absl::Status Start(const std::vector<std::string>& listen) override;
  // The ports in use, in the order of `listen`.
  const std::vector<int>& ports() const { return ports_; }
  // A channel to this server without a socket, for the embedded mode. Between Start and Stop; the
  // channel itself may outlive both, its calls are refused then.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  void Send(StreamId stream, const ControllerMessage& message) override;
  void Close(StreamId stream, absl::Status status) override;
  void CloseAll(const absl::Status& status) override;
  // Home. Streams between on_open and on_closed.
  size_t open_streams() const;

  // Start in reverse: refuses new streams, ends the open ones with UNAVAILABLE, waits until gRPC
  // has let go of each (at most kFleetStopTimeout, or it is a bug), then shuts the server down.
  void Stop() override;

 private:
  struct State;

  // Constant after construction.
  IoThread& home_;
  const std::unique_ptr<State> state_;
  // Changed by Start only.
  std::vector<int> ports_;
};

}  // namespace broadside
