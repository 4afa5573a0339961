#pragma once

// A client of the fleet service that says what no agent says, and reads only when told to. Uses
// gRPC directly.

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/slice.h>

#include <future>
#include <memory>
#include <string>
#include <utility>

namespace broadside {

class RawCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit RawCall(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {
    grpc::GenericStub(channel_).PrepareBidiStreamingCall(
        &context_, "/broadside.v1.FleetService/Attach", {}, this);
    AddHold();
    StartCall();
  }
  ~RawCall() override {
    context_.TryCancel();
    Release();
    done_.get_future().wait();
  }

  void Write(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    outgoing_ = grpc::ByteBuffer(&slice, 1);
    StartWrite(&outgoing_);
  }
  // Reads to the end of the stream, whose status it returns.
  grpc::Status ReadToEnd() {
    StartRead(&incoming_);
    Release();
    return status_.get_future().get();
  }

  void OnReadDone(bool ok) override {
    if (ok) StartRead(&incoming_);
  }
  void OnDone(const grpc::Status& status) override {
    status_.set_value(status);
    done_.set_value();
  }

 private:
  void Release() {
    if (std::exchange(held_, false)) RemoveHold();
  }

  const std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  bool held_ = true;
  std::promise<grpc::Status> status_;
  std::promise<void> done_;
};

}  // namespace broadside
