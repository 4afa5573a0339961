#include "common/net/stream_outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "tests/unit/common/net/fake_stream.h"

namespace broadside {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One stream with its peer. What the handlers got is read on home, what the stream saw on the
// peer's thread.
class Rig {
 public:
  explicit Rig(StreamRole role, StreamLimits limits = {}) {
    outbox_ = std::make_shared<TestOutbox>(
        home_, role, limits,
        StreamHandlers<std::string>{
            [this] { opened_ = true; },
            [this](std::string message, BootTime) {
              received_.push_back(message);
              if (on_message) on_message(message);
            },
            [this](absl::Status status) { closed_.set_value(std::move(status)); }});
    stream_.SetOutbox(outbox_);
    outbox_->SetTransport(&stream_);
  }
  ~Rig() {
    // The home thread must outlive Done.
    OnHome([this] { outbox_->Abort(absl::CancelledError("the test is over")); });
    OnPeer([this] {
      stream_.hold_writes = false;
      stream_.AnswerWrite();
    });
    for (int i = 0; i < 3; ++i) {
      OnHome([] {});
      OnPeer([] {});
    }
  }

  void Open() { outbox_->Opened(true); }
  void OnHome(std::function<void()> f) { home_.RunAndWait(std::move(f)); }
  void OnPeer(std::function<void()> f) { peer_.RunAndWait(std::move(f)); }
  void Send(const std::string& message) {
    OnHome([&] { outbox_->Send(message, message.size()); });
  }
  absl::Status WaitClosed() { return closed_future_.get(); }
  std::vector<std::string> Received() {
    std::vector<std::string> copy;
    OnHome([&] { copy = received_; });
    return copy;
  }
  std::vector<std::string> Written() {
    std::vector<std::string> copy;
    OnPeer([&] { copy = stream_.written(); });
    return copy;
  }

  std::function<void(const std::string&)> on_message;  // home

