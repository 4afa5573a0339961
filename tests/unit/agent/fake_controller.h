#pragma once

// A small controller over the real fleet server: welcomes each agent, answers beats, acknowledges
// reports, and tells what it saw. Its thread is its own; its methods may be called from the test's
// thread. Waits end after 20 s.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "common/core/fleet_messages.h"
#include "common/net/clock.h"
#include "common/net/io_thread.h"
#include "controller/fleet/fleet_server.h"

namespace broadside {

class FakeController {
 public:
  struct Seen {
    std::vector<Hello> hellos;
    std::vector<Report> reports;
    std::vector<TestId> cut_done;
    std::optional<Beat> beat;  // the last
    int streams_closed = 0;

    uint64_t Outcomes(Outcome outcome) const {
      uint64_t count = 0;
      for (const Report& report : reports) {
        for (const TestDelta& delta : report.tests) {
          for (const auto& [k, due] : delta.by_due) count += due.outcomes[outcome];
        }
      }
      return count;
    }
    int64_t SettledThrough() const {
      int64_t settled = -1;
      for (const Report& report : reports) {
        for (const TestDelta& delta : report.tests)
          settled = std::max(settled, delta.settled_through);
      }
      return settled;
    }
  };

  FakeController()
      : thread_("controller"),
        server_(std::make_unique<FleetServer>(
            thread_,
            FleetServer::Handlers{
                .on_open = [this](StreamId stream, const std::string&) { stream_ = stream; },
                .on_message = [this](StreamId stream, const AgentMessage& message,
                                     BootTime received) { OnMessage(stream, message, received); },
                .on_closed =
                    [this](StreamId, const absl::Status&) {
                      Note([](Seen& seen) { ++seen.streams_closed; });
                    }})) {
    const absl::Status status = server_->Start({});
    BS_CHECK(status.ok()) << status.message();
  }
  ~FakeController() {
    server_->Stop();
    thread_.Stop();
  }

  std::shared_ptr<grpc::Channel> Channel() { return server_->InProcessChannel(); }

  void Send(ControllerMessage message) {
    thread_.RunAndWait([&] { server_->Send(stream_, message); });
  }
  // Ends the stream, as a controller that dies would.
  void BreakStream() {
    thread_.RunAndWait([this] { server_->Close(stream_, absl::UnavailableError("restarting")); });
  }
  void SetAcknowledges(bool acknowledges) {
    thread_.RunAndWait([&] { acknowledges_ = acknowledges; });
  }
  bool WaitFor(const std::function<bool(const Seen&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, Seconds(20), [&] { return condition(seen_); });
  }
  Seen seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void Note(const std::function<void(Seen&)>& change) {
    const std::lock_guard lock(mutex_);
    change(seen_);
    changed_.notify_all();
  }

  void OnMessage(StreamId stream, const AgentMessage& message, BootTime received) {
    ControllerMessage answer;
    if (message.hello) {
      answer.welcome.emplace();
      answer.welcome->store_uuid = "store";
      answer.welcome->epoch = 1;
      answer.welcome->nonce = 1;
      answer.welcome->acked_seq = acked_;
    }
    if (message.beat) answer.beat_reply = {message.beat->agent_sent, received, BootNow()};
    if (message.report && acknowledges_) answer.ack = acked_ = message.report->seq;
    server_->Send(stream, answer);
    Note([&](Seen& seen) {
      if (message.hello) seen.hellos.push_back(*message.hello);
      if (message.report) seen.reports.push_back(*message.report);
      if (message.beat) seen.beat = *message.beat;
      seen.cut_done.insert(seen.cut_done.end(), message.cut_done.begin(), message.cut_done.end());
    });
  }

  IoThread thread_;
  std::unique_ptr<FleetServer> server_;
  // Home only.
  StreamId stream_ = 0;
  bool acknowledges_ = true;
  uint64_t acked_ = 0;
  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;
};

}  // namespace broadside
