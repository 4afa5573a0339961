#pragma once

// The streams of a Controller's agents over gRPC. The controller owns the server that is made; what
// only gRPC has (its ports, the in-process channel) is asked of the server itself.

#include <memory>
#include <utility>

#include "controller/controller.h"
#include "controller/fleet/fleet_server.h"

namespace broadside {

// Leaves the server in `*made`, which is valid for as long as the controller is.
inline Controller::MakeStreams GrpcStreams(FleetServer** made) {
  return [made](IoThread& home, FleetStreams::Handlers handlers) {
    auto server = std::make_unique<FleetServer>(home, std::move(handlers));
    *made = server.get();
    return server;
  };
}

}  // namespace broadside
