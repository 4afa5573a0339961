#pragma once

// A stream without gRPC: answers from a thread of its own, replies before the write is answered if
// told to, and aborts on what a gRPC reactor does not forgive (a second operation in flight, a call
// after End, a call from another thread than home). Messages are strings.

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/core/check.h"
#include "common/net/clock.h"
#include "common/net/stream_outbox.h"

namespace broadside {

using TestOutbox = StreamOutbox<std::string, std::string>;

class FakeStream final : public StreamTransport<std::string> {
 public:
  // `home` runs the outbox, `peer` the answers.
  FakeStream(IoThread& home, IoThread& peer) : home_(home), peer_(peer) {}

  void SetOutbox(std::shared_ptr<TestOutbox> outbox) { outbox_ = std::move(outbox); }

  // ---- of the peer's thread ----

  // Called for each message that was written, before the write is answered.
  std::function<void(const std::string&)> on_written;
  // Writes are answered by AnswerWrite only.
  bool hold_writes = false;

  void PeerSends(std::string message) {
    incoming_.push_back(std::move(message));
    AnswerRead();
  }
  // The peer's last word: reads end after what it sent. On a client it carries `status`.
  void PeerEnds(absl::Status status) {
    peer_ended_ = true;
    status_ = std::move(status);
    AnswerRead();
  }
  // The connection breaks: all fails from now on.
  void PeerBreaks(absl::Status status) {
    broken_ = true;
    status_ = std::move(status);
    AnswerRead();
    AnswerWrite();
  }
  void AnswerWrite() {
    if (!std::exchange(write_waits_, false)) return;
    write_in_flight_ = false;
    outbox_->Written(!broken_);
    MaybeDone();
  }
  // The write in flight will have no answer of ours: a test gave it.
  void ForgetWrite() {
    write_waits_ = false;
    write_in_flight_ = false;
    MaybeDone();
  }
  bool read_waits() const { return read_waits_; }
  const std::vector<std::string>& written() const { return written_; }
  bool half_closed() const { return half_closed_; }
  bool cancelled() const { return cancelled_; }
  const std::optional<absl::Status>& end_status() const { return end_status_; }

  // ---- StreamTransport ----

  void StartRead() override {
    CheckCall();
    BS_CHECK(!read_in_flight_.exchange(true)) << "two reads";
    peer_.Post([this] {
      read_waits_ = true;
      AnswerRead();
    });
  }
  void StartWrite(std::string message) override {
    CheckCall();
    BS_CHECK(!write_in_flight_.exchange(true)) << "two writes";
    peer_.Post([this, message = std::move(message)] {
      if (!broken_) {
        written_.push_back(message);
        if (on_written) on_written(message);
      }
      write_waits_ = true;
      if (!hold_writes || broken_) AnswerWrite();
    });
  }
  void StartHalfClose() override {
    CheckCall();
    BS_CHECK(!write_in_flight_.exchange(true)) << "half-close during a write";
    peer_.Post([this] {
      half_closed_ = true;
      write_waits_ = true;
      if (!hold_writes || broken_) AnswerWrite();
    });
  }
  void Cancel() override {
    CheckCall();
    peer_.Post([this] {
      cancelled_ = true;
      PeerBreaks(absl::CancelledError("cancelled"));
    });
  }
  void End(const absl::Status& status) override {
    CheckCall();
    ended_ = true;
    peer_.Post([this, status = Unshared(status)] {
      end_status_ = status;
      // The call is over: a read in flight fails.
      peer_ended_ = true;
      AnswerRead();
      MaybeDone();
    });
  }

 private:
  // A status with a representation of its own. The library's reference count is not instrumented:
  // ThreadSanitizer would take a status that two threads share for a race.
  static absl::Status Unshared(const absl::Status& status) {
    return absl::Status(status.code(), status.message());
  }
  void CheckCall() {
    home_.AssertCurrent();
    BS_CHECK(!ended_) << "a call after End";
  }
  void AnswerRead() {
    if (!read_waits_) return;
    if (!broken_ && !incoming_.empty()) {
      read_waits_ = false;
      read_in_flight_ = false;
      std::string message = std::move(incoming_.front());
      incoming_.pop_front();
      if (message == "invalid") {
        outbox_->Received(InvalidArgument("hello.name: empty"), BootNow());
      } else {
        outbox_->Received(std::move(message), BootNow());
      }
    } else if (broken_ || peer_ended_) {
      read_waits_ = false;
      read_in_flight_ = false;
      outbox_->ReadEnded();
    }
    MaybeDone();
  }
  void MaybeDone() {
    if (!end_status_.has_value() || read_waits_ || write_waits_ || done_) return;
    done_ = true;
    // As gRPC: the stream is gone as soon as the answer is given.
    std::exchange(outbox_, nullptr)->Done(Unshared(status_));
  }

  // Constant after construction.
  IoThread& home_;
  IoThread& peer_;
  // Changed by home only.
  bool ended_ = false;
  // Shared: set by home, cleared by the peer's thread.
  std::atomic<bool> read_in_flight_{false};
  std::atomic<bool> write_in_flight_{false};
  // Changed by the peer's thread only.
  std::shared_ptr<TestOutbox> outbox_;
  std::deque<std::string> incoming_;
  std::vector<std::string> written_;
  bool read_waits_ = false;
  bool write_waits_ = false;
  bool half_closed_ = false;
  bool cancelled_ = false;
  bool peer_ended_ = false;
  bool broken_ = false;
  bool done_ = false;
  absl::Status status_;
  std::optional<absl::Status> end_status_;
};

}  // namespace broadside
