#pragma once

// One client that follows one test: a snapshot, then each update (interval or change) in the order
// of its revision, none twice and none left out, then `end`.
//
// Updates come from two sources: the last few with each published view, older ones from the store
// by pages. All updates up to `sent_` have been sent. When the view's list reaches back to sent_ +
// 1 it is enough; else pages are read until the store has no more. A page is at least as new as the
// view that asked for it, as views are published after their commit. Nothing more is written until
// the client has taken what was: a slow client skips views, not updates, and costs the memory of
// one batch; one that takes nothing is closed by the server's write timeout.
//
// Lives on the REST thread; callbacks from home come through the gate.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/net/http_server.h"
#include "common/net/io_gate.h"
#include "controller/core/commands.h"
#include "controller/rest/view_json.h"

namespace broadside {

enum class EventFormat { kServerSent, kJsonLines };

class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(Commands& commands, std::shared_ptr<IoGate> gate, HttpStream stream,
              EventFormat format, TestId test);

  // Sends the snapshot, or resumes with what has a revision above `last_event_id`.
  void Begin(std::shared_ptr<const TestView> test, std::optional<uint64_t> last_event_id);
  // A view was published; the test in it, nullptr when it is not in memory any more.
  void OnPublished(std::shared_ptr<const TestView> test);
  // Keeps proxies from closing a quiet stream.
  void Heartbeat();
  void End() { stream_.End(); }

 private:
  void Advance();
  void ReadPage();
  void OnPage(UpdatePage page, uint64_t asked_at);
  void ReadTest();
  void OnTest(const CommandResult& result);
  // Advances when the client has taken what was written.
  void AfterDrain();
  void SendUpdates(const std::vector<Update>& updates);
  void SendEnd();
  std::string Event(std::string_view name, uint64_t id, const Json& data) const;

  // Constant after construction.
  Commands& commands_;
  const std::shared_ptr<IoGate> gate_;
  const EventFormat format_;
  const TestId id_;
  // Changed on the REST thread only.
  HttpStream stream_;
  std::shared_ptr<const TestView> test_;  // the newest known
  uint64_t sent_ = 0;     // every update up to it was sent, or is behind the client's Last-Event-ID
  bool waiting_ = false;  // for a page, a test or the client; Advance is called when it comes
  bool gone_ = false;     // no longer in the published view: its last state has to be asked for
  bool ended_ = false;
  bool quiet_ = true;  // nothing was written since the last heartbeat
};

}  // namespace broadside
