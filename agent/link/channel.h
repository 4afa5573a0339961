#pragma once

// Channels to the controller. Thread-safe.

#include <memory>
#include <string_view>

namespace grpc {
class Channel;
}

namespace broadside {

// A channel to "HOST:PORT" with a connection of its own; connects lazily, goes on trying in the
// background, and resolves the name again after each failure. gRPC's defaults (backoff to 120 s,
// DNS every 30 s, a ping per message) are not for a fleet: see the .cc.
std::shared_ptr<grpc::Channel> MakeFleetChannel(std::string_view address);

}  // namespace broadside
