#pragma once

// The gRPC face of the fleet server: one AttachStream for each call of FleetService.Attach. Calls
// come in as raw bytes and are parsed here, on gRPC's threads, so that bytes that are no message
// can be told from the end of a stream.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "broadside/v1/fleet.grpc.pb.h"
#include "common/core/fleet_messages.h"
#include "common/net/stream_gate.h"
#include "common/net/stream_outbox.h"

namespace broadside {

using AttachOutbox = StreamOutbox<AgentMessage, v1::AttachResponse>;

class AttachService final
    : public v1::FleetService::WithRawCallbackMethod_Attach<v1::FleetService::Service> {
 public:
  // Makes the outbox of a new stream, gives it `transport`, and only then tells home of it. Called
  // on gRPC's threads.
  using OpenStream = std::function<std::shared_ptr<AttachOutbox>(
      std::string peer, StreamTransport<v1::AttachResponse>* transport)>;

  AttachService(std::shared_ptr<StreamGate> gate, OpenStream open_stream)
      : gate_(std::move(gate)), open_stream_(std::move(open_stream)) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Attach(
      grpc::CallbackServerContext* context) override;

 private:
  // Constant after construction.
  const std::shared_ptr<StreamGate> gate_;
  const OpenStream open_stream_;
};

}  // namespace broadside
