#include "controller/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "tests/unit/controller/fake_agent.h"
#include "tests/unit/controller/fake_streams.h"
#include "tests/unit/controller/store/store_rig.h"

namespace broadside {
namespace {

using testing::HasSubstr;

// A controller on fake streams, and waits for its view that end after 30 s.
class Rig {
 public:
  explicit Rig(const std::string& data, Nanos horizon = limits::kHorizonDefault)
      : controller_(OptionsOf(data, horizon),
                    [this](IoThread& home, FleetStreams::Handlers handlers) {
                      auto streams = std::make_unique<FakeStreams>(home, std::move(handlers));
                      streams_ = streams.get();
                      return streams;
                    }) {
    const absl::Status started = controller_.Start();
    BS_CHECK(started.ok()) << started.message();
    subscription_ = controller_.Subscribe([this](const std::shared_ptr<const FleetView>&) {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    });
  }
  ~Rig() { controller_.Unsubscribe(subscription_); }

  Controller& operator*() { return controller_; }
  Controller* operator->() { return &controller_; }
  FakeStreams* streams() { return streams_; }

  bool WaitFor(const std::function<bool(const FleetView&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, Seconds(30), [&] { return condition(*controller_.view()); });
  }
  std::shared_ptr<const TestView> WaitForEnd(const TestId& test) {
    const bool ended = WaitFor([&](const FleetView& view) {
      const auto it = view.tests.find(test);
      return it != view.tests.end() && HasEnded(it->second->state);
    });
    EXPECT_TRUE(ended) << "the test does not end";
    return controller_.view()->tests.at(test);
  }

