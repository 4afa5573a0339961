#pragma once

// What users may ask of the controller, and the answers. Implemented by the controller (and by a
// fake in the tests of REST).
//
// Methods may be called from any thread; answers come on the controller's home thread, after what
// they say is durable. An answer always comes, at the latest when the controller stops.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/fleet_view.h"

namespace broadside {

enum class CommandCode : uint8_t {
  kOk = 0,
  kNotFound,     // no such test or agent: 404
  kConflict,     // not in this state: 409
  kTooMany,      // limits::kTestsRunningMax reached: 429
  kKeyReused,    // Idempotency-Key with another body: 422
  kInvalid,      // a field is wrong: 422
  kUnavailable,  // read-only or stopping: 503
};

struct CommandResult {
  CommandCode code = CommandCode::kOk;
  std::string detail;                    // for people, when not ok
  std::vector<FieldError> fields;        // for kInvalid
  std::shared_ptr<const TestView> test;  // for ok, where there is one
  std::optional<WallTime> effective_at;  // ChangeRate: when the new rate begins
  bool replayed = false;                 // StartTest: an earlier answer to the same Idempotency-Key
};

struct StartRequest {
  TestSpec spec;
  std::string idempotency_key;  // empty for none
  uint64_t body_hash = 0;       // of the request body, compared when the key was used before
};

// A place in the list of all tests, newest first: behind the test with this time and id, which need
// not be there any more.
struct TestCursor {
  WallTime created_at;
  TestId id;
  friend bool operator==(const TestCursor&, const TestCursor&) = default;
};
// `unavailable` of a page: why the store cannot be read; empty when it was.
struct TestPage {
  std::vector<std::shared_ptr<const TestView>> items;  // newest first
  std::optional<TestCursor> next;                      // nothing at the end
  std::string unavailable;
};
struct IntervalPage {
  bool found = true;
  std::vector<std::shared_ptr<const IntervalView>> items;  // ascending k
  std::optional<int64_t> next;                             // first k of the next page
  std::string unavailable;
};
struct ChangePage {
  bool found = true;
  std::vector<Change> items;     // newest first
  std::optional<uint64_t> next;  // revision that the next page is older than
  std::string unavailable;
};
struct UpdatePage {
  bool found = true;
  std::vector<Update> items;  // ascending revision
  bool more = false;
  std::string unavailable;
};

class Commands {
 public:
  using Done = std::function<void(CommandResult)>;
  virtual ~Commands() = default;

  virtual void StartTest(StartRequest request, Done done) = 0;
  virtual void ChangeRate(const TestId& test, MicroRate rate, Done done) = 0;
  virtual void StopTest(const TestId& test, Done done) = 0;
  virtual void DeleteTest(const TestId& test, Done done) = 0;
  virtual void DrainAgent(const std::string& name, Done done) = 0;

  // One test, also ended ones that only the store has.
  virtual void ReadTest(const TestId& test, Done done) = 0;
  // The tests behind a place in the list, or the newest.
  virtual void ReadTests(const std::optional<TestCursor>& after, int limit,
                         std::function<void(TestPage)> done) = 0;
  virtual void ReadIntervals(const TestId& test, int64_t from_k, int limit,
                             std::function<void(IntervalPage)> done) = 0;
  // Changes with a revision below `before`, newest first.
  virtual void ReadChanges(const TestId& test, uint64_t before, int limit,
                           std::function<void(ChangePage)> done) = 0;
  // Intervals and changes with a revision above `after`.
  virtual void ReadUpdates(const TestId& test, uint64_t after, int limit,
                           std::function<void(UpdatePage)> done) = 0;

  // The last published view; never null. Thread-safe: a copy of a pointer under a mutex.
  virtual std::shared_ptr<const FleetView> view() const = 0;
  // `changed` runs on home after each publication, until Unsubscribe returns. Give one that only
  // posts.
  virtual uint64_t Subscribe(std::function<void(std::shared_ptr<const FleetView>)> changed) = 0;
  virtual void Unsubscribe(uint64_t subscription) = 0;
};

}  // namespace broadside
