// An agent against a small controller over streams that break at random points, by seed: whatever
// happens, every result is counted once by (incarnation, seq), in order, and what is settled never
// goes back.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "tests/unit/agent/core/rig.h"

namespace broadside {
namespace {

// A stream that loses the tail of both directions when it breaks, and a controller that commits
// reports a little later than it gets them.
class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed) : random_(seed), core_(Options(seed)) {}

  void Run() {
    while (now_ < BootTime(Seconds(1000) + Seconds(60))) OneStep(0.02);
    ending_ = true;
    // Then the network heals; everything has to arrive, and the drain has to end.
    for (int i = 0; i < 100'000 && exit_code_ < 0; ++i) {
      OneStep(0);
      if (i == 20'000) Step(DrainRequested{});
    }
  }

  int exit_code() const { return exit_code_; }
  uint64_t produced() const { return produced_; }
  uint64_t counted() const { return counted_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  static AgentCoreOptions Options(uint64_t seed) {
    AgentCoreOptions options = RigOptions();
    options.incarnation = {seed, ~seed};
    options.seed = seed;
    return options;
  }
  bool Chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }

  void OneStep(double break_chance) {
    now_ += Millis(std::uniform_int_distribution<>(1, 20)(random_));
    Step(Tick{});
    if (connected_ && Chance(break_chance)) {
      connected_ = welcomed_ = false;
      to_controller_.clear();
      to_agent_.clear();
      Step(StreamClosed{stream_, "broken"});
      return;
    }
    if (open_wanted_ && Chance(0.2)) {
      open_wanted_ = false;
      connected_ = true;
      Step(StreamOpened{stream_});
    }
    if (collect_wanted_ && Chance(0.5)) Collect();
    if (!to_controller_.empty() && Chance(0.7)) {
      const AgentMessage message = std::move(to_controller_.front());
      to_controller_.pop_front();
      OnMessage(message);
    }
    if (Chance(0.05)) Commit();
    if (!to_agent_.empty() && Chance(0.7)) {
      ControllerMessage message = std::move(to_agent_.front());
      to_agent_.pop_front();
      Step(MessageReceived{stream_, std::move(message), now_});
    }
  }

  void Step(const Event& event) {
    for (Effect& effect : core_.Step(event, now_)) Perform(effect);
  }

  void Perform(Effect& effect) {
    if (const auto* open = std::get_if<OpenStream>(&effect)) {
      stream_ = open->stream;
      open_wanted_ = true;
    } else if (std::holds_alternative<CloseStream>(effect)) {
      connected_ = welcomed_ = open_wanted_ = false;
      to_controller_.clear();
      to_agent_.clear();
    } else if (auto* send = std::get_if<SendMessage>(&effect)) {
      to_controller_.push_back(std::move(send->message));
    } else if (auto* extend = std::get_if<ExtendTest>(&effect)) {
      if (extend->grant.segment.k != plan_ + 1)
        errors_.emplace_back("a grant twice or out of order");
      plan_ = extend->grant.segment.k;
    } else if (std::holds_alternative<CollectResults>(effect)) {
      collect_wanted_ = true;
    } else if (const auto* exit = std::get_if<Exit>(&effect)) {
      exit_code_ = exit->code;
    }
  }

  // The engine: one slot of each granted segment comes to its end now and then.
  void Collect() {
    collect_wanted_ = false;
    ResultsCollected results;
    if (done_ < plan_ && Chance(0.7)) {
      ++done_;
      ++produced_;
      results.tests.push_back(DeltaOf("t", done_));
    }
    Step(results);
  }

  // ---- the controller ----

  void OnMessage(const AgentMessage& message) {
    ControllerMessage answer;
    if (message.hello) {
      expected_ = committed_ + 1;
      received_.clear();
      welcomed_ = true;
      answer.welcome = WelcomeOf();
      answer.welcome->acked_seq = committed_;
      answer.tests.push_back({"t", RigSpec(), BootTime(Seconds(1000)), false});
      granted_ = -1;  // what the Hello says is ignored: all grants come again
      AddGrants(answer);
    } else if (message.report) {
      OnReport(*message.report);
    }
    if (message.beat) answer.beat_reply = {message.beat->agent_sent, now_, now_};
    if (message.beat && message.beat->draining) {
      answer.released.push_back({"t", appended_});
      answer.may_leave = true;
    }
    to_agent_.push_back(std::move(answer));
  }

  void OnReport(const Report& report) {
    if (report.seq != expected_) errors_.emplace_back("a gap, or a report out of order");
    ++expected_;
    if (const auto old = seen_.find(report.seq); old != seen_.end()) {
      if (old->second != report) errors_.emplace_back("a report changed when it was sent again");
    } else {
      seen_[report.seq] = report;
    }
    received_.push_back(report);
  }

  void Commit() {
    ControllerMessage message;
    for (const Report& report : received_) {
      committed_ = report.seq;
      for (const TestDelta& delta : report.tests) {
        for (const auto& [k, due] : delta.by_due) counted_ += due.outcomes.Total();
        if (delta.settled_through < settled_) errors_.emplace_back("settled went back");
        settled_ = delta.settled_through;
        if (static_cast<int64_t>(counted_) < settled_ + 1)
          errors_.emplace_back("settled too early");
      }
    }
    received_.clear();
    if (!welcomed_) return;
    if (!ending_ && Chance(0.5)) ++appended_;
    message.ack = committed_;
    AddGrants(message);
    to_agent_.push_back(std::move(message));
  }

  void AddGrants(ControllerMessage& message) {
    TestGrant grant{.test = "t", .grants = {}};
    while (granted_ < appended_) grant.grants.push_back(GrantOf(++granted_));
    message.grants.push_back(std::move(grant));
  }

  std::mt19937_64 random_;
  AgentCore core_;
  BootTime now_{Seconds(1000)};
  std::vector<std::string> errors_;
  int exit_code_ = -1;

  uint64_t stream_ = 0;
  bool open_wanted_ = false, connected_ = false, collect_wanted_ = false, ending_ = false;
  std::deque<AgentMessage> to_controller_;
  std::deque<ControllerMessage> to_agent_;

  int64_t plan_ = -1, done_ = -1;
  uint64_t produced_ = 0;

  bool welcomed_ = false;
  uint64_t expected_ = 1, committed_ = 0, counted_ = 0;
  int64_t appended_ = 2, granted_ = -1, settled_ = -1;
  std::vector<Report> received_;
  std::map<uint64_t, Report> seen_;
};

TEST(AgentCoreRandomTest, CountsEveryResultOnceOverStreamsThatBreakAtRandom) {
  const int kCases = 100;
  RecordProperty("cases", kCases);
  for (uint64_t seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomWorld world(seed);
    world.Run();
    ASSERT_TRUE(world.errors().empty()) << world.errors()[0];
    EXPECT_EQ(world.exit_code(), 0);
    EXPECT_EQ(world.counted(), world.produced());
    EXPECT_GT(world.produced(), 10u);
  }
}

TEST(AgentCoreRandomTest, TheSameSeedGivesTheSameRun) {
  RandomWorld a(5);
  RandomWorld b(5);
  a.Run();
  b.Run();
  EXPECT_EQ(a.produced(), b.produced());
}

}  // namespace
}  // namespace broadside