  IoThread home_{"home"};
  IoThread peer_{"peer"};
  FakeStream stream_{home_, peer_};
  std::shared_ptr<TestOutbox> outbox_;
  bool opened_ = false;
  std::vector<std::string> received_;
  std::promise<absl::Status> closed_;
  std::future<absl::Status> closed_future_ = closed_.get_future();
};

TEST(StreamOutboxTest, WritesInTheOrderOfSendingOneAtATime) {
  Rig rig(StreamRole::kServer);
  rig.Open();
  std::vector<std::string> sent;
  for (int i = 0; i < 200; ++i) sent.push_back(std::to_string(i));
  rig.OnHome([&] {
    for (const std::string& message : sent) rig.outbox_->Send(message, message.size());
    rig.outbox_->Close(absl::OkStatus());
  });
  EXPECT_TRUE(rig.WaitClosed().ok());
  EXPECT_EQ(rig.Written(), sent);  // the fake aborts on a second write in flight
}

TEST(StreamOutboxTest, OpensBeforeTheFirstMessage) {
  Rig rig(StreamRole::kClient);
  rig.OnPeer([&] { rig.stream_.PeerSends("early"); });
  bool opened_first = false;
  rig.on_message = [&](const std::string&) { opened_first = rig.opened_; };
  rig.Open();
  rig.OnPeer([&] { rig.stream_.PeerEnds(absl::OkStatus()); });
  EXPECT_TRUE(rig.WaitClosed().ok());
  EXPECT_TRUE(opened_first);
}

TEST(StreamOutboxTest, AStreamThatCannotBeOpenedClosesWithoutOpening) {
  Rig rig(StreamRole::kClient);
  rig.Send("hello");
  rig.OnPeer([&] { rig.stream_.PeerBreaks(Unavailable("refused")); });
  rig.outbox_->Opened(false);
  EXPECT_EQ(rig.WaitClosed(), Unavailable("refused"));
  EXPECT_FALSE(rig.opened_);
}

TEST(StreamOutboxTest, SendsOnAReplyThatCameBeforeTheWriteWasAnswered) {
  Rig rig(StreamRole::kClient);
  rig.OnPeer([&] {
    rig.stream_.on_written = [&](const std::string& m) { rig.stream_.PeerSends("re " + m); };
  });
  std::promise<void> last;
  rig.on_message = [&](const std::string&) {
    // Written's post is behind Received's: the write is still in flight here.
    if (rig.received_.size() == 500) return last.set_value();
    rig.outbox_->Send("next", 4);
  };
  rig.Open();
  rig.Send("first");
  last.get_future().wait();
  EXPECT_EQ(rig.Written().size(), 500u);  // "first" and 499 times "next"
}

TEST(StreamOutboxTest, ReadsOnlyAfterHomeTookTheLastMessage) {
  Rig rig(StreamRole::kServer);
  std::promise<void> taken;
  std::promise<void> go_on;
  std::shared_future<void> may_go_on = go_on.get_future().share();
  rig.on_message = [&](const std::string& m) {
    if (m != "1") return;
    taken.set_value();
    may_go_on.wait();
  };
  rig.OnPeer([&] {
    rig.stream_.PeerSends("1");
    rig.stream_.PeerSends("2");
  });
  rig.Open();
  taken.get_future().wait();
  bool read_waits = true;
  rig.OnPeer([&] { read_waits = rig.stream_.read_waits(); });
  EXPECT_FALSE(read_waits);
  go_on.set_value();
  rig.OnPeer([&] { rig.stream_.PeerEnds(absl::OkStatus()); });
  EXPECT_TRUE(rig.WaitClosed().ok());
  EXPECT_THAT(rig.Received(), ElementsAre("1", "2"));
}

TEST(StreamOutboxTest, CancelsASlowConsumerAtTheBoundOfMessages) {
  Rig rig(StreamRole::kServer, {.messages = 2});
  rig.OnPeer([&] { rig.stream_.hold_writes = true; });
  rig.Open();
  for (int i = 0; i < 3; ++i) rig.Send("m");  // one in flight, two wait
  rig.OnPeer([&] { EXPECT_FALSE(rig.stream_.cancelled()); });
  rig.Send("one too many");
  const absl::Status status = rig.WaitClosed();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.ToString(), HasSubstr("slow consumer: 2 messages of 2 bytes wait"));
  rig.OnPeer([&] { EXPECT_TRUE(rig.stream_.cancelled()); });
}

TEST(StreamOutboxTest, CancelsASlowConsumerAtTheBoundOfBytes) {
  Rig rig(StreamRole::kClient, {.bytes = 10});
  rig.OnPeer([&] { rig.stream_.hold_writes = true; });
  rig.Open();
  for (int i = 0; i < 3; ++i) rig.Send("12345");  // one in flight, 10 bytes wait
  rig.OnPeer([&] { EXPECT_FALSE(rig.stream_.cancelled()); });
  rig.Send("6");
  EXPECT_EQ(rig.WaitClosed().code(), absl::StatusCode::kResourceExhausted);
}

TEST(StreamOutboxTest, EndsAServerStreamWithTheReasonWhenAMessageIsTooLong) {
  Rig rig(StreamRole::kServer, {.message_bytes = 4});
  rig.Open();
  rig.Send("12345");
  EXPECT_EQ(rig.WaitClosed(), ResourceExhausted("a message of 5 bytes exceeds the limit of 4"));
  rig.OnPeer([&] {
    // No write was in the way, so the peer is told too.
    EXPECT_FALSE(rig.stream_.cancelled());
    EXPECT_EQ(rig.stream_.end_status()->code(), absl::StatusCode::kResourceExhausted);
  });
}

TEST(StreamOutboxTest, AClosingServerWritesWhatWaitsAndDeliversNothingMore) {
  Rig rig(StreamRole::kServer);
  rig.OnPeer([&] { rig.stream_.hold_writes = true; });
  rig.Open();
  rig.OnHome([&] {
    rig.outbox_->Send("reject", 6);
    rig.outbox_->Send("really", 6);
    rig.outbox_->Close(Unavailable("busy"));
    rig.outbox_->Send("after", 5);
  });
  rig.OnPeer([&] { rig.stream_.PeerSends("too late"); });
  rig.OnPeer([&] {
    rig.stream_.hold_writes = false;
    rig.stream_.AnswerWrite();
  });
  EXPECT_EQ(rig.WaitClosed(), Unavailable("busy"));
  EXPECT_THAT(rig.Written(), ElementsAre("reject", "really"));
  EXPECT_THAT(rig.Received(), IsEmpty());
  rig.OnPeer([&] { EXPECT_EQ(*rig.stream_.end_status(), Unavailable("busy")); });
}

