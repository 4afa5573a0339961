#pragma once

// The durable state of a controller: one SQLite file (WAL, synchronous=FULL) in a directory that
// one process owns (a file lock for life).
//
// One thread of its own does everything, in the order of the calls; callbacks run on that thread:
// give ones that only post. Write calls back when the batch is on disk. An error of a write is
// final: the file is in doubt, the process must stop appending and end. Reads see all writes before
// them. With ":memory:" nothing is kept.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/core/commands.h"
#include "controller/core/store_records.h"

namespace broadside {

class Store {
 public:
  // Opens or makes the store in `directory` (created if missing), raises its epoch, and reads into
  // `state` what a restarted controller needs. Errors say what to do: locked by another process,
  // not writable, corrupt, made by a newer version (left untouched).
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory,
                                                     StoredState* state);
  ~Store();  // stops

  // One transaction. `done` is called once, when it is durable or has failed.
  void Write(StoreBatch batch, std::function<void(absl::Status)> done);

  void ReadTest(const TestId& test, std::function<void(std::optional<TestRecord>)> done);
  // Tests, newest first, from `after` on if it is given, with the place of the next page.
  void ReadTests(const std::optional<TestCursor>& after, int limit,
                 std::function<void(std::vector<TestRecord>, std::optional<TestCursor> next)> done);
  void ReadIntervals(const TestId& test, int64_t from_k, int limit,
                     std::function<void(IntervalPage)> done);
  // Changes with a revision below `before`, newest first.
  void ReadChanges(const TestId& test, uint64_t before, int limit,
                   std::function<void(ChangePage)> done);
  // Intervals and changes with a revision above `after`, ascending.
  void ReadUpdates(const TestId& test, uint64_t after, int limit,
                   std::function<void(UpdatePage)> done);

  // Finishes what was asked, closes the file and joins the thread. After it no callback runs.
  void Stop();

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace broadside
