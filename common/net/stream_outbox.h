#pragma once

// The home half of one message stream: what waits to be written, and the rules that
// keep gRPC's callback streams safe. Knows no gRPC: it drives a StreamTransport (a reactor of the
// server or the client, or a fake in tests).
//
//   home: Send, Close, Abort, Detach; starts every operation of the transport, no reaction does
//   any:  Opened, Received, ReadEnded, Written, Done: the reactions, which only post to home, in
//         the order in which they are called
//
// One write is in flight; its answer may come after the peer's reply to it. The next read starts
// only when home took the last message, so a stream holds at most one undelivered message: the peer
// is slowed down by flow control instead.
//
// Bound: what waits behind the write in flight has at most `limits.messages` entries and
// `limits.bytes` bytes. One more and the stream is cancelled with RESOURCE_EXHAUSTED ("slow
// consumer"). It is not blocked or thinned out: the fleet's stream replicates a log, a peer that
// reconnects gets what it missed, and a message left out would be a hole. The same befalls a
// message of more than `limits.message_bytes`, which the peer would refuse.
//
// Lifetime: held by shared_ptr, by its owner on home and by the transport until Done. The home
// thread must outlive Done.

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "common/core/check.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/time.h"
#include "common/net/io_thread.h"

namespace broadside {

enum class StreamRole { kServer, kClient };

struct StreamLimits {
  size_t messages = limits::kOutboxMessagesMax;
  size_t bytes = limits::kOutboxBytesMax;
  size_t message_bytes = limits::kFleetMessageBytesMax;
  Millis close_timeout = limits::kStreamCloseTimeout;
};

// What an outbox starts. All calls come from home. Each Start has one answer, from any thread,
// perhaps before the call returned.
template <typename Out>
class StreamTransport {
 public:
  // Answer: Received or ReadEnded.
  virtual void StartRead() = 0;
  // Answer: Written.
  virtual void StartWrite(Out message) = 0;
  // Client only: no more writes. Answer: Written.
  virtual void StartHalfClose() = 0;
  // What is in flight is answered soon, as failed.
  virtual void Cancel() = 0;
  // The last call; on a server with no write in flight, and `status` is what the peer gets. Answer:
  // Done, after the answers to all that is in flight. The transport may be gone from then on.
  virtual void End(const absl::Status& status) = 0;

 protected:
  ~StreamTransport() = default;
};

// Called on home. A handler may use the outbox, or destroy its owner.
template <typename In>
struct StreamHandlers {
  std::function<void()>
      on_open;  // before the first message; not called for a stream that could not be opened
  std::function<void(In, BootTime received)> on_message;  // not after Close or Abort
  std::function<void(absl::Status)> on_closed;  // the last call, exactly once, unless detached
};

template <typename In, typename Out>
class StreamOutbox : public std::enable_shared_from_this<StreamOutbox<In, Out>> {
 public:
  StreamOutbox(IoThread& home, StreamRole role, StreamLimits limits, StreamHandlers<In> handlers)
      : home_(home),
        role_(role),
        limits_(limits),
        handlers_(std::make_shared<StreamHandlers<In>>(std::move(handlers))) {}
  StreamOutbox(const StreamOutbox&) = delete;
  StreamOutbox& operator=(const StreamOutbox&) = delete;

  // Before everything else. `transport` lives until Done.
  void SetTransport(StreamTransport<Out>* transport) { transport_ = transport; }

  // ---- home ----

  // Writes `message` after those before it. Dropped when the stream is closed or broken: on_closed
  // tells, and what was sent before is not certain either.
  void Send(Out message, size_t bytes);
  // Writes what waits, then ends the stream: a server with `status`, a client by a half-close and
  // waiting for the server's end. Cancels after the close timeout.
  void Close(absl::Status status);
  // Ends the stream at once: what waits is dropped and what is in flight cancelled. on_closed gets
  // `status`; a server tells it to the peer if no write is in the way.
  void Abort(absl::Status status);
  // No handler is called any more.
  void Detach() { handlers_.reset(); }

  // ---- any thread ----