TEST(StreamOutboxTest, AClosingClientHalfClosesAndWaitsForTheServersStatus) {
  Rig rig(StreamRole::kClient);
  rig.Open();
  rig.OnHome([&] {
    rig.outbox_->Send("last report", 11);
    rig.outbox_->Close(absl::OkStatus());
  });
  rig.OnHome([] {});
  rig.OnPeer([&] { rig.stream_.PeerSends("not delivered"); });
  rig.OnPeer([&] { rig.stream_.PeerEnds(Unavailable("restarting")); });
  EXPECT_EQ(rig.WaitClosed(), Unavailable("restarting"));
  EXPECT_THAT(rig.Written(), ElementsAre("last report"));
  EXPECT_THAT(rig.Received(), IsEmpty());
  rig.OnPeer([&] { EXPECT_TRUE(rig.stream_.half_closed()); });
}

TEST(StreamOutboxTest, CancelsAPeerThatDoesNotEndAClosedStream) {
  Rig rig(StreamRole::kClient, {.close_timeout = Millis(10)});
  rig.Open();
  rig.OnHome([&] { rig.outbox_->Close(absl::OkStatus()); });
  EXPECT_EQ(rig.WaitClosed().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(StreamOutboxTest, CancelsAPeerThatDoesNotReadWhatAClosingServerWrites) {
  Rig rig(StreamRole::kServer, {.close_timeout = Millis(10)});
  rig.OnPeer([&] { rig.stream_.hold_writes = true; });
  rig.Open();
  rig.Send("unread");
  rig.OnHome([&] { rig.outbox_->Close(Unavailable("bye")); });
  EXPECT_EQ(rig.WaitClosed(), Unavailable("bye"));
  rig.OnPeer([&] { EXPECT_TRUE(rig.stream_.cancelled()); });
}

TEST(StreamOutboxTest, AServerEndsTheStreamWhenThePeerHalfCloses) {
  Rig rig(StreamRole::kServer);
  rig.Open();
  rig.OnPeer([&] {
    rig.stream_.PeerSends("last");
    rig.stream_.PeerEnds(absl::OkStatus());
  });
  EXPECT_TRUE(rig.WaitClosed().ok());
  EXPECT_THAT(rig.Received(), ElementsAre("last"));
}

TEST(StreamOutboxTest, AServerRefusesAnInvalidMessageWithItsReason) {
  Rig rig(StreamRole::kServer);
  rig.Open();
  rig.OnPeer([&] { rig.stream_.PeerSends("invalid"); });
  EXPECT_EQ(rig.WaitClosed(), InvalidArgument("hello.name: empty"));
  rig.OnPeer([&] { EXPECT_EQ(*rig.stream_.end_status(), InvalidArgument("hello.name: empty")); });
}

TEST(StreamOutboxTest, AClientCancelsOnAnInvalidMessage) {
  Rig rig(StreamRole::kClient);
  rig.Open();
  rig.OnPeer([&] { rig.stream_.PeerSends("invalid"); });
  EXPECT_EQ(rig.WaitClosed(), InvalidArgument("hello.name: empty"));
  rig.OnPeer([&] { EXPECT_TRUE(rig.stream_.cancelled()); });
}

TEST(StreamOutboxTest, AClientReadsWhatTheServerSaidBeforeItsWriteFailed) {
  Rig rig(StreamRole::kClient);
  rig.OnPeer([&] { rig.stream_.hold_writes = true; });
  rig.Send("hello");
  rig.OnPeer([&] { rig.stream_.PeerSends("reject"); });
  rig.outbox_->Written(false);  // before the read is even started
  rig.Open();
  rig.OnPeer([&] { rig.stream_.PeerEnds(Unavailable("busy")); });
  rig.OnHome([] {});
  rig.OnPeer([&] { rig.stream_.ForgetWrite(); });
  EXPECT_EQ(rig.WaitClosed(), Unavailable("busy"));
  EXPECT_THAT(rig.Received(), ElementsAre("reject"));
}

TEST(StreamOutboxTest, ADetachedStreamCallsNobody) {
  Rig rig(StreamRole::kClient);
  rig.OnPeer([&] { rig.stream_.PeerSends("unwanted"); });
  rig.OnHome([&] {
    rig.outbox_->Detach();
    rig.outbox_->Abort(absl::CancelledError("destroyed"));
  });
  rig.Open();
  rig.OnPeer([] {});
  EXPECT_THAT(rig.Received(), IsEmpty());
  EXPECT_EQ(rig.closed_future_.wait_for(Millis(0)), std::future_status::timeout);
}

TEST(StreamOutboxTest, AHandlerMayAbort) {
  Rig rig(StreamRole::kServer);
  rig.on_message = [&](const std::string&) {
    rig.outbox_->Send("in flight", 9);
    rig.outbox_->Abort(FailedPrecondition("enough"));
  };
  rig.OnPeer([&] {
    rig.stream_.PeerSends("1");
    rig.stream_.PeerSends("2");
  });
  rig.Open();
  EXPECT_EQ(rig.WaitClosed(), FailedPrecondition("enough"));
  EXPECT_THAT(rig.Received(), ElementsAre("1"));
}

// Any mix of sends, replies, closes, cancels and breaks, on both roles: the stream closes exactly
// once, and what came through is a prefix of what was sent, in order. That no operation overlaps
// another or comes after End is checked by the fake.
TEST(StreamOutboxTest, AnyMixOfEventsEndsOnceWithoutALossInTheMiddle) {
  constexpr int kCases = 300;
  for (int seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
    int sent = 0;
    int from_peer = 0;
    Rig rig(chance(50) ? StreamRole::kServer : StreamRole::kClient, {.messages = 30});
    const bool replies = chance(50);
    rig.OnPeer([&] {
      rig.stream_.hold_writes = chance(20);
      rig.stream_.on_written = [&, replies](const std::string&) {
        if (replies) rig.stream_.PeerSends(std::to_string(from_peer++));
      };
    });
    rig.Open();
    const int events = 1 + static_cast<int>(random() % 60);
    for (int i = 0; i < events; ++i) {
      if (chance(60)) {
        rig.home_.Post([&] { rig.outbox_->Send(std::to_string(sent++), 1); });
      } else if (chance(80)) {
        rig.peer_.Post([&] { rig.stream_.PeerSends(std::to_string(from_peer++)); });
      } else if (chance(50)) {
        rig.peer_.Post([&] { rig.stream_.AnswerWrite(); });
      } else if (chance(20)) {
        rig.home_.Post([&] { rig.outbox_->Close(absl::OkStatus()); });
      } else if (chance(20)) {
        rig.home_.Post([&] { rig.outbox_->Abort(absl::CancelledError("enough")); });
      } else if (chance(20)) {
        rig.peer_.Post([&] { rig.stream_.PeerBreaks(Unavailable("cable")); });
      }
    }
    rig.peer_.Post([&] { rig.stream_.PeerBreaks(Unavailable("the end of the case")); });
    std::ignore = rig.WaitClosed();  // a second on_closed would throw in the promise
    // Both threads have run all that was posted when these return, so the counts are final.
    const std::vector<std::string> received = rig.Received();
    const std::vector<std::string> written = rig.Written();
    const auto expect_prefix = [](const std::vector<std::string>& got, int sent_count) {
      EXPECT_LE(static_cast<int>(got.size()), sent_count);
      for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], std::to_string(i));
    };
    expect_prefix(written, sent);
    expect_prefix(received, from_peer);
    if (HasFailure()) break;
  }
  RecordProperty("cases", kCases);
}

}  // namespace
}  // namespace broadside
