// Users' requests: from any thread to home, to the core or the store, and back on home.

#include <utility>

#include "common/core/status.h"
#include "common/net/random_id.h"
#include "controller/controller.h"

namespace broadside {
namespace {

CommandResult Found(std::shared_ptr<const TestView> test) {
  CommandResult result;
  result.test = std::move(test);
  return result;
}

CommandResult NoTest(const TestId& test) {
  CommandResult result;
  result.code = CommandCode::kNotFound;
  result.detail = Concat("no test ", test);
  return result;
}

}  // namespace

template <typename MakeEvent>
void Controller::Ask(Done done, MakeEvent make_event) {
  home_.Post([this, done = std::move(done), make_event = std::move(make_event)]() mutable {
    if (failed_ || stopping_) {
      CommandResult result;
      result.code = CommandCode::kUnavailable;
      result.detail = failed_ ? "the controller cannot write its store" : "the controller stops";
      done(std::move(result));
      return;
    }
    const RequestId request = ++last_request_;
    requests_.emplace(request, std::move(done));
    Handle(make_event(request));
  });
}

void Controller::StartTest(StartRequest request, Done done) {
  Ask(std::move(done), [request = std::move(request)](RequestId id) {
    return ControllerEvent(StartAsked{id, RandomTestId(), request});
  });
}

void Controller::ChangeRate(const TestId& test, MicroRate rate, Done done) {
  Ask(std::move(done), [test, rate](RequestId id) {
    return ControllerEvent(RateAsked{id, test, rate});
  });
}

void Controller::StopTest(const TestId& test, Done done) {
  Ask(std::move(done), [test](RequestId id) { return ControllerEvent(StopAsked{id, test}); });
}

void Controller::DeleteTest(const TestId& test, Done done) {
  if (view()->tests.contains(test)) {
    Ask(std::move(done), [test](RequestId id) {
      return ControllerEvent(DeleteAsked{id, test, false});
    });
    return;
  }
  store_->ReadTest(test,
                   [this, test, done = std::move(done)](const std::optional<TestRecord>& record) {
                     const bool in_store = record.has_value();
                     Ask(done, [test, in_store](RequestId id) {
                       return ControllerEvent(DeleteAsked{id, test, in_store});
                     });
                   });
}

void Controller::DrainAgent(const std::string& name, Done done) {
  Ask(std::move(done), [name](RequestId id) { return ControllerEvent(DrainAsked{id, name}); });
}

void Controller::ReadTest(const TestId& test, Done done) {
  const std::shared_ptr<const FleetView> now = view();
  const auto it = now->tests.find(test);
  if (it != now->tests.end()) {
    home_.Post([done = std::move(done), found = it->second] { done(Found(found)); });
    return;
  }
  store_->ReadTest(
      test, [this, test, done = std::move(done)](const std::optional<TestRecord>& record) {
        CommandResult result = record.has_value() ? Found(ViewOfRecord(*record)) : NoTest(test);
        home_.Post([done, result = std::move(result)]() mutable { done(std::move(result)); });
      });
}

void Controller::ReadTests(const std::optional<TestCursor>& after, int limit,
                           std::function<void(TestPage)> done) {
  store_->ReadTests(
      after, limit,
      [this, done = std::move(done)](const std::vector<TestRecord>& records,
                                     std::optional<TestCursor> next) {
        TestPage page;
        page.next = std::move(next);
        const std::shared_ptr<const FleetView> now = view();
        for (const TestRecord& record : records) {
          const auto it = now->tests.find(record.id);
          page.items.push_back(it != now->tests.end() ? it->second : ViewOfRecord(record));
        }
        home_.Post([done, page = std::move(page)]() mutable { done(std::move(page)); });
      });
}

void Controller::ReadIntervals(const TestId& test, int64_t from_k, int limit,
                               std::function<void(IntervalPage)> done) {
  store_->ReadIntervals(test, from_k, limit, [this, done = std::move(done)](IntervalPage page) {
    home_.Post([done, page = std::move(page)]() mutable { done(std::move(page)); });
  });
}

void Controller::ReadChanges(const TestId& test, uint64_t before, int limit,
                             std::function<void(ChangePage)> done) {
  store_->ReadChanges(test, before, limit, [this, done = std::move(done)](ChangePage page) {
    home_.Post([done, page = std::move(page)]() mutable { done(std::move(page)); });
  });
}

void Controller::ReadUpdates(const TestId& test, uint64_t after, int limit,
                             std::function<void(UpdatePage)> done) {
  store_->ReadUpdates(test, after, limit, [this, done = std::move(done)](UpdatePage page) {
    home_.Post([done, page = std::move(page)]() mutable { done(std::move(page)); });
  });
}

}  // namespace broadside
