// Every kind of answer ends in the right outcome, over real sockets, and the books balance.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/support/wild_server.h"
#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

using wild::Close;
using wild::Hang;
using wild::ReadRequest;
using wild::Reset;
using wild::Script;
using wild::Send;
using wild::SendInChunks;
using wild::WildServer;

constexpr int64_t kRate = 100;
constexpr Millis kDuration{50};  // 100/s x 50 ms = 5 slots

// Plays `script` for each exchange of 5 slots and says what they ended in.
class Wild {
 public:
  explicit Wild(Script script, const std::function<void(TestSpec&)>& change = {})
      : server_(std::move(script)) {
    Start(change);
  }
  explicit Wild(wild::Plan plan, const std::function<void(TestSpec&)>& change = {})
      : server_(std::move(plan)) {
    Start(change);
  }
  std::string Outcomes() {
    EXPECT_TRUE(harness_->Run()) << "not settled: " << harness_->Outcomes();
    EXPECT_EQ(harness_->totals().outcomes.Total(), harness_->planned());
    return harness_->Outcomes();
  }
  EngineHarness& harness() { return *harness_; }
  WildServer& server() { return server_; }

 private:
  void Start(const std::function<void(TestSpec&)>& change) {
    TestSpec spec = SpecFor(server_.port(), kRate, kDuration);
    if (change) change(spec);
    harness_ = std::make_unique<EngineHarness>(spec);
  }
  WildServer server_;
  std::unique_ptr<EngineHarness> harness_;
};

std::string Answer(std::string_view status, std::string_view headers, std::string_view body) {
  std::string text = "HTTP/1.1 ";
  text += status;
  text += "\r\n";
  text += headers;
  text += "\r\n";
  text += body;
  return text;
}

