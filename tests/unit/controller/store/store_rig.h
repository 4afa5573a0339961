#pragma once

// For the tests of the store: a directory of its own that goes away, and calls that wait for their
// callback.

#include <gtest/gtest.h>

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

inline std::optional<TestRecord> ReadTest(Store& store, const TestId& test) {
  std::promise<std::optional<TestRecord>> done;
  store.ReadTest(test,
                 [&done](std::optional<TestRecord> record) { done.set_value(std::move(record)); });
  return done.get_future().get();
}

// The newest ones.
inline std::vector<TestRecord> ReadTests(Store& store, int limit) {
  std::promise<std::vector<TestRecord>> done;
  store.ReadTests(std::nullopt, limit,
                  [&done](std::vector<TestRecord> records, const std::optional<TestCursor>&) {
                    done.set_value(std::move(records));
                  });
  return done.get_future().get();
}

inline IntervalPage ReadIntervals(Store& store, const TestId& test, int64_t from_k, int limit) {
  std::promise<IntervalPage> done;
  store.ReadIntervals(test, from_k, limit,
                      [&done](IntervalPage page) { done.set_value(std::move(page)); });
  return done.get_future().get();
}

inline ChangePage ReadChanges(Store& store, const TestId& test, uint64_t before, int limit) {
  std::promise<ChangePage> done;
  store.ReadChanges(test, before, limit,
                    [&done](ChangePage page) { done.set_value(std::move(page)); });
  return done.get_future().get();
}

inline UpdatePage ReadUpdates(Store& store, const TestId& test, uint64_t after, int limit) {
  std::promise<UpdatePage> done;
  store.ReadUpdates(test, after, limit,
                    [&done](UpdatePage page) { done.set_value(std::move(page)); });
  return done.get_future().get();
}

}  // namespace broadside
