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

CommandResult Unreadable(const absl::Status& why) {
  CommandResult result;
  result.code = CommandCode::kUnavailable;
  result.detail = Concat("the store cannot be read: ", why.message());
  return result;
}

// A page, or one that says why there is none.
template <typename Page>
Page PageOf(absl::StatusOr<Page> page) {
  if (page.ok()) return *std::move(page);
  Page none;
  none.unavailable = Unreadable(page.status()).detail;
  return none;
}

}  // namespace

template <typename MakeEvent>
void Controller::Ask(Done done, MakeEvent make_event) {
  home_.Post([this, done = std::move(done), make_event = std::move(make_event)]() mutable {
    if (!core_ || stopping_) {
      CommandResult result;
      result.code = CommandCode::kUnavailable;
      result.detail = core_ ? "the controller stops" : read_only_;
      done(std::move(result));
      return;
    }
    const RequestId request = ++last_request_;
    requests_.emplace(request, std::move(done));
    Handle(make_event(request));
  });
}

template <typename MakeEvent>
void Controller::AskWith(const absl::StatusOr<std::optional<TestRecord>>& record, Done done,
                         MakeEvent make_event) {
  if (record.ok()) return Ask(std::move(done), std::move(make_event));
  home_.Post([done = std::move(done), result = Unreadable(record.status())] { done(result); });
}

template <typename MakeEvent>
void Controller::AskAbout(const TestId& test, Done done, MakeEvent make_event) {
  if (view()->tests.contains(test)) {
    return Ask(std::move(done), [make_event](RequestId id) { return make_event(id, nullptr); });
  }
  store_->ReadTest(test, [this, done = std::move(done),
                          make_event](const absl::StatusOr<std::optional<TestRecord>>& record) {
    std::shared_ptr<const TestView> stored;
    if (record.ok() && record->has_value()) stored = ViewOfRecord(**record);
    AskWith(record, done, [make_event, stored](RequestId id) { return make_event(id, stored); });
  });
}

void Controller::StartTest(StartRequest request, Done done) {
  if (request.idempotency_key.empty()) {
    Ask(std::move(done), [request = std::move(request)](RequestId id) {
      return ControllerEvent(StartAsked{id, RandomTestId(), request, nullptr, 0});
    });
    return;
  }
  const std::string key = request.idempotency_key;
  store_->ReadTestByKey(key, [this, request = std::move(request), done = std::move(done)](
                                 const absl::StatusOr<std::optional<TestRecord>>& record) {
    StartAsked asked{0, RandomTestId(), request, nullptr, 0};
    if (record.ok() && record->has_value()) {
      asked.earlier = ViewOfRecord(**record);
      asked.earlier_body_hash = (*record)->body_hash;
    }
    AskWith(record, done, [asked = std::move(asked)](RequestId id) mutable {
      asked.request = id;
      return ControllerEvent(std::move(asked));
    });
  });
}

void Controller::ChangeRate(const TestId& test, MicroRate rate, Done done) {
  AskAbout(test, std::move(done),
           [test, rate](RequestId id, const std::shared_ptr<const TestView>& stored) {
             return ControllerEvent(RateAsked{id, test, rate, stored != nullptr});
           });
}

void Controller::StopTest(const TestId& test, Done done) {
  AskAbout(test, std::move(done), [test](RequestId id, std::shared_ptr<const TestView> stored) {
    return ControllerEvent(StopAsked{id, test, std::move(stored)});
  });
}

void Controller::DeleteTest(const TestId& test, Done done) {
  AskAbout(test, std::move(done),
           [test](RequestId id, const std::shared_ptr<const TestView>& stored) {
             return ControllerEvent(DeleteAsked{id, test, stored != nullptr});
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
  store_->ReadTest(test, [this, test, done = std::move(done)](
                             const absl::StatusOr<std::optional<TestRecord>>& record) {
    CommandResult result;
    if (!record.ok()) {
      result = Unreadable(record.status());
    } else {
      result = record->has_value() ? Found(ViewOfRecord(**record)) : NoTest(test);
    }
    home_.Post([done, result = std::move(result)]() mutable { done(std::move(result)); });
  });
}

void Controller::ReadTests(const std::optional<TestCursor>& after, int limit,
                           std::function<void(TestPage)> done) {
  store_->ReadTests(
      after, limit, [this, done = std::move(done)](absl::StatusOr<TestRecordPage> records) {
        TestPage page;
        if (records.ok()) {
          page.next = std::move(records->next);
          const std::shared_ptr<const FleetView> now = view();
          for (const TestRecord& record : records->items) {
            const auto it = now->tests.find(record.id);
            page.items.push_back(it != now->tests.end() ? it->second : ViewOfRecord(record));
          }
        } else {
          page.unavailable = Unreadable(records.status()).detail;
        }
        home_.Post([done, page = std::move(page)]() mutable { done(std::move(page)); });
      });
}

void Controller::ReadIntervals(const TestId& test, int64_t from_k, int limit,
                               std::function<void(IntervalPage)> done) {
  store_->ReadIntervals(
      test, from_k, limit, [this, done = std::move(done)](absl::StatusOr<IntervalPage> read) {
        home_.Post([done, page = PageOf(std::move(read))]() mutable { done(std::move(page)); });
      });
}

void Controller::ReadChanges(const TestId& test, uint64_t before, int limit,
                             std::function<void(ChangePage)> done) {
  store_->ReadChanges(
      test, before, limit, [this, done = std::move(done)](absl::StatusOr<ChangePage> read) {
        home_.Post([done, page = PageOf(std::move(read))]() mutable { done(std::move(page)); });
      });
}

void Controller::ReadUpdates(const TestId& test, uint64_t after, int limit,
                             std::function<void(UpdatePage)> done) {
  store_->ReadUpdates(
      test, after, limit, [this, done = std::move(done)](absl::StatusOr<UpdatePage> read) {
        home_.Post([done, page = PageOf(std::move(read))]() mutable { done(std::move(page)); });
      });
}

}  // namespace broadside
