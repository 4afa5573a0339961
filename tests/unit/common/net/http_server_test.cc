#include "common/net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "common/net/clock.h"
#include "tests/support/raw_client.h"
#include "tests/unit/common/net/http_server_fixture.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Answers with what it was asked: "GET /path?query 3" for a body of three bytes.
void Echo(HttpRequest request, HttpResponder responder) {
  std::string text =
      Concat(request.method, " ", request.path, "?", request.query, " ", request.body.size());
  responder.Send({.status = 200, .content_type = "text/plain", .body = std::move(text)});
}

std::string Ask(uint16_t port, std::string_view bytes) {
  RawClient client(port);
  client.Send(bytes);
  return client.ReadAnswer();
}

TEST(HttpServerTest, AnswersARequest) {
  const auto server = StartServer({}, Echo);
  const std::string answer = Ask(server->port(), "GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nGET /a%20b?c=d 0"));
  EXPECT_THAT(answer, HasSubstr("\r\nDate: "));
}

TEST(HttpServerTest, KeepsAConnectionForFurtherRequests) {
  const auto server = StartServer({}, Echo);
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.Send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_THAT(client.ReadAnswer(), HasSubstr("POST /x? 3"));
  }
}

TEST(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
  const auto server = StartServer({}, Echo);
  RawClient client(server->port());
  client.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("GET /1?"));
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("GET /2?"));
}

TEST(HttpServerTest, SendsNoBodyForHead) {
  const auto server = StartServer({}, Echo);
  RawClient client(server->port());
  client.Send("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n"));  // "HEAD /x? 0"
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST(HttpServerTest, ReadsAChunkedBody) {
  const auto server = StartServer({}, Echo);
  EXPECT_THAT(Ask(server->port(),
                  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
              HasSubstr("POST /? 5"));
}

TEST(HttpServerTest, TakesTheAbsoluteFormOfATarget) {
  const auto server = StartServer({}, Echo);
  EXPECT_THAT(Ask(server->port(), "GET http://h:1/p?q HTTP/1.1\r\nHost: h:1\r\n\r\n"),
              HasSubstr("GET /p?q 0"));
}

TEST(HttpServerTest, SaysContinueBeforeItReadsTheBody) {
  const auto server = StartServer({}, Echo);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadBytes(25), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("ab");
  EXPECT_THAT(client.ReadAnswer(), HasSubstr("POST /? 2"));
}

TEST(HttpServerTest, EndsAnHttp10ConnectionAfterItsAnswer) {
  const auto server = StartServer({}, Echo);
  RawClient client(server->port());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), HasSubstr("Connection: close\r\n"));
}

