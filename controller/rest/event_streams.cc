#include "controller/rest/event_streams.h"

#include <utility>

namespace broadside {

EventStreams::EventStreams(Commands& commands, IoThread& home, std::shared_ptr<IoGate> gate,
                           Millis heartbeat, int streams_max)
    : commands_(commands),
      home_(home),
      gate_(std::move(gate)),
      heartbeat_(heartbeat),
      streams_max_(streams_max),
      timer_(home.context()) {}

void EventStreams::Start() {
  gate_->Post([self = shared_from_this()] { self->Beat(); });
  subscription_ = commands_.Subscribe(
      [weak = weak_from_this(), gate = gate_](std::shared_ptr<const FleetView> view) {
        gate->Post([weak, view = std::move(view)] {
          if (const auto self = weak.lock()) self->OnPublished(view);
        });
      });
}

void EventStreams::Stop() {
  commands_.Unsubscribe(subscription_);
  home_.RunAndWait([this] {
    stopped_ = true;
    timer_.cancel();
    streams_.clear();  // ends them
  });
}

void EventStreams::Open(HttpResponder responder, EventFormat format,
                        std::shared_ptr<const TestView> test,
                        std::optional<uint64_t> last_event_id) {
  home_.AssertCurrent();
  const uint64_t number = ++last_number_;
  HttpResponse head{.status = 200,
                    .content_type = format == EventFormat::kServerSent ? "text/event-stream"
                                                                       : "application/x-ndjson",
                    // Proxies must neither keep nor collect events.
                    .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};
  HttpStream stream = responder.Stream(std::move(head), [weak = weak_from_this(), number] {
    if (const auto self = weak.lock()) self->streams_.erase(number);
  });
  const auto follower =
      std::make_shared<EventStream>(commands_, gate_, std::move(stream), format, test->id);
  streams_.emplace(number, Entry{test->id, follower});
  follower->Begin(std::move(test), last_event_id);
}

void EventStreams::OnPublished(const std::shared_ptr<const FleetView>& view) {
  for (const auto& [number, entry] : streams_) {
    const auto test = view->tests.find(entry.test);
    entry.stream->OnPublished(test == view->tests.end() ? nullptr : test->second);
  }
}

void EventStreams::Beat() {
  if (stopped_) return;
  for (const auto& [number, entry] : streams_) entry.stream->Heartbeat();
  timer_.expires_after(heartbeat_);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self != nullptr) self->Beat();
  });
}

}  // namespace broadside