  void Opened(bool ok);
  // `message` is parsed already; if it is not ok, it is why the peer's message is refused: a server
  // ends the stream with it.
  void Received(absl::StatusOr<In> message, BootTime received);
  void ReadEnded();
  void Written(bool ok);
  // The end of the stream as the transport knows it; on_closed gets it unless this side had a
  // reason of its own.
  void Done(absl::Status status);

 private:
  enum class Phase {
    kOpen,
    kClosing,  // writes what waits, then ends; drops what is read
    kBroken,   // ends as soon as it may
  };

  template <typename F>
  void PostHome(F f) {
    home_.Post([self = this->shared_from_this(), f = std::move(f)]() mutable { f(*self); });
  }
  void OnOpened(bool ok);
  void OnReceived(absl::StatusOr<In> message, BootTime received);
  void OnReadEnded();
  void OnWritten(bool ok);
  void OnDone(absl::Status status);

  void Read();
  void Break();
  void BeginClosing();
  void Step();
  void End();

  // Constant after construction.
  IoThread& home_;
  const StreamRole role_;
  const StreamLimits limits_;
  // Changed by home only.
  std::shared_ptr<StreamHandlers<In>> handlers_;
  StreamTransport<Out>* transport_ = nullptr;  // null after End
  Phase phase_ = Phase::kOpen;
  bool read_in_flight_ = false;
  bool write_in_flight_ = false;
  bool writable_ = true;  // false after a failed write or the half-close
  std::optional<absl::Status> reason_;
  struct Waiting {
    Out message;
    size_t bytes;
  };
  std::deque<Waiting> queue_;
  size_t queued_bytes_ = 0;
  std::optional<boost::asio::steady_timer> close_timer_;
};

// ---- home ----

template <typename In, typename Out>
void StreamOutbox<In, Out>::Send(Out message, size_t bytes) {
  home_.AssertCurrent();
  if (transport_ == nullptr || phase_ != Phase::kOpen || !writable_) return;
  if (bytes > limits_.message_bytes) {
    Abort(ResourceExhausted("a message of ", bytes, " bytes exceeds the limit of ",
                            limits_.message_bytes));
    return;
  }
  if (queue_.size() >= limits_.messages || queued_bytes_ + bytes > limits_.bytes) {
    Abort(ResourceExhausted("slow consumer: ", queue_.size(), " messages of ", queued_bytes_,
                            " bytes wait (limits: ", limits_.messages, " messages, ", limits_.bytes,
                            " bytes)"));
    return;
  }
  queued_bytes_ += bytes;
  queue_.push_back({std::move(message), bytes});
  Step();
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::Close(absl::Status status) {
  home_.AssertCurrent();
  if (transport_ == nullptr || phase_ != Phase::kOpen) return;
  // A client's own wish to close says less than the status with which the server ends the stream.
  if (role_ == StreamRole::kServer) reason_ = std::move(status);
  BeginClosing();
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::Abort(absl::Status status) {
  home_.AssertCurrent();
  if (transport_ == nullptr || phase_ == Phase::kBroken) return;
  if (!reason_.has_value()) reason_ = std::move(status);
  // A server whose write is done can still tell the reason to its peer; a client has no other way
  // to end.
  const bool cancel = role_ == StreamRole::kClient || write_in_flight_;
  Break();
  if (cancel) transport_->Cancel();
  Step();
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::Break() {
  phase_ = Phase::kBroken;
  queue_.clear();
  queued_bytes_ = 0;
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::BeginClosing() {
  phase_ = Phase::kClosing;
  close_timer_.emplace(home_.context(), limits_.close_timeout);
  close_timer_->async_wait([weak = this->weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;
    self->Abort(absl::DeadlineExceededError("the peer did not end the closed stream in time"));
  });
  Step();
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::Read() {
  read_in_flight_ = true;
  transport_->StartRead();
}

// Starts what can be started: the next write, or the end.
template <typename In, typename Out>
void StreamOutbox<In, Out>::Step() {
  if (transport_ == nullptr) return;
  const bool server = role_ == StreamRole::kServer;
  if (phase_ == Phase::kBroken) {
    // A client's broken stream is over or cancelled already: what is in flight is answered without
    // us, so that an owner on home can wait for Done. A server's status has to wait for its write.
    if (!server || !write_in_flight_) End();
  } else if (write_in_flight_) {
    return;
  } else if (!queue_.empty()) {
    Waiting next = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= next.bytes;
    write_in_flight_ = true;
    transport_->StartWrite(std::move(next.message));
  } else if (phase_ == Phase::kClosing && server) {
    End();
  } else if (phase_ == Phase::kClosing && writable_) {
    writable_ = false;
    write_in_flight_ = true;
    transport_->StartHalfClose();
  }
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::End() {
  std::exchange(transport_, nullptr)->End(reason_.value_or(absl::OkStatus()));
}

// ---- reactions: posted by any thread, performed by home ----

template <typename In, typename Out>
void StreamOutbox<In, Out>::Opened(bool ok) {
  PostHome([ok](StreamOutbox& self) { self.OnOpened(ok); });
}
template <typename In, typename Out>
void StreamOutbox<In, Out>::Received(absl::StatusOr<In> message, BootTime received) {
  PostHome([message = std::move(message), received](StreamOutbox& self) mutable {
    self.OnReceived(std::move(message), received);
  });
}
template <typename In, typename Out>
void StreamOutbox<In, Out>::ReadEnded() {
  PostHome([](StreamOutbox& self) { self.OnReadEnded(); });
}
template <typename In, typename Out>
void StreamOutbox<In, Out>::Written(bool ok) {
  PostHome([ok](StreamOutbox& self) { self.OnWritten(ok); });
}
template <typename In, typename Out>
void StreamOutbox<In, Out>::Done(absl::Status status) {
  PostHome(
      [status = std::move(status)](StreamOutbox& self) mutable { self.OnDone(std::move(status)); });
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::OnOpened(bool ok) {
  if (transport_ == nullptr) return;
  const auto handlers = handlers_;
  if (ok && phase_ == Phase::kOpen && handlers != nullptr && handlers->on_open) handlers->on_open();
  // Also when it could not be opened: the failing read is what leads to the end.
  if (transport_ != nullptr) Read();
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::OnReceived(absl::StatusOr<In> message, BootTime received) {
  read_in_flight_ = false;
  const bool server = role_ == StreamRole::kServer;
  const auto handlers = handlers_;
  if (transport_ == nullptr || phase_ != Phase::kOpen) {
    // Nobody wants it any more; a client still has to read up to the server's status.
  } else if (message.ok()) {
    if (handlers != nullptr) handlers->on_message(*std::move(message), received);
  } else if (server) {
    queue_.clear();
    queued_bytes_ = 0;
    Close(message.status());
  } else {
    Abort(message.status());
  }
  if (transport_ != nullptr && (phase_ == Phase::kOpen || (phase_ == Phase::kClosing && !server))) {
    Read();
  }
  Step();
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::OnReadEnded() {
  read_in_flight_ = false;
  if (transport_ == nullptr) return;
  if (role_ == StreamRole::kClient) {
    Break();  // the server's status is there
  } else if (phase_ == Phase::kOpen) {
    BeginClosing();  // the peer still reads
  }
  Step();
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::OnWritten(bool ok) {
  write_in_flight_ = false;
  if (!ok && phase_ != Phase::kBroken) {
    writable_ = false;
    queue_.clear();
    queued_bytes_ = 0;
    // A client goes on reading: the server may have said why before it ended the stream.
    if (role_ == StreamRole::kServer) Break();
  }
  Step();
}

template <typename In, typename Out>
void StreamOutbox<In, Out>::OnDone(absl::Status status) {
  BS_CHECK(transport_ == nullptr) << "the transport was done before it was ended";
  close_timer_.reset();
  const auto handlers = std::exchange(handlers_, nullptr);
  if (handlers == nullptr || !handlers->on_closed) return;
  handlers->on_closed(reason_.has_value() ? *std::move(reason_) : std::move(status));
}

}  // namespace broadside