std::string WithLength(std::string_view status, std::string_view body) {
  return Answer(status, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

TEST(WildAnswersTest, AnAnswerWithContentLengthIsOk) {
  Wild wild(Script{ReadRequest{}, Send{WithLength("200 OK", "hello")}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.harness().totals().done.completed, 5u);
  EXPECT_EQ(wild.harness().totals().done.codes.at(200), 5u);
  EXPECT_EQ(wild.harness().totals().done.response_time.count, 5u);
  EXPECT_EQ(wild.harness().totals().done.service_time.count, 5u);
  EXPECT_EQ(wild.harness().totals().done.send_lag.count, 5u);
}

TEST(WildAnswersTest, BytesAreCountedWithHeaders) {
  const std::string answer = WithLength("200 OK", "hello");
  Wild wild(Script{ReadRequest{}, Send{answer}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.harness().totals().done.bytes_received, 5 * answer.size());
  EXPECT_EQ(wild.harness().totals().done.bytes_sent, 5 * wild.server().requests()[0].size());
}

TEST(WildAnswersTest, AnErrorStatusIsFailed) {
  Wild wild(Script{ReadRequest{}, Send{WithLength("503 Service Unavailable", "no")}});
  EXPECT_EQ(wild.Outcomes(), "failed 5");
  EXPECT_EQ(wild.harness().totals().done.codes.at(503), 5u);
}

TEST(WildAnswersTest, ARedirectIsOkAndNotFollowed) {
  Wild wild(Script{ReadRequest{},
                   Send{Answer("302 Found", "Location: /x\r\nContent-Length: 0\r\n", "")}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.server().counters().requests_read, 5);
}

TEST(WildAnswersTest, Http10WithoutLengthEndsWithTheConnection) {
  Wild wild(Script{ReadRequest{}, Send{"HTTP/1.0 200 OK\r\n\r\nhello"}, Close{}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.server().counters().accepted, 5);
}

TEST(WildAnswersTest, Http10WithLengthIsNotReused) {
  Wild wild(Script{ReadRequest{}, Send{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.server().counters().accepted, 5);
}

TEST(WildAnswersTest, ChunkedBodiesAreRead) {
  const std::string answer = Answer("200 OK", "Transfer-Encoding: chunked\r\n",
                                    "5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n");
  Wild wild(Script{ReadRequest{}, Send{answer}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
}

TEST(WildAnswersTest, AnAnswerInSinglePiecesIsPutTogether) {
  const std::string answer =
      Answer("200 OK", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n");
  Wild wild(Script{ReadRequest{}, SendInChunks{answer, 20}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
}

TEST(WildAnswersTest, InterimAnswersAreSkipped) {
  Wild wild(Script{ReadRequest{}, Send{"HTTP/1.1 100 Continue\r\n\r\n"},
                   Send{"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"},
                   Send{WithLength("200 OK", "hello")}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.harness().totals().done.codes.size(), 1u);
}

TEST(WildAnswersTest, NoContentHasNoBody) {
  Wild wild(Script{ReadRequest{}, Send{Answer("204 No Content", "", "")}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
}

TEST(WildAnswersTest, NotModifiedHasNoBodyWhateverItsLength) {
  Wild wild(Script{ReadRequest{}, Send{Answer("304 Not Modified", "Content-Length: 99\r\n", "")}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
}

TEST(WildAnswersTest, AnswersToHeadHaveNoBody) {
  Wild wild(Script{ReadRequest{}, Send{Answer("200 OK", "Content-Length: 99\r\n", "")}},
            [](TestSpec& spec) { spec.target.method = "HEAD"; });
  EXPECT_EQ(wild.Outcomes(), "ok 5");
}

TEST(WildAnswersTest, CloseDelimitedBodiesAreComplete) {
  Wild wild(Script{ReadRequest{}, Send{Answer("200 OK", "", "hello")}, Close{}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
}

TEST(WildAnswersTest, ConnectionCloseIsHonoured) {
  Wild wild(Script{ReadRequest{},
                   Send{Answer("200 OK", "Connection: close\r\nContent-Length: 2\r\n", "hi")},
                   Close{}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.server().counters().accepted, 5);
}

TEST(WildAnswersTest, AnEarlyCloseIsReset) {
  Wild wild(Script{ReadRequest{}, Close{}});
  EXPECT_EQ(wild.Outcomes(), "reset 5");
}

TEST(WildAnswersTest, AResetIsReset) {
  Wild wild(Script{ReadRequest{}, Reset{}});
  EXPECT_EQ(wild.Outcomes(), "reset 5");
}

TEST(WildAnswersTest, AResetBeforeTheRequestIsReset) {
  Wild wild(Script{Reset{}});
  EXPECT_EQ(wild.Outcomes(), "reset 5");
}

TEST(WildAnswersTest, AGreetingIsAProtocolError) {
  Wild wild(Script{Send{"220 mail ready\r\n\r\n"}, Hang{}});
  EXPECT_EQ(wild.Outcomes(), "protocol_error 5");
}

TEST(WildAnswersTest, ATruncatedBodyIsReset) {
  Wild wild(
      Script{ReadRequest{}, Send{Answer("200 OK", "Content-Length: 10\r\n", "hello")}, Close{}});
  EXPECT_EQ(wild.Outcomes(), "reset 5");
}

TEST(WildAnswersTest, ATruncatedHeaderIsReset) {
  Wild wild(Script{ReadRequest{}, Send{"HTTP/1.1 200 OK\r\nContent-Le"}, Close{}});
  EXPECT_EQ(wild.Outcomes(), "reset 5");
}

TEST(WildAnswersTest, ATruncatedChunkIsReset) {
  Wild wild(Script{ReadRequest{},
                   Send{Answer("200 OK", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n")},
                   Close{}});
  EXPECT_EQ(wild.Outcomes(), "reset 5");
}

TEST(WildAnswersTest, GarbageIsAProtocolError) {
  Wild wild(Script{ReadRequest{}, Send{"SSH-2.0-OpenSSH_9.2\r\n"}, Hang{}});
  EXPECT_EQ(wild.Outcomes(), "protocol_error 5");
}

TEST(WildAnswersTest, ABrokenStatusLineIsAProtocolError) {
  Wild wild(Script{ReadRequest{}, Send{"HTTP/1.1 abc OK\r\n\r\n"}});
  EXPECT_EQ(wild.Outcomes(), "protocol_error 5");
}

TEST(WildAnswersTest, AStatusBelow100IsAProtocolError) {
  for (const std::string status : {"000", "001", "099"}) {
    Wild wild(Script{ReadRequest{}, Send{WithLength(status + " x", "hello")}});
    EXPECT_EQ(wild.Outcomes(), "protocol_error 5") << status;
    EXPECT_TRUE(wild.harness().totals().done.codes.empty()) << status;
  }
}

TEST(WildAnswersTest, ABrokenChunkIsAProtocolError) {
  Wild wild(Script{ReadRequest{},
                   Send{Answer("200 OK", "Transfer-Encoding: chunked\r\n", "zz\r\nhello\r\n")}});
  EXPECT_EQ(wild.Outcomes(), "protocol_error 5");
}

TEST(WildAnswersTest, TwoDifferentLengthsAreAProtocolError) {
  Wild wild(Script{ReadRequest{},
                   Send{Answer("200 OK", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello")}});
  EXPECT_EQ(wild.Outcomes(), "protocol_error 5");
}

TEST(WildAnswersTest, AHeaderOfTwoMebibytesIsAProtocolError) {
  const std::string header = "X: " + std::string(2u << 20, 'x') + "\r\n";
  Wild wild(Script{ReadRequest{}, Send{Answer("200 OK", header, "")}});
  EXPECT_EQ(wild.Outcomes(), "protocol_error 5");
}

TEST(WildAnswersTest, ABodyOfTenMebibytesIsReadAndCounted) {
  const std::string answer = WithLength("200 OK", std::string(10u << 20, 'x'));
  Wild wild(Script{ReadRequest{}, Send{answer}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.harness().totals().done.bytes_received, 5 * answer.size());
}

TEST(WildAnswersTest, NoAnswerIsATimeoutWaitingForTheFirstByte) {
  Wild wild(Script{ReadRequest{}, Hang{}}, [](TestSpec& spec) { spec.timeout = Millis(50); });
  EXPECT_EQ(wild.Outcomes(), "timeout 5");
  const Totals& totals = wild.harness().totals();
  EXPECT_EQ(totals.timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kFirstByte)], 5u);
  // Censored at the deadline: service time is at most the timeout.
  EXPECT_EQ(totals.done.response_time.count, 5u);
  EXPECT_LE(totals.done.service_time.max_nanos, Nanos(Millis(50)).count());
}

TEST(WildAnswersTest, AnAnswerThatStopsInItsBodyIsATimeoutThere) {
  Wild wild(
      Script{ReadRequest{}, Send{Answer("200 OK", "Content-Length: 10\r\n", "hello")}, Hang{}},
      [](TestSpec& spec) { spec.timeout = Millis(200); });
  EXPECT_EQ(wild.Outcomes(), "timeout 5");
  const Totals& totals = wild.harness().totals();
  EXPECT_EQ(totals.timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kBody)], 5u);
}

TEST(WildAnswersTest, ALargeBodyThatNobodyReadsIsATimeoutInSending) {
  Wild wild(Script{Hang{}}, [](TestSpec& spec) {
    spec.target.method = "POST";
    spec.target.body = std::string(limits::kRequestBodyBytesMax, 'x');
    spec.target.body += spec.target.body + spec.target.body + spec.target.body;  // 4 MiB
    spec.target.body += spec.target.body;  // more than two socket buffers hold
    spec.timeout = Millis(300);
  });
  EXPECT_EQ(wild.Outcomes(), "timeout 5");
  const Totals& totals = wild.harness().totals();
  EXPECT_EQ(totals.timeouts_by_phase[static_cast<size_t>(TimeoutPhase::kSend)], 5u);
}

TEST(WildAnswersTest, ALargeBodyIsSentWhole) {
  const std::string body(limits::kRequestBodyBytesMax, 'b');
  Wild wild(Script{ReadRequest{}, Send{WithLength("200 OK", "hi")}}, [&](TestSpec& spec) {
    spec.target.method = "POST";
    spec.target.body = body;
  });
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_TRUE(wild.server().requests()[0].ends_with("\r\n\r\n" + body));
}

TEST(WildAnswersTest, ARefusedConnectIsAConnectError) {
  WildServer server(Script{Hang{}});
  const uint16_t port = server.port();
  server.Stop();
  EngineHarness harness(SpecFor(port, kRate, kDuration));
  EXPECT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "connect_error 5");
  EXPECT_GE(harness.stats().connects_failed, 5u);
  EXPECT_LE(harness.stats().connects_failed, 6u);  // one was to be opened ahead
  EXPECT_EQ(harness.totals().done.send_lag.count, 0u);
}

TEST(WildAnswersTest, ANameThatDoesNotResolveIsAConnectError) {
  TestSpec spec = SpecFor(80, kRate, kDuration);
  spec.target.host = "no-such-name.invalid";
  spec.timeout = Seconds(10);
  EngineHarness harness(spec);
  EXPECT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "connect_error 5");
}

TEST(WildAnswersTest, ANameThatResolvesIsUsed) {
  WildServer server(Script{ReadRequest{}, Send{WithLength("200 OK", "hi")}});
  TestSpec spec = SpecFor(server.port(), kRate, kDuration);
  spec.target.host = "localhost";
  EngineHarness harness(spec);
  EXPECT_TRUE(harness.Run());
  EXPECT_EQ(harness.Outcomes(), "ok 5");
}

TEST(WildAnswersTest, BytesAfterTheAnswerEndTheConnection) {
  Wild wild(Script{ReadRequest{}, Send{WithLength("200 OK", "hi") + "surplus"}});
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.server().counters().accepted, 5);
}

TEST(WildAnswersTest, ValuesOfTheVersionHeaderAreCounted) {
  const std::string answer = Answer("200 OK", "X-Version: 0.2\r\nContent-Length: 0\r\n", "");
  Wild wild(Script{ReadRequest{}, Send{answer}},
            [](TestSpec& spec) { spec.target.version_header = "x-version"; });
  EXPECT_EQ(wild.Outcomes(), "ok 5");
  EXPECT_EQ(wild.harness().totals().done.versions.at("0.2"), 5u);
}

}  // namespace
}  // namespace broadside
