#pragma once

// A controller that does what a test says: answers come on a home thread of its own, as the real
// one's do. Tests set the answers and look at what was asked. Thread-safe.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/net/io_thread.h"
#include "controller/core/commands.h"

namespace broadside {

class FakeCommands : public Commands {
 public:
  using Subscriber = std::function<void(std::shared_ptr<const FleetView>)>;

  FakeCommands() : home_("home"), view_(std::make_shared<FleetView>()) {}
  ~FakeCommands() override { home_.Stop(); }

  // Makes `view` the published one, and tells subscribers.
  void Publish(FleetView view) {
    home_.RunAndWait([&] {
      auto published = std::make_shared<const FleetView>(std::move(view));
      std::map<uint64_t, Subscriber> subscribers;
      {
        const std::lock_guard lock(mutex_);
        view_ = published;
        subscribers = subscribers_;
      }
      for (const auto& [number, subscriber] : subscribers) subscriber(published);
    });
  }
  // Publishes a view with this test, and stores its updates that are new.
  void PublishTest(const TestView& test) {
    FleetView view = *this->view();
    view.ready = true;
    view.tests[test.id] = std::make_shared<const TestView>(test);
    {
      const std::lock_guard lock(mutex_);
      std::vector<Update>& stored = updates_[test.id];
      for (const Update& update : test.updates) {
        if (stored.empty() || stored.back().revision < update.revision) stored.push_back(update);
      }
    }
    Publish(std::move(view));
  }
  // The test is in the store only from now on.
  void Forget(const TestId& id) {
    FleetView view = *this->view();
    Store(view.tests.at(id));
    view.tests.erase(id);
    Publish(std::move(view));
  }
  void Store(std::shared_ptr<const TestView> test) {
    const std::lock_guard lock(mutex_);
    const TestId id = test->id;
    stored_[id] = std::move(test);
  }
  // What the next commands (not reads) answer.
  void SetResult(CommandResult result) {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  void SetTests(TestPage page) {
    const std::lock_guard lock(mutex_);
    tests_ = std::move(page);
  }
  void SetIntervals(IntervalPage page) {
    const std::lock_guard lock(mutex_);
    intervals_ = std::move(page);
  }
  // What was asked: "stop t1".
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  StartRequest started() const {
    const std::lock_guard lock(mutex_);
    return started_;
  }
  int subscribers() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(subscribers_.size());
  }
  int pages_read() const {
    const std::lock_guard lock(mutex_);
    return pages_read_;
  }

  void StartTest(StartRequest request, Done done) override {
    {
      const std::lock_guard lock(mutex_);
      started_ = std::move(request);
    }
    Answer("start", std::move(done));
  }
  void ChangeRate(const TestId& test, MicroRate rate, Done done) override {
    Answer("rate " + test + " " + std::to_string(rate), std::move(done));
  }
  void StopTest(const TestId& test, Done done) override { Answer("stop " + test, std::move(done)); }
  void DeleteTest(const TestId& test, Done done) override {
    Answer("delete " + test, std::move(done));
  }
  void DrainAgent(const std::string& name, Done done) override {
    Answer("drain " + name, std::move(done));
  }
  void ReadTest(const TestId& test, Done done) override {
    home_.Post([this, test, done = std::move(done)] { done(Find(test)); });
  }
  void ReadTests(const std::optional<TestCursor>& after, int limit,
                 std::function<void(TestPage)> done) override {
    const std::lock_guard lock(mutex_);
    const std::string place = after
                                  ? " behind " + after->id + " of " +
                                        std::to_string(after->created_at.time_since_epoch().count())
                                  : "";
    asked_.push_back("tests" + place + " " + std::to_string(limit));
    home_.Post([page = tests_, done = std::move(done)] { done(page); });
  }
  void ReadIntervals(const TestId& test, int64_t from_k, int limit,
                     std::function<void(IntervalPage)> done) override {
    const std::lock_guard lock(mutex_);
    asked_.push_back("intervals " + test + " " + std::to_string(from_k) + " " +
                     std::to_string(limit));
    home_.Post([page = intervals_, done = std::move(done)] { done(page); });
  }
  void ReadChanges(const TestId& test, uint64_t before, int limit,
                   std::function<void(ChangePage)> done) override {
    home_.Post([this, test, before, limit, done = std::move(done)] {
      ChangePage page;
      const std::lock_guard lock(mutex_);
      const std::vector<Update>& updates = updates_[test];
      for (auto update = updates.rbegin(); update != updates.rend(); ++update) {
        if (update->change == nullptr || update->revision >= before) continue;
        if (page.items.size() == static_cast<size_t>(limit)) {
          page.next = page.items.back().revision;
          break;
        }
        page.items.push_back(*update->change);
      }
      done(std::move(page));
    });
  }
  void ReadUpdates(const TestId& test, uint64_t after, int limit,
                   std::function<void(UpdatePage)> done) override {
    home_.Post([this, test, after, limit, done = std::move(done)] {
      UpdatePage page;
      {
        const std::lock_guard lock(mutex_);
        ++pages_read_;
        for (const Update& update : updates_[test]) {
          if (update.revision <= after) continue;
          page.more = page.items.size() == static_cast<size_t>(limit);
          if (page.more) break;
          page.items.push_back(update);
        }
      }
      done(std::move(page));
    });
  }
  std::shared_ptr<const FleetView> view() const override {
    const std::lock_guard lock(mutex_);
    return view_;
  }
  uint64_t Subscribe(Subscriber changed) override {
    const std::lock_guard lock(mutex_);
    subscribers_[++last_subscription_] = std::move(changed);
    return last_subscription_;
  }
  void Unsubscribe(uint64_t subscription) override {
    home_.RunAndWait([&] {
      const std::lock_guard lock(mutex_);
      subscribers_.erase(subscription);
    });
  }

 private:
  void Answer(std::string asked, Done done) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(asked));
    home_.Post([result = result_, done = std::move(done)] { done(result); });
  }
  CommandResult Find(const TestId& test) {
    const std::lock_guard lock(mutex_);
    CommandResult result;
    if (const auto found = view_->tests.find(test); found != view_->tests.end()) {
      result.test = found->second;
    } else if (const auto stored = stored_.find(test); stored != stored_.end()) {
      result.test = stored->second;
    } else {
      result.code = CommandCode::kNotFound;
      result.detail = "there is no test \"" + test + "\"";
    }
    return result;
  }

  IoThread home_;
  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::shared_ptr<const FleetView> view_;
  std::map<uint64_t, Subscriber> subscribers_;
  uint64_t last_subscription_ = 0;
  CommandResult result_;
  TestPage tests_;
  IntervalPage intervals_;
  std::map<TestId, std::vector<Update>> updates_;
  std::map<TestId, std::shared_ptr<const TestView>> stored_;
  std::vector<std::string> asked_;
  StartRequest started_;
  int pages_read_ = 0;
};

}  // namespace broadside
