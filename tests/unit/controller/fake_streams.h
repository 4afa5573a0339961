#pragma once

// The fleet's streams without gRPC: what the controller sends is handed to a fake peer at once,
// what the peer says is posted home. Aborts on calls from another thread than home.

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/core/status.h"
#include "common/net/clock.h"
#include "common/net/io_thread.h"
#include "controller/core/fleet_streams.h"

namespace broadside {

class FakeStreams final : public FleetStreams {
 public:
  // Called on the controller's home; they only post.
  struct Peer {
    std::function<void(StreamId, ControllerMessage)> on_message;
    std::function<void(StreamId)> on_closed;
  };

  FakeStreams(IoThread& home, Handlers handlers) : home_(home), handlers_(std::move(handlers)) {}

  // ---- of the peers, any thread ----

  StreamId Connect(Peer peer) {
    const StreamId id = ++last_id_;
    home_.Post([this, id, peer = std::move(peer)] {
      if (stopped_) return peer.on_closed(id);
      streams_.emplace(id, peer);
      handlers_.on_open(id, "fake");
    });
    return id;
  }
  void Say(StreamId id, AgentMessage message) {
    home_.Post([this, id, message = std::move(message), at = BootNow()]() mutable {
      if (streams_.contains(id)) handlers_.on_message(id, std::move(message), at);
    });
  }

  // ---- FleetStreams ----

  absl::Status Start(const std::vector<std::string>& /*listen*/) override {
    return absl::OkStatus();
  }
  void Send(StreamId stream, const ControllerMessage& message) override {
    home_.AssertCurrent();
    const auto found = streams_.find(stream);
    if (found != streams_.end()) found->second.on_message(stream, message);
  }
  void Close(StreamId stream, absl::Status status) override {
    home_.AssertCurrent();
    home_.Post([this, stream, status = std::move(status)] { End(stream, status); });
  }
  void CloseAll(const absl::Status& status) override {
    home_.AssertCurrent();
    for (const auto& [id, peer] : streams_) Close(id, status);
  }
  void Stop() override {
    home_.RunAndWait([this] {
      stopped_ = true;
      while (!streams_.empty()) End(streams_.begin()->first, Unavailable("stopping"));
    });
  }

 private:
  void End(StreamId stream, const absl::Status& status) {
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    const Peer peer = std::move(found->second);
    streams_.erase(found);
    peer.on_closed(stream);
    handlers_.on_closed(stream, status);
  }

  // Constant after construction.
  IoThread& home_;
  const Handlers handlers_;
  // Changed by home only.
  std::map<StreamId, Peer> streams_;
  bool stopped_ = false;
  // Atomic.
  std::atomic<StreamId> last_id_{0};
};

}  // namespace broadside
