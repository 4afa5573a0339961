// Connection life: Hello, Welcome or Reject, and every way to lose a stream.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/core/status.h"
#include "tests/unit/agent/core/rig.h"

namespace broadside {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(AgentCoreConnectionTest, OpensAStreamAtOnceAndSaysHelloWhenItIsOpen) {
  Rig rig;
  EXPECT_THAT(Of<OpenStream>(rig.Do(Tick{})), SizeIs(1));
  const auto messages = Messages(rig.Do(StreamOpened{rig.stream}));
  ASSERT_THAT(messages, SizeIs(1));
  const Hello& hello = *messages[0].hello;
  EXPECT_FALSE(messages[0].beat.has_value());
  EXPECT_EQ(hello.name, "agent-1");
  EXPECT_EQ(hello.threads, 3u);
  EXPECT_EQ(hello.incarnation, (Incarnation{1, 2}));
  EXPECT_EQ(hello.store_uuid, "");
  EXPECT_THAT(hello.tests, IsEmpty());
  EXPECT_FALSE(rig.core.Status(rig.now).connected);
}

TEST(AgentCoreConnectionTest, IsConnectedFromTheWelcomeOn) {
  Rig rig;
  const auto effects = rig.Connect();
  EXPECT_TRUE(Logged(effects, "controller_connected", "store-a"));
  EXPECT_TRUE(rig.core.Status(rig.now).connected);
  EXPECT_EQ(rig.core.Status(rig.now).reason, "");
}

TEST(AgentCoreConnectionTest, GivesUpAStreamThatDoesNotOpenIn15Seconds) {
  Rig rig;
  rig.Do(Tick{});
  EXPECT_THAT(Of<CloseStream>(rig.Wait(Millis(14'999))), IsEmpty());
  EXPECT_THAT(Of<CloseStream>(rig.Wait(Millis(1))), SizeIs(1));
}

TEST(AgentCoreConnectionTest, GivesUpAControllerThatDoesNotWelcomeIn15SecondsOfTheHello) {
  Rig rig;
  rig.Do(Tick{});
  rig.Wait(Seconds(10));
  rig.Do(StreamOpened{rig.stream});
  EXPECT_THAT(Of<CloseStream>(rig.Wait(Millis(14'999))), IsEmpty());
  const auto effects = rig.Wait(Millis(1));
  EXPECT_THAT(Of<CloseStream>(effects), SizeIs(1));
  EXPECT_TRUE(Logged(effects, "controller_unreachable", "no Welcome within 15 s"));
}

TEST(AgentCoreConnectionTest, ReconnectsAfterSilenceOfDAndOneSecond) {
  Rig rig;
  rig.Connect();  // D = 2 s
  rig.speaks = false;
  EXPECT_THAT(Of<CloseStream>(rig.Wait(Millis(2'999))), IsEmpty());
  const auto effects = rig.Wait(Millis(1));
  EXPECT_THAT(Of<CloseStream>(effects), SizeIs(1));
  EXPECT_TRUE(Logged(effects, "controller_lost", "nothing heard for 3000 ms"));
  EXPECT_EQ(rig.core.Status(rig.now).reason, "nothing heard for 3000 ms");
  EXPECT_THAT(Of<OpenStream>(rig.Wait(Millis(400))), SizeIs(1));
}

TEST(AgentCoreConnectionTest, AnyMessageBreaksTheSilence) {
  Rig rig;
  rig.Connect();
  EXPECT_THAT(Of<CloseStream>(rig.Wait(Seconds(60))), IsEmpty());
}

TEST(AgentCoreConnectionTest, BacksOffFrom200MsToTwoSeconds) {
  Rig rig;
  rig.Do(Tick{});
  Nanos longest{0};
  for (int i = 0; i < 20; ++i) {
    rig.Do(StreamClosed{rig.stream, "refused"});
    const BootTime closed = rig.now;
    const uint64_t before = rig.stream;
    while (rig.stream == before) rig.Wait(Millis(1));
    const Nanos wait = rig.now - closed;
    EXPECT_GE(wait, Millis(200));
    EXPECT_LE(wait, Millis(2001));
    if (i == 0) {
      EXPECT_LE(wait, Millis(401));
    }
    longest = std::max(longest, wait);
  }
  EXPECT_GE(longest, Seconds(1));
}

TEST(AgentCoreConnectionTest, SaysOnlyOnceThatTheControllerCannotBeReached) {
  Rig rig;
  rig.Do(Tick{});
  for (int i = 0; i < 5; ++i) {
    rig.Do(StreamClosed{rig.stream, "connection refused"});
    rig.Wait(Seconds(2));
  }
  EXPECT_THAT(Of<LogLine>(rig.all), SizeIs(1));
  EXPECT_TRUE(Logged(rig.all, "controller_unreachable", "connection refused"));
}

TEST(AgentCoreConnectionTest, StartsItsBackoffAnewAfterAWelcome) {
  Rig rig;
  rig.Do(Tick{});
  for (int i = 0; i < 5; ++i) {
    rig.Do(StreamClosed{rig.stream, "refused"});
    rig.Wait(Seconds(2));
  }
  rig.Do(StreamOpened{rig.stream});
  ControllerMessage message;
  message.welcome = WelcomeOf();
  rig.Say(message);
  rig.Do(StreamClosed{rig.stream, ""});
  EXPECT_EQ(rig.core.Status(rig.now).reason, "the controller ended the stream");
  EXPECT_THAT(Of<OpenStream>(rig.Wait(Millis(400))), SizeIs(1));
}

TEST(AgentCoreConnectionTest, HonoursTheRetryAfterOfAReject) {
  Rig rig;
  rig.Greet();
  ControllerMessage message;
  message.reject = Reject{RejectReason::kBusy, "too many Hellos", Millis(5000)};
  const auto effects = rig.Say(message);
  EXPECT_TRUE(Logged(effects, "controller_rejected", "rejected (busy): too many Hellos"));
  EXPECT_THAT(Of<CloseStream>(effects), SizeIs(1));
  EXPECT_THAT(Of<OpenStream>(rig.Wait(Millis(4999))), IsEmpty());
  // Lengthened by up to a fifth, so that those rejected together do not come back together.
  EXPECT_THAT(Of<OpenStream>(rig.Wait(Millis(1002))), SizeIs(1));
}

TEST(AgentCoreConnectionTest, BoundsARetryAfter) {
  Rig rig;
  rig.Greet();
  ControllerMessage message;
  message.reject = Reject{RejectReason::kBusy, "", std::chrono::hours(24)};
  rig.Say(message);
  EXPECT_THAT(Of<OpenStream>(rig.Wait(Seconds(73))), SizeIs(1));  // 60 s x 1.2
}

TEST(AgentCoreConnectionTest, NamesTheReasonOfEveryReject) {
  const std::pair<RejectReason, std::string_view> rows[] = {
      {RejectReason::kUnspecified, "unspecified"},
      {RejectReason::kInvalid, "invalid"},
      {RejectReason::kFleetFull, "fleet_full"},
      {RejectReason::kProtocol, "protocol"}};
  for (const auto& [reason, name] : rows) {
    Rig rig;
    rig.Greet();
    ControllerMessage message;
    message.reject = Reject{reason, "detail", Millis(0)};
    EXPECT_TRUE(Logged(rig.Say(message), "controller_rejected", name)) << name;
  }
}

TEST(AgentCoreConnectionTest, KeepsTryingSlowlyWhenTheControllerRejectsItsProtocol) {
  Rig rig;
  rig.Greet();
  ControllerMessage message;
  message.reject = Reject{RejectReason::kProtocol, "this controller speaks 2", Millis(2000)};
  rig.Say(message);
  EXPECT_THAT(Of<OpenStream>(rig.Wait(Millis(29'999))), IsEmpty());
  EXPECT_THAT(Of<OpenStream>(rig.Wait(Millis(6'002))), SizeIs(1));
}

TEST(AgentCoreConnectionTest, RefusesAWelcomeOfAnotherProtocolWithOneClearLine) {
  Rig rig;
  Welcome welcome = WelcomeOf();
  welcome.protocol_major = 2;
  welcome.protocol_minor = 3;
  welcome.version = "9.9.9";
  for (int i = 0; i < 3; ++i) {
    rig.Connect(welcome);
    rig.speaks = false;
    EXPECT_FALSE(rig.core.Status(rig.now).connected);
    EXPECT_THAT(Of<OpenStream>(rig.Wait(Seconds(29))), IsEmpty());
  }
  EXPECT_THAT(Of<LogLine>(rig.all), SizeIs(1));
  EXPECT_TRUE(
      Logged(rig.all, "controller_refused", "the controller (9.9.9) speaks protocol 2.3, "));
  EXPECT_TRUE(Logged(rig.all, "controller_refused",
                     Concat(" ", kProtocolMajor, ".", kProtocolMinor, ": upgrade one of them")));
}

TEST(AgentCoreConnectionTest, ServesAControllerOfAnyMinorOfItsProtocol) {
  for (const uint32_t minor : {0u, kProtocolMinor, kProtocolMinor + 1, 1000u}) {
    Rig rig;
    Welcome welcome = WelcomeOf();
    welcome.protocol_minor = minor;
    rig.Connect(welcome);
    EXPECT_TRUE(rig.core.Status(rig.now).connected) << minor;
    EXPECT_TRUE(Logged(rig.all, "controller_connected", Concat("protocol 1.", minor)));
  }
}

TEST(AgentCoreConnectionTest, LeavesAControllerThatSpeaksBeforeItsWelcome) {
  Rig rig;
  rig.Greet();
  EXPECT_THAT(Of<CloseStream>(rig.Say({})), SizeIs(1));
}

TEST(AgentCoreConnectionTest, IgnoresWhatAStreamThatItGaveUpStillSays) {
  Rig rig;
  rig.Connect();
  const uint64_t old_stream = rig.stream;
  rig.Break();
  rig.Greet();
  ControllerMessage message;
  message.welcome = WelcomeOf();
  EXPECT_THAT(rig.Do(MessageReceived{old_stream, message, rig.now}), IsEmpty());
  EXPECT_THAT(rig.Do(StreamClosed{old_stream, "late"}), IsEmpty());
  EXPECT_THAT(rig.Do(StreamOpened{old_stream}), IsEmpty());
  EXPECT_FALSE(rig.core.Status(rig.now).connected);
}

TEST(AgentCoreConnectionTest, HoldsAbsurdIntervalsOfAWelcomeInsideItsBounds) {
  Rig rig;
  Welcome welcome = WelcomeOf();
  welcome.beat_interval = welcome.report_interval = welcome.silence = Millis(0);
  rig.Connect(welcome);
  // 50 ms at the least: 20 beats a second, and a few reports' worth of slack.
  EXPECT_LE(Messages(rig.Wait(Seconds(1))).size(), 45u);
}

}  // namespace
}  // namespace broadside
