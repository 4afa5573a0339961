// What the fleet server does with peers that are no agents of ours.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "broadside/v1/fleet.pb.h"
#include "common/core/limits.h"
#include "tests/unit/controller/fleet/fleet_rig.h"
#include "tests/unit/controller/fleet/raw_call.h"

namespace broadside {
namespace {

using ::testing::HasSubstr;

class FleetServerAbuseTest : public ::testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<grpc::Channel> Channel() {
    return GetParam() ? MakeFleetChannel(server_.address()) : server_.server.InProcessChannel();
  }
  // The server is as it was for everybody else.
  void ExpectServes() {
    IoThread home("agent");
    AgentRig agent(home, Channel());
    agent.Open();
    agent.Send(HelloMessage("well-behaved"));
    EXPECT_EQ(server_.received.Take().message.hello->name, "well-behaved");
  }

  ServerRig server_;
};
INSTANTIATE_TEST_SUITE_P(Over, FleetServerAbuseTest, ::testing::Bool(),
                         [](const auto& over) { return over.param ? "Tcp" : "InProcess"; });

TEST_P(FleetServerAbuseTest, AnInvalidMessageEndsTheStreamAndNamesTheField) {
  RawCall call(Channel());
  v1::AttachRequest request;
  request.mutable_hello()->set_protocol_major(1);
  request.mutable_hello()->set_incarnation(std::string(16, 'i'));
  request.mutable_hello()->set_threads(1);
  call.Write(request.SerializeAsString());  // no name
  const grpc::Status status = call.ReadToEnd();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("name"));
  EXPECT_EQ(server_.closed.Take().reason.code(), absl::StatusCode::kInvalidArgument);
  ExpectServes();
}

TEST_P(FleetServerAbuseTest, BytesThatAreNoMessageEndTheStream) {
  RawCall call(Channel());
  call.Write("GET / HTTP/1.1\r\n\r\n");
  const grpc::Status status = call.ReadToEnd();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("not a broadside.v1.AttachRequest"));
  ExpectServes();
}

TEST_P(FleetServerAbuseTest, AMessageOverTheLimitEndsTheStream) {
  RawCall call(Channel());
  call.Write(std::string(limits::kFleetMessageBytesMax + 1, 'x'));
  EXPECT_FALSE(call.ReadToEnd().ok());
  EXPECT_FALSE(server_.closed.Take().reason.ok());
  ExpectServes();
}

TEST_P(FleetServerAbuseTest, AMessageAtTheLimitIsTaken) {
  // A field that nobody knows: number 1000, length-delimited. Tag 2 bytes, length 4 bytes.
  v1::AttachRequest request;
  request.add_cut_done("t");
  std::string bytes = request.SerializeAsString();
  const size_t filling = limits::kFleetMessageBytesMax - bytes.size() - 6;
  bytes += "\xC2\x3E";
  for (size_t rest = filling, i = 0; i < 4; ++i, rest >>= 7) {
    bytes += static_cast<char>((rest & 0x7F) | (i < 3 ? 0x80 : 0));
  }
  bytes += std::string(filling, 'x');
  ASSERT_EQ(bytes.size(), limits::kFleetMessageBytesMax);
  RawCall call(Channel());
  call.Write(bytes);
  EXPECT_THAT(server_.received.Take().message.cut_done, ::testing::ElementsAre("t"));
}

TEST_P(FleetServerAbuseTest, APeerThatNeverReadsIsCancelledAtTheBound) {
  RawCall call(Channel());
  const StreamId stream = server_.opened.Take().stream;
  ControllerMessage message;
  message.cuts.emplace_back(16 * 1024, 't');
  // Flow control lets some through: 64 KiB of window and what the sockets buffer; the outbox takes
  // 256.
  int sent = 0;
  for (; sent < 20'000 && server_.closed.empty(); ++sent) server_.Send(stream, message);
  const absl::Status reason = server_.closed.Take().reason;
  EXPECT_EQ(reason.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(reason.ToString(), HasSubstr("slow consumer"));
  EXPECT_GT(sent, static_cast<int>(limits::kOutboxMessagesMax));
  EXPECT_EQ(call.ReadToEnd().error_code(), grpc::StatusCode::CANCELLED);
  ExpectServes();
}

TEST_P(FleetServerAbuseTest, StopDoesNotWaitForAPeerThatNeverReads) {
  RawCall call(Channel());
  const StreamId stream = server_.opened.Take().stream;
  ControllerMessage message;
  message.cuts.emplace_back(1 << 20, 't');
  for (int i = 0; i < 10; ++i) server_.Send(stream, message);
  server_.server.Stop();
  EXPECT_EQ(server_.closed.Take().reason.code(), absl::StatusCode::kUnavailable);
}

TEST_P(FleetServerAbuseTest, StopDoesNotWaitForAPeerThatDoesNotReadItsStatus) {
  RawCall call(Channel());
  server_.opened.Take();
  server_.server.Stop();
  EXPECT_EQ(server_.closed.Take().reason.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(call.ReadToEnd().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace broadside
