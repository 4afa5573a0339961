#include "controller/rest/event_stream.h"

#include <algorithm>
#include <utility>

namespace broadside {
namespace {

constexpr int kPageUpdates = 100;
constexpr int kRetryMs = 1000;  // how long a browser waits before it connects again

}  // namespace

EventStream::EventStream(Commands& commands, std::shared_ptr<IoGate> gate, HttpStream stream,
                         EventFormat format, TestId test)
    : commands_(commands),
      gate_(std::move(gate)),
      format_(format),
      id_(std::move(test)),
      stream_(std::move(stream)) {}

void EventStream::Begin(std::shared_ptr<const TestView> test,
                        std::optional<uint64_t> last_event_id) {
  test_ = std::move(test);
  std::string text;
  if (format_ == EventFormat::kServerSent) text = Concat("retry: ", kRetryMs, "\n\n");
  if (last_event_id.has_value()) {
    sent_ = *last_event_id;
  } else {
    sent_ = test_->revision;
    text += Event("snapshot", sent_, TestJson(*test_));
  }
  stream_.Write(std::move(text));
  AfterDrain();
}

void EventStream::OnPublished(std::shared_ptr<const TestView> test) {
  if (test == nullptr) {
    // Ended long ago, and then it is known here, or just deleted. Nobody may say so again: it is
    // kept until the stream is free.
    gone_ = !HasEnded(test_->state);
    Advance();
    return;
  }
  if (test->revision < test_->revision) return;
  test_ = std::move(test);
  Advance();
}

void EventStream::Advance() {
  if (waiting_ || ended_) return;
  if (std::exchange(gone_, false)) return ReadTest();
  if (sent_ >= test_->revision) {
    if (HasEnded(test_->state)) SendEnd();
    return;
  }
  const std::vector<Update>& updates = test_->updates;
  if (updates.empty() || updates.front().revision > sent_ + 1) return ReadPage();
  SendUpdates(updates);
  sent_ = std::max(sent_, test_->revision);
  AfterDrain();
}

void EventStream::ReadPage() {
  waiting_ = true;
  commands_.ReadUpdates(
      id_, sent_, kPageUpdates,
      [weak = weak_from_this(), gate = gate_, asked_at = test_->revision](UpdatePage page) {
        gate->Post([weak, asked_at, page = std::move(page)]() mutable {
          if (const auto self = weak.lock()) self->OnPage(std::move(page), asked_at);
        });
      });
}

void EventStream::OnPage(UpdatePage page, uint64_t asked_at) {
  waiting_ = false;
  // The client comes back, and goes on where it was.
  if (!page.found || !page.unavailable.empty()) return End();
  SendUpdates(page.items);
  if (!page.items.empty()) sent_ = std::max(sent_, page.items.back().revision);
  // An interval that changed again has left its old revision behind, so the last page may end below
  // it.
  if (!page.more) sent_ = std::max(sent_, asked_at);
  AfterDrain();
}

void EventStream::ReadTest() {
  waiting_ = true;
  commands_.ReadTest(id_, [weak = weak_from_this(), gate = gate_](const CommandResult& result) {
    gate->Post([weak, result] {
      if (const auto self = weak.lock()) self->OnTest(result);
    });
  });
}

void EventStream::OnTest(const CommandResult& result) {
  waiting_ = false;
  if (result.code != CommandCode::kOk || result.test == nullptr) return End();
  if (result.test->revision >= test_->revision) test_ = result.test;
  Advance();
}

void EventStream::AfterDrain() {
  waiting_ = true;
  stream_.WhenDrained([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->waiting_ = false;
    self->Advance();
  });
}

void EventStream::SendUpdates(const std::vector<Update>& updates) {
  std::string text;
  for (const Update& update : updates) {
    if (update.revision <= sent_) continue;
    if (update.interval != nullptr) {
      text += Event("interval", update.revision,
                    IntervalJson(*update.interval, test_->spec->load.model));
    } else if (update.change != nullptr) {
      text += Event("change", update.revision, ChangeJson(*update.change));
    }
  }
  if (text.empty()) return;
  quiet_ = false;
  stream_.Write(std::move(text));
}

void EventStream::SendEnd() {
  ended_ = true;
  stream_.Write(Event("end", test_->revision, TestJson(*test_)));
  stream_.End();
}

void EventStream::Heartbeat() {
  if (std::exchange(quiet_, true)) {
    stream_.Write(format_ == EventFormat::kServerSent ? ":\n\n" : "{\"event\":\"heartbeat\"}\n");
  }
}

std::string EventStream::Event(std::string_view name, uint64_t id, const Json& data) const {
  if (format_ == EventFormat::kJsonLines) {
    Json line;
    line["event"] = std::string(name);
    line["id"] = id;
    line["data"] = data;
    return Dump(line) + "\n";
  }
  return Concat("id: ", id, "\nevent: ", name, "\ndata: ", Dump(data), "\n\n");
}

}  // namespace broadside
