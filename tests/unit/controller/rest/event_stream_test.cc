#include "controller/rest/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "common/net/clock.h"
#include "tests/unit/controller/rest/rest_fixture.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Update IntervalUpdate(uint64_t revision, size_t detail_bytes = 0) {
  auto interval = std::make_shared<IntervalView>();
  interval->k = static_cast<int64_t>(revision);
  interval->revision = revision;
  if (detail_bytes > 0) interval->done.versions[std::string(detail_bytes, 'v')] = 1;
  return {revision, std::move(interval), nullptr};
}

Update ChangeUpdate(uint64_t revision) {
  auto change = std::make_shared<Change>();
  change->revision = revision;
  change->kind = ChangeKind::kRate;
  change->detail = "2000 rps";
  return {revision, nullptr, std::move(change)};
}

// A test whose updates are 1 to `revision`, of which its view holds the last `held`.
TestView TestAt(uint64_t revision, uint64_t held, TestState state = TestState::kRunning,
                size_t bytes = 0) {
  TestView test = MakeTest("t1", state);
  test.revision = revision;
  for (uint64_t r = revision > held ? revision - held + 1 : 1; r <= revision; ++r) {
    test.updates.push_back(IntervalUpdate(r, bytes));
  }
  return test;
}

struct Seen {
  std::string event;
  uint64_t id = 0;
  Json data;
};

std::vector<Seen> ParseLines(std::string_view body) {
  std::vector<Seen> seen;
  while (!body.empty()) {
    const size_t end = std::min(body.find('\n'), body.size());
    const Json line = Json::parse(body.substr(0, end));
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line["event"] != "heartbeat") seen.push_back({line["event"], line["id"], line["data"]});
  }
  return seen;
}

std::vector<std::string> Summaries(const std::vector<Seen>& seen) {
  std::vector<std::string> all;
  for (const Seen& one : seen) all.push_back(one.event + " " + std::to_string(one.id));
  return all;
}

class EventStreamTest : public RestTest {
 protected:
  // HTTP/1.0, so that the body comes without chunks. Returns when the stream has begun.
  std::unique_ptr<RawClient> Follow(std::string_view query = "", std::string_view headers = "") {
    auto client = std::make_unique<RawClient>(server_->port());
    client->Send(Concat("GET /api/v1/tests/t1/events", query, " HTTP/1.0\r\n", headers, "\r\n"));
    return client;
  }
  static constexpr char kLines[] = "Accept: application/x-ndjson\r\n";
};

