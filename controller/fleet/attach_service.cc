#include "controller/fleet/attach_service.h"

#include <algorithm>
#include <utility>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/net/clock.h"
#include "common/rpc/stream_bytes.h"

namespace broadside {
namespace {

using RawReactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

grpc::Status ToGrpc(const absl::Status& status) {
  // The detail travels in a header, which peers bound (8 KiB by default).
  const std::string_view detail = ToStd(status.message()).substr(0, limits::kStatusDetailBytesMax);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(detail));
}

// A call that is not let in. It has one operation in its life, so nothing can overlap it.
class RefusedStream final : public RawReactor {
 public:
  explicit RefusedStream(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

// Owned by gRPC: deletes itself in OnDone.
class AttachStream final : public RawReactor, public StreamTransport<v1::AttachResponse> {
 public:
  AttachStream(grpc::CallbackServerContext* context, std::shared_ptr<StreamGate> gate,
               const AttachService::OpenStream& open_stream)
      : context_(context), gate_(std::move(gate)) {
    // Tells the agent that its stream is open. Home may start operations, even the last one, as
    // soon as it knows of the stream, so this one comes first; gRPC keeps them all until we return.
    StartSendInitialMetadata();
    outbox_ = open_stream(context->peer(), this);
    outbox_->Opened(true);
  }

  // ---- home ----

  void StartRead() override { RawReactor::StartRead(&incoming_); }
  void StartWrite(v1::AttachResponse message) override {
    if (message.has_beat_reply()) {
      message.mutable_beat_reply()->set_controller_sent_ns(BootNow().time_since_epoch().count());
    }
    ToBytes(message, &outgoing_);
    RawReactor::StartWrite(&outgoing_);
  }
  void StartHalfClose() override { BS_CHECK(false) << "a server has no half-close"; }
  void Cancel() override { context_->TryCancel(); }
  void End(const absl::Status& status) override { Finish(ToGrpc(status)); }

  // ---- gRPC's threads: post only ----

  void OnReadDone(bool ok) override {
    if (!ok) {
      outbox_->ReadEnded();
      return;
    }
    const BootTime received = BootNow();
    outbox_->Received(FromBytes<v1::AttachRequest>(&incoming_), received);
  }
  void OnWriteDone(bool ok) override { outbox_->Written(ok); }
  void OnDone() override {
    outbox_->Done(context_->IsCancelled()
                      ? absl::CancelledError("the peer cancelled, or the connection broke")
                      : absl::OkStatus());
    const std::shared_ptr<StreamGate> gate = std::move(gate_);
    delete this;
    gate->Leave();
  }

 private:
  // Constant after construction.
  grpc::CallbackServerContext* const context_;
  std::shared_ptr<StreamGate> gate_;
  std::shared_ptr<AttachOutbox> outbox_;
  // Belongs to gRPC while a read (a write) is in flight, else to home.
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
};

}  // namespace

RawReactor* AttachService::Attach(grpc::CallbackServerContext* context) {
  const absl::Status entered = gate_->Enter();
  if (!entered.ok()) return new RefusedStream(entered);
  return new AttachStream(context, gate_, open_stream_);
}

}  // namespace broadside
