#include "controller/store/store.h"

#include <atomic>
#include <utility>

#include "common/core/status.h"
#include "common/net/io_thread.h"
#include "common/net/log.h"
#include "controller/store/ledger_fold.h"
#include "controller/store/store_file.h"
#include "controller/store/store_reader.h"
#include "controller/store/store_writer.h"

namespace broadside {

class Store::Impl {
 public:
  ~Impl() { Stop(); }

  absl::Status Open(const std::string& directory, StoredState* state) {
    absl::Status status;
    thread_.RunAndWait([&] { status = OpenOnThread(directory, state); });
    return status;
  }

  template <typename F>
  void Post(F f) {
    thread_.Post(std::move(f));
  }

  void Write(const StoreBatch& batch, const std::function<void(absl::Status)>& done) {
    if (status_.ok()) status_ = writer_->Write(batch);
    done(status_);
    if (status_.ok() && (!batch.ended.empty() || !batch.deleted.empty())) SweepLater();
  }

  // The value, or logs why there is none.
  template <typename T>
  T ValueOr(absl::StatusOr<T> value, T otherwise) {
    if (value.ok()) return *std::move(value);
    Log(LogLevel::kError, "store_read_failed",
        {{"why", std::string(ToStd(value.status().message()))}});
    return otherwise;
  }

  StoreReader& reader() { return *reader_; }

  void Stop() {
    if (stopping_.exchange(true)) return;
    thread_.Post([this] {
      reader_.reset();
      writer_.reset();
      file_.reset();
    });
    thread_.Stop();
  }

 private:
  absl::Status OpenOnThread(const std::string& directory, StoredState* state) {
    absl::StatusOr<std::unique_ptr<StoreFile>> file = StoreFile::Open(directory);
    if (!file.ok()) return file.status();
    file_ = *std::move(file);
    reader_ = std::make_unique<StoreReader>(file_->database());
    const absl::Status loaded = reader_->Load(state, &fold_);
    if (!loaded.ok()) return loaded;
    state->store_uuid = file_->store_uuid();
    state->epoch = file_->epoch();
    writer_ = std::make_unique<StoreWriter>(file_->database(), fold_);
    SweepLater();
    return absl::OkStatus();
  }

  // A slice of the garbage behind what was asked in the meantime, and again until none is left.
  void SweepLater() {
    if (std::exchange(sweeping_, true)) return;
    thread_.Post([this] {
      sweeping_ = false;
      if (stopping_ || !status_.ok()) return;
      const absl::StatusOr<bool> more = writer_->Sweep();
      status_ = more.status();
      if (more.ok() && *more) SweepLater();
    });
  }

  std::atomic<bool> stopping_ = false;

  // Used by the store's thread only. The statements of reader and writer end before the file.
  absl::Status status_;  // the first error of a write
  LedgerFold fold_;
  std::unique_ptr<StoreFile> file_;
  std::unique_ptr<StoreReader> reader_;
  std::unique_ptr<StoreWriter> writer_;
  bool sweeping_ = false;

  IoThread thread_{"store"};
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& directory,
                                                   StoredState* state) {
  auto impl = std::make_unique<Impl>();
  const absl::Status status = impl->Open(directory, state);
  if (!status.ok()) return status;
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

void Store::Write(StoreBatch batch, std::function<void(absl::Status)> done) {
  impl_->Post([impl = impl_.get(), batch = std::move(batch), done = std::move(done)] {
    impl->Write(batch, done);
  });
}

void Store::ReadTest(const TestId& test, std::function<void(std::optional<TestRecord>)> done) {
  impl_->Post([impl = impl_.get(), test, done = std::move(done)] {
    done(impl->ValueOr(impl->reader().Test(test), {}));
  });
}

void Store::ReadTests(
    const std::optional<TestCursor>& after, int limit,
    std::function<void(std::vector<TestRecord>, std::optional<TestCursor>)> done) {
  impl_->Post([impl = impl_.get(), after, limit, done = std::move(done)] {
    TestRecordPage page = impl->ValueOr(impl->reader().Tests(after, limit), {});
    done(std::move(page.items), std::move(page.next));
  });
}

void Store::ReadIntervals(const TestId& test, int64_t from_k, int limit,
                          std::function<void(IntervalPage)> done) {
  impl_->Post([impl = impl_.get(), test, from_k, limit, done = std::move(done)] {
    done(impl->ValueOr(impl->reader().Intervals(test, from_k, limit), {.found = false}));
  });
}

void Store::ReadChanges(const TestId& test, uint64_t before, int limit,
                        std::function<void(ChangePage)> done) {
  impl_->Post([impl = impl_.get(), test, before, limit, done = std::move(done)] {
    done(impl->ValueOr(impl->reader().Changes(test, before, limit), {.found = false}));
  });
}

void Store::ReadUpdates(const TestId& test, uint64_t after, int limit,
                        std::function<void(UpdatePage)> done) {
  impl_->Post([impl = impl_.get(), test, after, limit, done = std::move(done)] {
    done(impl->ValueOr(impl->reader().Updates(test, after, limit), {.found = false}));
  });
}

void Store::Stop() { impl_->Stop(); }

}  // namespace broadside
