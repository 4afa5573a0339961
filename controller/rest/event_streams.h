#pragma once

// All open event streams: one subscription to the published views for all of them, and their
// heartbeat. Lives on the REST thread.

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>

#include "common/net/io_gate.h"
#include "common/net/io_thread.h"
#include "controller/core/commands.h"
#include "controller/rest/event_stream.h"

namespace broadside {

class EventStreams : public std::enable_shared_from_this<EventStreams> {
 public:
  EventStreams(Commands& commands, IoThread& home, std::shared_ptr<IoGate> gate, Millis heartbeat,
               int streams_max);

  // Subscribes and begins the heartbeat. From the owner's thread.
  void Start();
  // No publication is handled after it. From the owner's thread, before the gate closes.
  void Stop();

  bool Full() const { return stopped_ || streams_.size() >= static_cast<size_t>(streams_max_); }
  // Answers with the stream of `test`. REQUIRES: !Full().
  void Open(HttpResponder responder, EventFormat format, std::shared_ptr<const TestView> test,
            std::optional<uint64_t> last_event_id);

 private:
  void OnPublished(const std::shared_ptr<const FleetView>& view);
  void Beat();

  // Constant after construction.
  Commands& commands_;
  IoThread& home_;
  const std::shared_ptr<IoGate> gate_;
  const Millis heartbeat_;
  const int streams_max_;
  // Changed by the owner's thread only.
  uint64_t subscription_ = 0;
  // Changed on the REST thread only.
  boost::asio::steady_timer timer_;
  bool stopped_ = false;
  uint64_t last_number_ = 0;
  struct Entry {
    TestId test;
    std::shared_ptr<EventStream> stream;
  };
  std::map<uint64_t, Entry> streams_;
};

}  // namespace broadside