TEST_F(EventStreamTest, SendsASnapshotThenUpdatesThenTheEnd) {
  commands_.PublishTest(TestAt(7, 64));
  const auto client = Follow();
  const std::string head = client->ReadBytes(1);
  // The snapshot is on its way, so what follows is live.
  std::string text = head;
  while (text.find("event: snapshot") == std::string::npos) text += client->ReadBytes(1);
  TestView later = TestAt(8, 64);
  later.updates.push_back(ChangeUpdate(9));
  later.revision = 9;
  commands_.PublishTest(later);
  later.state = TestState::kFinished;
  commands_.PublishTest(later);
  text += client->ReadAll();
  EXPECT_THAT(text, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(text,
              HasSubstr("\r\n\r\nretry: 1000\n\nid: 7\nevent: snapshot\ndata: {\"id\":\"t1\""));
  EXPECT_THAT(text, HasSubstr("\n\nid: 8\nevent: interval\ndata: {\"k\":8,"));
  EXPECT_THAT(text, HasSubstr("\n\nid: 9\nevent: change\ndata: {\"revision\":9,\"kind\":\"rate\""));
  EXPECT_THAT(text, HasSubstr("\n\nid: 9\nevent: end\ndata: {\"id\":\"t1\""));
}

TEST_F(EventStreamTest, EndsAtOnceForAnEndedTest) {
  commands_.PublishTest(TestAt(7, 64, TestState::kFinished));
  EXPECT_THAT(Summaries(ParseLines(ParseAnswer(Follow("", kLines)->ReadAll()).body)),
              ElementsAre("snapshot 7", "end 7"));
}

TEST_F(EventStreamTest, ResumesFromTheViewWhenItReachesBackFarEnough) {
  commands_.PublishTest(TestAt(7, 4, TestState::kFinished));  // holds 4 to 7
  const auto client = Follow("", Concat(kLines, "Last-Event-ID: 3\r\n"));
  EXPECT_THAT(Summaries(ParseLines(ParseAnswer(client->ReadAll()).body)),
              ElementsAre("interval 4", "interval 5", "interval 6", "interval 7", "end 7"));
  EXPECT_EQ(commands_.pages_read(), 0);
}

TEST_F(EventStreamTest, ResumesFromTheStoreByPages) {
  for (uint64_t r = 1; r <= 250; ++r) commands_.PublishTest(TestAt(r, 4));
  commands_.PublishTest(TestAt(250, 4, TestState::kStopped));
  const auto seen = ParseLines(ParseAnswer(Follow("?last_event_id=0", kLines)->ReadAll()).body);
  ASSERT_EQ(seen.size(), 251u);  // 1 to 250, end
  for (uint64_t r = 1; r <= 250; ++r) EXPECT_EQ(seen[r - 1].id, r);
  EXPECT_EQ(seen.back().event, "end");
  EXPECT_GE(commands_.pages_read(), 2);
}

TEST_F(EventStreamTest, ResumesATestThatOnlyTheStoreHas) {
  for (uint64_t r = 1; r <= 5; ++r) commands_.PublishTest(TestAt(r, 1));
  commands_.PublishTest(TestAt(5, 1, TestState::kFinished));
  commands_.Forget("t1");
  EXPECT_THAT(
      Summaries(ParseLines(ParseAnswer(Follow("?last_event_id=2", kLines)->ReadAll()).body)),
      ElementsAre("interval 3", "interval 4", "interval 5", "end 5"));
}

TEST_F(EventStreamTest, PrefersTheHeaderThatBrowsersSend) {
  commands_.PublishTest(TestAt(7, 64, TestState::kFinished));
  const auto client = Follow("?last_event_id=1", Concat(kLines, "Last-Event-ID: 6\r\n"));
  EXPECT_THAT(Summaries(ParseLines(ParseAnswer(client->ReadAll()).body)),
              ElementsAre("interval 7", "end 7"));
}

TEST_F(EventStreamTest, RefusesAnIdThatIsNone) {
  commands_.PublishTest(TestAt(7, 64));
  for (const char* id : {"x", "-1", "1.5", "99999999999999999999"}) {
    EXPECT_EQ(ParseAnswer(Follow("", Concat("Last-Event-ID: ", id, "\r\n"))->ReadAll()).status, 400)
        << id;
  }
}

TEST_F(EventStreamTest, EndsWhenTheTestIsDeleted) {
  commands_.PublishTest(TestAt(7, 64));
  const auto client = Follow();
  std::string text;
  while (text.find("event: snapshot") == std::string::npos) text += client->ReadBytes(1);
  FleetView view;
  commands_.Publish(view);
  client->ReadAll();  // ends
}

TEST_F(EventStreamTest, SendsHeartbeatsWhenItIsQuiet) {
  RestServerOptions options;
  options.heartbeat = Millis(5);
  Serve(options);
  commands_.PublishTest(TestAt(7, 64));
  const auto client = Follow();
  std::string text;
  while (text.find("\n\n:\n\n") == std::string::npos) text += client->ReadBytes(1);
}

TEST_F(EventStreamTest, RefusesStreamsAboveTheLimit) {
  RestServerOptions options;
  options.event_streams_max = 1;
  Serve(options);
  commands_.PublishTest(TestAt(7, 64));
  const auto first = Follow();
  first->ReadBytes(1);
  EXPECT_EQ(ParseAnswer(Follow()->ReadAll()).status, 503);
}

TEST_F(EventStreamTest, ClosesAReaderThatTakesNothing) {
  RestServerOptions options;
  options.http.write_timeout = Millis(50);
  options.http.socket_send_buffer_bytes = 4096;
  options.event_streams_max = 1;
  Serve(options);
  constexpr size_t kLarge = 1 << 20;
  commands_.PublishTest(TestAt(1, 64));
  const auto slow = Follow("?last_event_id=0");
  for (uint64_t r = 2; r <= 32; ++r)
    commands_.PublishTest(TestAt(r, 1, TestState::kRunning, kLarge));
  // The slow reader has the only stream, so another one is served as soon as that is given up.
  const BootTime until = BootNow() + Seconds(20);
  int status = 503;
  while (status == 503 && BootNow() < until) {
    RawClient other(server_->port());
    other.Send("HEAD /api/v1/tests/t1/events HTTP/1.0\r\n\r\n");
    status = ParseAnswer(other.ReadAll()).status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(EventStreamTest, StopsWithOpenStreams) {
  commands_.PublishTest(TestAt(7, 64));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(Follow());
    clients.back()->ReadBytes(1);
  }
  server_->Stop();
  for (const auto& client : clients) client->ReadAll();
  EXPECT_EQ(commands_.subscribers(), 0);
}

// Clients come at random moments of a test that publishes as fast as it can, with views that hold
// few updates, so that both sources are used. Some of them break off and resume. Each must see
// every revision once, in order.
TEST_F(EventStreamTest, LeavesNothingOutAndRepeatsNothingWhilePublicationsGoOn) {
  constexpr uint64_t kUpdates = 600;
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(Concat("seed ", seed));
  std::mt19937 random(seed);
  commands_.PublishTest(TestAt(1, 3));
  std::vector<std::thread> clients;
  std::vector<std::vector<uint64_t>> ids(6);
  for (size_t c = 0; c < ids.size(); ++c) {
    clients.emplace_back([this, &seen = ids[c], cut = 1 + random() % 400] {
      // First part: read `cut` events, then break off in the middle of whatever comes.
      const auto first = Follow("?last_event_id=0", kLines);
      std::string text;
      while (text.find("\r\n\r\n") == std::string::npos) text += first->ReadBytes(1);
      std::string line;
      while (seen.size() < cut) {
        const std::string byte = first->ReadBytes(1);
        if (byte.empty()) break;
        line += byte;
        if (byte != "\n") continue;
        const Json event = Json::parse(line);
        line.clear();
        if (event["event"] == "interval") seen.push_back(event["id"]);
      }
      const auto rest = Follow("", Concat(kLines, "Last-Event-ID: ", seen.back(), "\r\n"));
      for (const Seen& event : ParseLines(ParseAnswer(rest->ReadAll()).body)) {
        if (event.event == "interval") seen.push_back(event.id);
      }
    });
  }
  uint64_t revision = 1;
  while (revision < kUpdates) {
    // Views may hold less than what came since the last one only if the store has it: so one to
    // three at a time.
    revision = std::min(kUpdates, revision + 1 + random() % 3);
    commands_.PublishTest(TestAt(revision, 3));
  }
  commands_.PublishTest(TestAt(kUpdates, 3, TestState::kFinished));
  for (std::thread& client : clients) client.join();
  for (const std::vector<uint64_t>& seen : ids) {
    ASSERT_EQ(seen.size(), kUpdates);
    for (uint64_t r = 1; r <= kUpdates; ++r) ASSERT_EQ(seen[r - 1], r);
  }
  RecordProperty("cases", static_cast<int>(ids.size()));
}

}  // namespace
}  // namespace broadside
