#pragma once

// For the tests of the store: a directory of its own that goes away, and calls that wait for their
// callback.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "controller/store/store.h"

namespace broadside {

class StoreDirectory {
 public:
  StoreDirectory() {
    // In memory where that can be had: what survives a power cut is not tested, and syncs of a disk
    // would take most of the time.
    std::error_code error;
    const bool memory = std::filesystem::is_directory("/dev/shm", error);
    const std::string parent =
        memory ? "/dev/shm" : std::filesystem::temp_directory_path().string();
    std::string path = parent + "/broadside-store-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    path_ = path;
  }
  ~StoreDirectory() { std::filesystem::remove_all(path_); }
  StoreDirectory(const StoreDirectory&) = delete;
  StoreDirectory& operator=(const StoreDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string file() const { return path_ + "/broadside.db"; }

 private:
  std::string path_;
};

// The limit of the size of a file stands for a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_{};
};

inline std::string ReadBytes(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void WriteBytes(const std::string& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << bytes;
}

struct OpenStore {
  std::unique_ptr<Store> store;
  StoredState state;
};

inline OpenStore MustOpen(const std::string& directory) {
  OpenStore open;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(directory, &open.state);
  if (!store.ok()) {
    ADD_FAILURE() << store.status();
    std::abort();
  }
  open.store = *std::move(store);
  return open;
}

inline absl::Status Write(Store& store, StoreBatch batch) {
  std::promise<absl::Status> done;
  store.Write(std::move(batch), [&done](absl::Status status) { done.set_value(status); });
  return done.get_future().get();
}

inline std::pair<absl::Status, std::shared_ptr<const StoredState>> Reopen(Store& store) {
  std::promise<std::pair<absl::Status, std::shared_ptr<const StoredState>>> done;
  store.Reopen([&done](absl::Status status, std::shared_ptr<const StoredState> state) {
    done.set_value({std::move(status), std::move(state)});
  });
  return done.get_future().get();
}

// Asks, waits for the answer, and takes it.
template <typename T, typename Ask>
T Answered(Ask ask) {
  std::promise<absl::StatusOr<T>> done;
  ask([&done](absl::StatusOr<T> answer) { done.set_value(std::move(answer)); });
  absl::StatusOr<T> answer = done.get_future().get();
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok() ? *std::move(answer) : T();
}

inline std::optional<TestRecord> ReadTest(Store& store, const TestId& test) {
  return Answered<std::optional<TestRecord>>(
      [&](auto done) { store.ReadTest(test, std::move(done)); });
}

// The newest ones.
inline std::vector<TestRecord> ReadTests(Store& store, int limit) {
  return Answered<TestRecordPage>(
             [&](auto done) { store.ReadTests(std::nullopt, limit, std::move(done)); })
      .items;
}

inline IntervalPage ReadIntervals(Store& store, const TestId& test, int64_t from_k, int limit) {
  return Answered<IntervalPage>(
      [&](auto done) { store.ReadIntervals(test, from_k, limit, std::move(done)); });
}

inline ChangePage ReadChanges(Store& store, const TestId& test, uint64_t before, int limit) {
  return Answered<ChangePage>(
      [&](auto done) { store.ReadChanges(test, before, limit, std::move(done)); });
}

inline UpdatePage ReadUpdates(Store& store, const TestId& test, uint64_t after, int limit) {
  return Answered<UpdatePage>(
      [&](auto done) { store.ReadUpdates(test, after, limit, std::move(done)); });
}

}  // namespace broadside
