// Streamed answers: a StreamTest hands the test one end and reads the other from a socket.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "common/net/http_server.h"
#include "tests/support/raw_client.h"
#include "tests/unit/common/net/http_server_fixture.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::Not;

// Gives each request's stream to the test.
class StreamTest : public testing::Test {
 protected:
  void Serve(HttpServerOptions options) {
    server_ = StartServer(options, [this](HttpRequest request, HttpResponder responder) {
      inbox_.Put(std::move(request), std::move(responder));
    });
    client_ = std::make_unique<RawClient>(server_->port());
  }
  HttpStream Open(std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n") {
    client_->Send(request);
    return inbox_.Take().second.Stream({.status = 200, .content_type = "text/event-stream"},
                                       [this] { closed_.Set(); });
  }
  Inbox inbox_;
  Signal closed_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<RawClient> client_;
};

TEST_F(StreamTest, WritesChunksAndEnds) {
  Serve({});
  HttpStream stream = Open();
  EXPECT_TRUE(stream.Write("hello"));
  const std::string head = client_->ReadBytes(1);
  stream.End();
  EXPECT_FALSE(stream.Write("late"));
  const std::string answer = head + client_->ReadAll();
  EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n")) << answer;
  EXPECT_TRUE(closed_.Wait());
}

TEST_F(StreamTest, EndsWhenTheLastHandleIsDropped) {
  Serve({});
  Open().Write("x");
  EXPECT_TRUE(client_->ReadAll().ends_with("1\r\nx\r\n0\r\n\r\n"));
}

TEST_F(StreamTest, IsPlainForHttp10) {
  Serve({});
  Open("GET / HTTP/1.0\r\n\r\n").Write("plain");
  const std::string answer = client_->ReadAll();
  EXPECT_THAT(answer, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nplain")) << answer;
}

TEST_F(StreamTest, HasNoBodyForHead) {
  Serve({});
  HttpStream stream = Open("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client_->ReadAll().ends_with("\r\n\r\n"));
  EXPECT_TRUE(closed_.Wait());
  EXPECT_FALSE(stream.Write("x"));
}

TEST_F(StreamTest, SeesThatTheClientHasGone) {
  Serve({});
  HttpStream stream = Open();
  client_.reset();
  EXPECT_TRUE(closed_.Wait());
  EXPECT_TRUE(stream.closed());
}

TEST_F(StreamTest, CutsAReaderThatIsTooSlow) {
  Serve({.stream_buffer_bytes_max = 64 * 1024, .socket_send_buffer_bytes = 4096});
  HttpStream stream = Open();
  // Kernel buffers on both sides take some MiB at most; then 64 KiB may wait.
  int64_t written = 0;
  while (stream.Write(std::string(1024, 'x'))) {
    written += 1024;
    ASSERT_LT(written, 1 << 30);
  }
  EXPECT_TRUE(closed_.Wait());
  EXPECT_FALSE(client_->ReadAll().ends_with("0\r\n\r\n")) << "looks complete";
}

TEST_F(StreamTest, SaysWhenEverythingWasTaken) {
  Serve({.stream_buffer_bytes_max = 1 << 20});
  HttpStream stream = Open();
  for (int round = 0; round < 8; ++round) {  // 8 x 1 MiB through a buffer of 1 MiB
    Signal drained;
    EXPECT_TRUE(stream.Write(std::string(1 << 20, 'x')));
    stream.WhenDrained([&] { drained.Set(); });
    client_->ReadBytes(1 << 20);
    ASSERT_TRUE(drained.Wait());
  }
}

TEST_F(StreamTest, EndsWhenTheServerStops) {
  Serve({.stop_grace = Seconds(60)});
  HttpStream stream = Open();
  stream.Write("x");
  server_->Stop();
  EXPECT_FALSE(stream.Write("y"));
  EXPECT_TRUE(client_->ReadAll().ends_with("1\r\nx\r\n0\r\n\r\n"));
}

TEST_F(StreamTest, StopsWithinTheGraceWhenTheReaderHangs) {
  Serve({.stop_grace = Millis(20), .socket_send_buffer_bytes = 4096});
  HttpStream stream = Open();
  stream.Write(std::string(1 << 20, 'x'));
  server_->Stop();
  EXPECT_TRUE(stream.closed());
}

TEST_F(StreamTest, OutlivesTheServer) {
  Serve({});
  HttpStream stream = Open();
  server_.reset();
  EXPECT_FALSE(stream.Write("x"));
}

TEST_F(StreamTest, TakesWritesOfManyThreads) {
  Serve({});
  HttpStream stream = Open();
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([stream]() mutable {
      for (int n = 0; n < 100; ++n) stream.Write("0123456789\n");
    });
  }
  for (std::thread& writer : writers) writer.join();
  stream.End();
  const std::string answer = client_->ReadAll();
  size_t lines = 0;
  for (size_t at = 0; (at = answer.find("0123456789\n", at)) != std::string::npos; ++at) ++lines;
  EXPECT_EQ(lines, 400u);  // 4 writers of 100
}

}  // namespace
}  // namespace broadside