TEST(HttpServerTest, AnswersLaterFromAnotherThread) {
  Inbox inbox;
  const auto server = StartServer({}, [&](HttpRequest request, HttpResponder responder) {
    inbox.Put(std::move(request), std::move(responder));
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto [request, responder] = inbox.Take();
  responder.Send({.status = 204});
  responder.Send({.status = 500});  // ignored
  EXPECT_THAT(client.ReadBytes(23), StartsWith("HTTP/1.1 204 No Content"));
}

TEST(HttpServerTest, AnswersFiveHundredWhenTheHandlerForgot) {
  const auto server = StartServer({}, [](HttpRequest, HttpResponder) {});
  EXPECT_THAT(Ask(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
}

struct Malformed {
  const char* name;
  const char* bytes;
  const char* status;
};

class HttpServerMalformedTest : public testing::TestWithParam<Malformed> {};

TEST_P(HttpServerMalformedTest, IsRefusedAndTheServerLivesOn) {
  const auto server = StartServer({}, Echo);
  RawClient client(server->port());
  client.Send(GetParam().bytes);
  const std::string answer = client.ReadAnswer();
  EXPECT_THAT(answer, StartsWith(GetParam().status));
  EXPECT_THAT(answer, HasSubstr("application/problem+json"));
  EXPECT_THAT(Ask(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("200 OK"));
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpServerMalformedTest,
    testing::Values(
        Malformed{"garbage", "\x01\x02\x03\x04 garbage\r\n\r\n", "HTTP/1.1 400 "},
        Malformed{"no_version", "GET /\r\n\r\n", "HTTP/1.1 400 "},
        Malformed{"http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 "},
        Malformed{"no_host", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        Malformed{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 "},
        Malformed{"bare_cr_in_header", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc: d\r\n\r\n",
                  "HTTP/1.1 400 "},
        Malformed{"no_colon", "GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", "HTTP/1.1 400 "},
        Malformed{"two_lengths",
                  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
                  "HTTP/1.1 400 "},
        Malformed{"length_and_chunked",
                  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
                  "chunked\r\n\r\na",
                  "HTTP/1.1 400 "},
        Malformed{"negative_length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                  "HTTP/1.1 400 "},
        Malformed{"bad_chunk",
                  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                  "HTTP/1.1 400 "}),
    [](const auto& param) { return param.param.name; });

TEST(HttpServerTest, RefusesAMegabyteOfGarbageAndLivesOn) {
  const auto server = StartServer({}, Echo);
  RawClient client(server->port());
  client.Send(std::string(1 << 20, '\x07'));
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(Ask(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("200 OK"));
}

TEST(HttpServerTest, RefusesABodyAboveTheLimitBeforeReadingIt) {
  const auto server = StartServer({}, Echo);
  RawClient client(server->port());
  client.Send(Concat("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ", limits::kRequestBytesMax + 1,
                     "\r\n\r\n"));
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
}

TEST(HttpServerTest, RefusesAChunkedBodyAboveTheLimitWhileTheClientSends) {
  const auto server = StartServer({.body_bytes_max = 1000}, Echo);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "200\r\n" + std::string(512, 'x') + "\r\n";
  for (int i = 0; i < 100; ++i) client.Send(chunk);
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 413 "));
}

TEST(HttpServerTest, TakesABodyOfExactlyTheLimit) {
  const auto server = StartServer({.body_bytes_max = 1000}, Echo);
  EXPECT_THAT(Ask(server->port(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" +
                                      std::string(1000, 'x')),
              HasSubstr("POST /? 1000"));
}

TEST(HttpServerTest, RefusesAHeaderAboveTheLimit) {
  const auto server = StartServer({}, Echo);
  EXPECT_THAT(
      Ask(server->port(), "GET / HTTP/1.1\r\nHost: x\r\nA: " +
                              std::string(limits::kRequestHeaderBytesMax, 'a') + "\r\n\r\n"),
      StartsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
}

TEST(HttpServerTest, WritesNoHeaderThatAValueSmugglesIn) {
  const auto server = StartServer({}, [](HttpRequest, HttpResponder responder) {
    responder.Send({.status = 200, .headers = {{"X-Name", "a\r\nX-Evil: b"}}});
  });
  EXPECT_THAT(Ask(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
              HasSubstr("X-Name: a  X-Evil: b\r\n"));
}

TEST(HttpServerTest, AnswersASlowRequestWithATimeout) {
  const auto server = StartServer({.read_timeout = Millis(50)}, Echo);
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHo");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
}

TEST(HttpServerTest, ClosesAnIdleConnection) {
  const auto server = StartServer({.idle_timeout = Millis(20)}, Echo);
  RawClient client(server->port());
  EXPECT_EQ(client.ReadAll(), "");
}

TEST(HttpServerTest, ClosesAClientThatDoesNotReadItsAnswer) {
  const auto server = StartServer(
      {.connections_max = 1, .write_timeout = Millis(50), .socket_send_buffer_bytes = 4096},
      [](HttpRequest request, HttpResponder responder) {
        responder.Send({.body = std::string(request.path == "/large" ? 32u << 20 : 1, 'x')});
      });
  RawClient slow(server->port());
  slow.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  // The slow client has the only place, so another one is served as soon as that is given up.
  const BootTime until = BootNow() + Seconds(20);
  std::string answer;
  while (answer.empty() && BootNow() < until) {
    answer = Ask(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_THAT(answer, HasSubstr("200 OK"));
  EXPECT_EQ(slow.ReadAnswer(), "");  // not whole
}

TEST(HttpServerTest, TurnsConnectionsAboveTheLimitAwayAndTakesNewOnesLater) {
  const auto server = StartServer({.connections_max = 2}, Echo);
  auto first = std::make_unique<RawClient>(server->port());
  RawClient second(server->port());
  first->Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  second.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first->ReadAnswer(), HasSubstr("200 OK"));
  EXPECT_THAT(second.ReadAnswer(), HasSubstr("200 OK"));
  RawClient third(server->port());
  EXPECT_EQ(third.ReadAll(), "");
  first->Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(first->ReadAll(), HasSubstr("200 OK"));  // closed, so there is room
  EXPECT_THAT(Ask(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("200 OK"));
}

TEST(HttpServerTest, SaysWhatToDoWhenThePortIsInUse) {
  const auto server = StartServer({}, Echo);
  const auto second = HttpServer::Start({.listen = server->address()}, Echo);
  EXPECT_EQ(second.status().message(),
            Concat(server->address(),
                   " is in use: stop the other process or choose another port with --http"));
}

TEST(HttpServerTest, SaysWhatToDoWithAnAddressThatIsNone) {
  for (const char* listen : {"", "8080", "127.0.0.1", "127.0.0.1:99999", "1:2:3", "x:"}) {
    const auto server = HttpServer::Start({.listen = listen}, Echo);
    EXPECT_THAT(std::string(server.status().message()),
                HasSubstr("give --http as ADDRESS:PORT, for example 127.0.0.1:8080"))
        << listen;
  }
  EXPECT_THAT(std::string(HttpServer::Start({.listen = "192.0.2.1:0"}, Echo).status().message()),
              StartsWith("192.0.2.1:0 is no address of this machine"));
}

TEST(HttpServerTest, RunsOnAGivenThread) {
  IoThread thread("given");
  const auto server =
      StartServer({.io_thread = &thread}, [&](HttpRequest request, HttpResponder responder) {
        thread.AssertCurrent();
        Echo(std::move(request), std::move(responder));
      });
  EXPECT_THAT(Ask(server->port(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("200 OK"));
  server->Stop();
}

TEST(HttpServerStopTest, LetsAnAnswerUnderWayFinish) {
  Inbox inbox;
  const auto server =
      StartServer({.stop_grace = Seconds(60)}, [&](HttpRequest request, HttpResponder responder) {
        inbox.Put(std::move(request), std::move(responder));
      });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto [request, responder] = inbox.Take();
  std::thread stopper([&] { server->Stop(); });
  responder.Send({.status = 200, .body = "late"});
  EXPECT_THAT(client.ReadAll(), HasSubstr("late"));
  stopper.join();
}

TEST(HttpServerStopTest, EndsWithinTheGraceWhenNobodyAnswers) {
  Inbox inbox;
  auto server =
      StartServer({.stop_grace = Millis(20)}, [&](HttpRequest request, HttpResponder responder) {
        inbox.Put(std::move(request), std::move(responder));
      });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto [request, responder] = inbox.Take();
  server->Stop();
  EXPECT_EQ(client.ReadAll(), "");
  server.reset();
  responder.Send({.status = 200});  // to nobody
}

TEST(HttpServerStopTest, ClosesIdleAndHalfReadConnections) {
  const auto server = StartServer({.stop_grace = Seconds(60)}, Echo);
  RawClient idle(server->port());
  RawClient half(server->port());
  half.Send("GET / HTTP/1.1\r\nHo");
  RawClient served(server->port());
  served.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  served.ReadAnswer();
  server->Stop();
  server->Stop();  // idempotent
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_EQ(half.ReadAll(), "");
  EXPECT_EQ(served.ReadAll(), "");
}

}  // namespace
}  // namespace broadside
