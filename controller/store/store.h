#pragma once

// The durable state of a controller: one SQLite file (WAL, synchronous=FULL) in a directory that
// one process owns (a file lock for life).
//
// One thread of its own does everything, in the order of the calls; callbacks run on that thread:
// give ones that only post. Write calls back when the batch is on disk. After an error of a write
// the file is in doubt and nothing more is written, until Reopen has found it whole and its first
// write is durable: what it loads then is all that counts, whatever was decided before. Reads see
// all writes before them, and go on as long as the file can be read. With ":memory:" nothing is
// kept.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/core/commands.h"
#include "controller/core/store_records.h"
#include "controller/store/store_reader.h"

namespace broadside {

class Store {
 public:
  // Opens or makes the store in `directory` (created if missing), raises its epoch, and reads into
  // `state` what a restarted controller needs. Errors say what to do: locked by another process,
  // not writable, corrupt, made by a newer version (left untouched). A store that can be read but
  // not written (its volume is full or fails) is opened all the same: see writable.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& directory,
                                                     StoredState* state);
  ~Store();  // stops

  // How Open found it: OK, or why nothing can be written; then the epoch is not raised.
  const absl::Status& writable() const;
  // The files' sizes together, as of the last write. Any thread.
  int64_t bytes() const;

  // One transaction. `done` is called once, when it is durable or has failed.
  void Write(StoreBatch batch, std::function<void(absl::Status)> done);

  // Closes the file and opens it as Open does. `done` gets OK and what a restarted controller
  // finds, with a higher epoch; or why nothing can be written, and then Write goes on failing.
  void Reopen(std::function<void(absl::Status, std::shared_ptr<const StoredState>)> done);

  template <typename T>
  using Answer = std::function<void(absl::StatusOr<T>)>;
  void ReadTest(const TestId& test, Answer<std::optional<TestRecord>> done);
  // The test that was started with this Idempotency-Key.
  void ReadTestByKey(const std::string& key, Answer<std::optional<TestRecord>> done);
  // Ended tests that are not kept, at most `limit`.
  void ReadExpired(const Retention& retention, int limit, Answer<std::vector<TestId>> done);
  // Tests, newest first, from `after` on if it is given, with the place of the next page.
  void ReadTests(const std::optional<TestCursor>& after, int limit, Answer<TestRecordPage> done);
  void ReadIntervals(const TestId& test, int64_t from_k, int limit, Answer<IntervalPage> done);
  // Changes with a revision below `before`, newest first.
  void ReadChanges(const TestId& test, uint64_t before, int limit, Answer<ChangePage> done);
  // Intervals and changes with a revision above `after`, ascending.
  void ReadUpdates(const TestId& test, uint64_t after, int limit, Answer<UpdatePage> done);

  // Finishes what was asked, closes the file and joins the thread. After it no callback runs.
  void Stop();

 private:
  class Impl;
  // Asks the reader on the store's thread.
  template <typename T, typename Question>
  void Ask(Answer<T> done, Question question);
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace broadside
