#include "agent/link/link.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include <utility>

#include "broadside/v1/fleet.pb.h"
#include "common/core/check.h"
#include "common/core/limits.h"
#include "common/net/clock.h"
#include "common/rpc/stream_bytes.h"
#include "common/wire/fleet_proto.h"

namespace broadside {
namespace {

using Outbox = StreamOutbox<ControllerMessage, v1::AttachRequest>;
using RawReactor = grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

constexpr char kAttach[] = "/broadside.v1.FleetService/Attach";

// Owned by gRPC: deletes itself in OnDone. The call is raw bytes, so that bytes that are no message
// can be told from the end of the stream.
class LinkStream final : public RawReactor, public StreamTransport<v1::AttachRequest> {
 public:
  LinkStream(std::shared_ptr<grpc::Channel> channel, std::shared_ptr<StreamGate> gate,
             std::shared_ptr<Outbox> outbox)
      : channel_(std::move(channel)), gate_(std::move(gate)), outbox_(std::move(outbox)) {
    outbox_->SetTransport(this);
  }

  // ---- home ----

  void Start() {
    grpc::GenericStub(channel_).PrepareBidiStreamingCall(&context_, kAttach, {}, this);
    AddHold();  // home starts operations outside of reactions; End gives it up
    StartCall();
  }
  void StartRead() override { RawReactor::StartRead(&incoming_); }
  void StartWrite(v1::AttachRequest message) override {
    if (message.has_beat()) {
      message.mutable_beat()->set_agent_sent_ns(BootNow().time_since_epoch().count());
    }
    ToBytes(message, &outgoing_);
    RawReactor::StartWrite(&outgoing_);
  }
  void StartHalfClose() override { StartWritesDone(); }
  void Cancel() override { context_.TryCancel(); }
  void End(const absl::Status&) override { RemoveHold(); }

  // ---- gRPC's threads: post only ----

  void OnReadInitialMetadataDone(bool ok) override { outbox_->Opened(ok); }
  void OnReadDone(bool ok) override {
    if (!ok) {
      outbox_->ReadEnded();
      return;
    }
    const BootTime received = BootNow();
    outbox_->Received(FromBytes<v1::AttachResponse>(&incoming_), received);
  }
  void OnWriteDone(bool ok) override { outbox_->Written(ok); }
  void OnWritesDoneDone(bool ok) override { outbox_->Written(ok); }
  void OnDone(const grpc::Status& status) override {
    outbox_->Done(
        absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message()));
    const std::shared_ptr<StreamGate> gate = std::move(gate_);
    delete this;
    gate->Leave();
  }

 private:
  // Constant after construction.
  const std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<StreamGate> gate_;
  const std::shared_ptr<Outbox> outbox_;
  grpc::ClientContext context_;
  // Belongs to gRPC while a read (a write) is in flight, else to home.
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
};

}  // namespace

Link::Link(IoThread& home, std::shared_ptr<grpc::Channel> channel, Handlers handlers)
    : home_(home),
      channel_(std::move(channel)),
      handlers_(std::make_shared<const Handlers>(std::move(handlers))),
      gate_(std::make_shared<StreamGate>(kStreamsMax)) {}

Link::~Link() {
  home_.AssertCurrent();
  if (outbox_ != nullptr) {
    outbox_->Detach();
    outbox_->Abort(absl::CancelledError("the link was destroyed"));
  }
  BS_CHECK(gate_->WaitEmpty(limits::kFleetStopTimeout)) << "the stream was not let go of";
}

void Link::Open() {
  home_.AssertCurrent();
  BS_CHECK(outbox_ == nullptr) << "a link has one stream at a time";
  BS_CHECK(gate_->Enter().ok()) << "streams of before are not let go of";
  outbox_ = std::make_shared<Outbox>(
      home_, StreamRole::kClient, StreamLimits{},
      StreamHandlers<ControllerMessage>{.on_open = handlers_->on_open,
                                        .on_message = handlers_->on_message,
                                        .on_closed = [this](absl::Status status) {
                                          outbox_ = nullptr;
                                          const auto handlers = handlers_;  // it may destroy us
                                          handlers->on_closed(std::move(status));
                                        }});
  // The core has waited as long as it wanted to: what is left of the channel's own backoff is void.
  grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
  (new LinkStream(channel_, gate_, outbox_))->Start();
}

bool Link::is_open() const {
  home_.AssertCurrent();
  return outbox_ != nullptr;
}

void Link::Send(const AgentMessage& message) {
  home_.AssertCurrent();
  if (outbox_ == nullptr) return;
  v1::AttachRequest request = ToProto(message);
  const size_t bytes = request.ByteSizeLong();
  outbox_->Send(std::move(request), bytes);
}

void Link::Close() {
  home_.AssertCurrent();
  if (outbox_ != nullptr) outbox_->Close(absl::OkStatus());
}

void Link::Cancel(std::string_view reason) {
  home_.AssertCurrent();
  if (outbox_ != nullptr) outbox_->Abort(absl::CancelledError(ToAbsl(reason)));
}

}  // namespace broadside