 private:
  static ControllerOptions OptionsOf(const std::string& data, Nanos horizon) {
    ControllerOptions options;
    options.data = data;
    options.horizon = horizon;
    options.start_lead = limits::kStartLeadEmbedded;
    return options;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t subscription_ = 0;
  FakeStreams* streams_ = nullptr;
  Controller controller_;
};

StartRequest Request(int64_t rps, int64_t seconds, const std::string& key = "") {
  StartRequest request;
  TestSpec& spec = request.spec;
  spec.name = "constant";
  spec.target.url = "http://127.0.0.1:8000/";
  spec.target.host = "127.0.0.1";
  spec.target.port = 8000;
  spec.load.stages = {{seconds * 1000, rps * kMicro, rps * kMicro}};
  request.idempotency_key = key;
  return request;
}

// Asks, and waits for the answer.
template <typename Ask>
CommandResult Answer(Ask ask) {
  std::promise<CommandResult> answer;
  ask([&answer](CommandResult result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}
CommandResult Start(Controller& controller, StartRequest request) {
  return Answer([&](auto done) { controller.StartTest(std::move(request), done); });
}
CommandResult Read(Controller& controller, const TestId& test) {
  return Answer([&](auto done) { controller.ReadTest(test, done); });
}
CommandResult StopTest(Controller& controller, const TestId& test) {
  return Answer([&](auto done) { controller.StopTest(test, done); });
}
CommandResult Delete(Controller& controller, const TestId& test) {
  return Answer([&](auto done) { controller.DeleteTest(test, done); });
}

TEST(ControllerTest, AnAgentAttachesIsGrantedSlotsAndItsReportsMakeTheResult) {
  FakeAgent agent("agent-1");
  Rig controller(":memory:");
  agent.Attach(controller.streams());
  const CommandResult started = Start(*controller, Request(100, 1));
  ASSERT_EQ(started.code, CommandCode::kOk) << started.detail;
  const auto test = controller.WaitForEnd(started.test->id);
  EXPECT_EQ(test->state, TestState::kFinished) << test->reason;
  EXPECT_EQ(test->totals.planned, 100);
  EXPECT_EQ(test->totals.due.outcomes[Outcome::kOk], 100u);
  EXPECT_EQ(test->totals.outstanding, 0);
  EXPECT_TRUE(test->balanced);
  EXPECT_EQ(agent.Welcomes(), 1);
  agent.Attach(nullptr);
}

// Whatever a second of the plan has become, it is counted once.
void ExpectBalanced(const TestView& test, int64_t planned) {
  EXPECT_TRUE(test.balanced) << test.reason;
  EXPECT_EQ(test.totals.planned, planned);
  EXPECT_EQ(test.totals.outstanding, 0);
  EXPECT_EQ(test.totals.due.outcomes.Total(), static_cast<uint64_t>(planned));
}

TEST(ControllerTest, AStoreThatCannotBeWrittenMakesItReadOnlyUntilItCan) {
  const StoreDirectory directory;
  FakeAgent agent("agent-1");
  Rig controller(directory.path());
  agent.Attach(controller.streams());
  const TestId test = Start(*controller, Request(100, 5)).test->id;
  ASSERT_TRUE(controller.WaitFor(
      [&](const FleetView& view) { return view.tests.at(test)->state == TestState::kRunning; }));
  {
    const FileSizeLimit full(1);
    ASSERT_TRUE(controller.WaitFor([](const FleetView& view) { return !view.store_writable; }));
    EXPECT_THAT(controller->view()->not_ready_reason, HasSubstr("read-only"));
    EXPECT_FALSE(controller->view()->ready);
    EXPECT_EQ(Start(*controller, Request(100, 1)).code, CommandCode::kUnavailable);
    EXPECT_EQ(StopTest(*controller, test).code, CommandCode::kUnavailable);
    EXPECT_EQ(Read(*controller, test).test->state, TestState::kRunning) << "as it was last said";
  }
  ASSERT_TRUE(controller.WaitFor([](const FleetView& view) { return view.ready; }));
  EXPECT_EQ(controller->view()->epoch, 2u);
  ExpectBalanced(*controller.WaitForEnd(test), 500);
  EXPECT_GE(agent.Welcomes(), 2) << "sent away, and come back";
  agent.Attach(nullptr);
}

TEST(ControllerTest, AStoreThatCannotBeWrittenAtTheStartIsShownUntilItCan) {
  const StoreDirectory directory;
  TestId test;
  {
    Rig controller(directory.path());
    test = Start(*controller, Request(100, 1)).test->id;
  }
  std::optional<Rig> controller;
  {
    const FileSizeLimit full(1);
    controller.emplace(directory.path());
    EXPECT_FALSE((*controller)->store_facts().writable.ok());
    EXPECT_FALSE((*controller)->view()->store_writable);
    EXPECT_TRUE((*controller)->view()->tests.contains(test));
  }
  EXPECT_TRUE(controller->WaitFor([](const FleetView& view) { return view.ready; }));
}

TEST(ControllerTest, APlannedRestartBridgesTheGapAndTheNextControllerGoesOn) {
  // With a horizon of 2 s the last of 4 seconds is far from granted when the test has begun.
  const StoreDirectory directory;
  FakeAgent agent("agent-1");
  TestId test;
  {
    Rig controller(directory.path(), Seconds(2));
    agent.Attach(controller.streams());
    test = Start(*controller, Request(100, 4)).test->id;
    ASSERT_TRUE(controller.WaitFor(
        [&](const FleetView& view) { return view.tests.at(test)->state == TestState::kRunning; }));
    EXPECT_LT(agent.PlanThrough(test), 3);
    controller->PrepareRestart(Seconds(20));
    EXPECT_EQ(agent.PlanThrough(test), 3);
    EXPECT_EQ(controller->view()->not_ready_reason, "the controller is about to restart");
    agent.Attach(nullptr);
  }
  Rig controller(directory.path(), Seconds(2));
  EXPECT_EQ(controller->store_facts().unended_tests, 1u);
  agent.Attach(controller.streams());
  const auto ended = controller.WaitForEnd(test);
  EXPECT_EQ(ended->state, TestState::kFinished) << ended->reason;
  ExpectBalanced(*ended, 400);
  EXPECT_EQ(ended->totals.due.outcomes[Outcome::kOk], 400u);
  agent.Attach(nullptr);
}

TEST(ControllerTest, APlannedRestartDoesNotWaitForAnAgentThatSaysNothing) {
  FakeAgent agent("agent-1");
  Rig controller(":memory:", Seconds(2));
  agent.Attach(controller.streams());
  const TestId test = Start(*controller, Request(100, 60)).test->id;
  ASSERT_TRUE(controller.WaitFor(
      [&](const FleetView& view) { return view.tests.at(test)->state == TestState::kRunning; }));
  agent.Mute();
  const BootTime before = BootNow();
  controller->PrepareRestart(Millis(300));
  EXPECT_GE(BootNow() - before, Millis(300));
  agent.Attach(nullptr);
}

TEST(ControllerTest, WhatIsAskedWhileItStopsIsAnsweredAndWhatIsGrantedIsKept) {
  for (int round = 0; round < 20; ++round) {
    const StoreDirectory directory;
    std::mutex mutex;
    std::vector<CommandResult> answers;
    const auto note = [&](CommandResult result) {
      const std::lock_guard lock(mutex);
      answers.push_back(std::move(result));
    };
    {
      Rig controller(directory.path());
      // The answer that is waited for puts the commit in flight at another place each time.
      for (int i = 0; i < limits::kTestsRunningMax; ++i) {
        controller->StartTest(Request(100, 1, i % 2 == 0 ? "" : Concat("key-", i)), note);
        if (i == round % limits::kTestsRunningMax) Start(*controller, Request(100, 1));
        controller->ReadTest("t-unknown", note);
      }
      controller->Stop();
      controller->Stop();
    }
    ASSERT_EQ(answers.size(), 2u * limits::kTestsRunningMax);
    const OpenStore store = MustOpen(directory.path());
    for (const CommandResult& answer : answers) {
      if (answer.code != CommandCode::kOk) continue;
      EXPECT_TRUE(ReadTest(*store.store, answer.test->id).has_value()) << "said, but not kept";
    }
  }
}

// One user: starts a test, looks at it, stops it, looks again and forgets it.
void UseController(Controller& controller, int user) {
  const CommandResult started = Start(controller, Request(100, 60, Concat("user-", user)));
  ASSERT_EQ(started.code, CommandCode::kOk) << started.detail;
  const TestId& test = started.test->id;
  EXPECT_TRUE(controller.view()->tests.contains(test)) << "said before it was published";
  const CommandResult again = Start(controller, Request(100, 60, Concat("user-", user)));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.test->id, test);
  std::atomic<int> publications = 0;
  const uint64_t subscription =
      controller.Subscribe([&](const std::shared_ptr<const FleetView>&) { ++publications; });
  const CommandResult changed =
      Answer([&](auto done) { controller.ChangeRate(test, 7 * kMicro, done); });
  EXPECT_EQ(changed.code, CommandCode::kOk) << changed.detail;
  EXPECT_EQ(StopTest(controller, test).code, CommandCode::kOk);
  controller.Unsubscribe(subscription);
  EXPECT_GE(publications, 2);
  std::promise<TestPage> page;
  controller.ReadTests(std::nullopt, 100, [&](TestPage read) { page.set_value(std::move(read)); });
  EXPECT_GE(page.get_future().get().items.size(), 1u);
  EXPECT_EQ(Read(controller, test).test->state, TestState::kStopped);
  EXPECT_EQ(Delete(controller, test).code, CommandCode::kOk);
  EXPECT_EQ(Read(controller, test).code, CommandCode::kNotFound);
}

TEST(ControllerTest, UsersOnSeveralThreadsAreAllAnswered) {
  const StoreDirectory directory;
  Rig controller(directory.path());
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> users;
    for (int user = 0; user < 4; ++user) {
      users.emplace_back([&controller, user] { UseController(*controller, user); });
    }
    for (std::thread& user : users) user.join();
  }
}

TEST(ControllerTest, AnEndedTestThatOnlyTheStoreHasIsStoppedAlreadyAndCannotChange) {
  // 101 of them: one more than are kept in memory.
  Rig controller(":memory:");
  const TestId oldest = Start(*controller, Request(100, 60)).test->id;
  EXPECT_EQ(StopTest(*controller, oldest).code, CommandCode::kOk);
  for (int i = 0; i < limits::kTestsInMemoryMax; ++i) {
    const CommandResult started = Start(*controller, Request(100, 60));
    ASSERT_EQ(started.code, CommandCode::kOk) << started.detail;
    ASSERT_EQ(StopTest(*controller, started.test->id).code, CommandCode::kOk);
  }
  ASSERT_FALSE(controller->view()->tests.contains(oldest));
  for (int i = 0; i < 2; ++i) {
    const CommandResult stopped = StopTest(*controller, oldest);
    ASSERT_EQ(stopped.code, CommandCode::kOk) << stopped.detail;
    EXPECT_EQ(stopped.test->state, TestState::kStopped);
  }
  const CommandResult changed =
      Answer([&](auto done) { controller->ChangeRate(oldest, kMicro, done); });
  EXPECT_EQ(changed.code, CommandCode::kConflict);
  EXPECT_EQ(changed.detail, "the test has ended");
  EXPECT_EQ(Delete(*controller, oldest).code, CommandCode::kOk);
  EXPECT_EQ(StopTest(*controller, oldest).code, CommandCode::kNotFound);
  EXPECT_EQ(Delete(*controller, oldest).code, CommandCode::kNotFound);
}

}  // namespace
}  // namespace broadside
