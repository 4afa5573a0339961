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
  explicit Impl(std::string directory) : directory_(std::move(directory)) {}
  ~Impl() { Stop(); }

  absl::Status Open(StoredState* state) {
    absl::Status opened;
    thread_.RunAndWait([&] { opened = OpenOnThread(state); });
    writable_ = status_;  // the thread does nothing before it is asked
    return opened;
  }

  const absl::Status& writable() const { return writable_; }
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  template <typename F>
  void Post(F f) {
    thread_.Post(std::move(f));
  }

  void Write(const StoreBatch& batch, const std::function<void(absl::Status)>& done) {
    if (status_.ok()) status_ = writer_->Write(batch);
    Measure();
    done(status_);
    if (status_.ok() && (!batch.ended.empty() || !batch.deleted.empty())) SweepLater();
  }

  absl::Status Reopen(StoredState* state) {
    const absl::Status opened = OpenOnThread(state);
    return opened.ok() ? status_ : opened;
  }

  // The reader's answer, or logs why there is none.
  template <typename T, typename Question>
  absl::StatusOr<T> Answered(const Question& question) {
    if (reader_ == nullptr) return status_;
    absl::StatusOr<T> answer = question(*reader_);
    if (!answer.ok()) {
      Log(LogLevel::kError, "store_read_failed",
          {{"why", std::string(ToStd(answer.status().message()))}});
    }
    return answer;
  }

  void Stop() {
    if (stopping_.exchange(true)) return;
    thread_.Post([this] { Close(); });
    thread_.Stop();
  }

 private:
  // The statements of reader and writer end before the file.
  void Close() {
    reader_.reset();
    writer_.reset();
    file_.reset();
  }

  // OK when the store can be read; status_ says whether it can be written.
  absl::Status OpenOnThread(StoredState* state) {
    Close();
    fold_ = LedgerFold();
    absl::StatusOr<std::unique_ptr<StoreFile>> file = StoreFile::Open(directory_);
    status_ = file.status();
    if (!status_.ok()) return status_;
    file_ = *std::move(file);
    reader_ = std::make_unique<StoreReader>(file_->database());
    status_ = reader_->Load(state, &fold_);
    if (!status_.ok()) {
      reader_.reset();
      return status_;
    }
    status_ = file_->Claim();
    state->store_uuid = file_->store_uuid();
    state->epoch = file_->epoch();
    Measure();
    if (!status_.ok()) return absl::OkStatus();
    writer_ = std::make_unique<StoreWriter>(file_->database(), fold_);
    SweepLater();
    return absl::OkStatus();
  }

  void Measure() { bytes_.store(file_ ? file_->Bytes() : 0, std::memory_order_relaxed); }

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

  // Constant after Open.
  const std::string directory_;
  absl::Status writable_;

  std::atomic<bool> stopping_ = false;
  std::atomic<int64_t> bytes_ = 0;

  // Used by the store's thread only.
  absl::Status status_;  // the first error of a write since the file was opened
  LedgerFold fold_;
  std::unique_ptr<StoreFile> file_;
  std::unique_ptr<StoreReader> reader_;  // none when the file cannot be read
  std::unique_ptr<StoreWriter> writer_;  // none when it cannot be written
  bool sweeping_ = false;

  IoThread thread_{"store"};
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& directory,
                                                   StoredState* state) {
  auto impl = std::make_unique<Impl>(directory);
  const absl::Status status = impl->Open(state);
  if (!status.ok()) return status;
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

const absl::Status& Store::writable() const { return impl_->writable(); }
int64_t Store::bytes() const { return impl_->bytes(); }

void Store::Write(StoreBatch batch, std::function<void(absl::Status)> done) {
  impl_->Post([impl = impl_.get(), batch = std::move(batch), done = std::move(done)] {
    impl->Write(batch, done);
  });
}

void Store::Reopen(std::function<void(absl::Status, std::shared_ptr<const StoredState>)> done) {
  impl_->Post([impl = impl_.get(), done = std::move(done)] {
    auto state = std::make_shared<StoredState>();
    const absl::Status status = impl->Reopen(state.get());
    done(status, std::move(state));
  });
}

template <typename T, typename Question>
void Store::Ask(Answer<T> done, Question question) {
  impl_->Post([impl = impl_.get(), done = std::move(done), question = std::move(question)] {
    done(impl->Answered<T>(question));
  });
}

void Store::ReadTest(const TestId& test, Answer<std::optional<TestRecord>> done) {
  Ask<std::optional<TestRecord>>(std::move(done),
                                 [test](StoreReader& reader) { return reader.Test(test); });
}

void Store::ReadTestByKey(const std::string& key, Answer<std::optional<TestRecord>> done) {
  Ask<std::optional<TestRecord>>(std::move(done),
                                 [key](StoreReader& reader) { return reader.TestByKey(key); });
}

void Store::ReadExpired(const Retention& retention, int limit, Answer<std::vector<TestId>> done) {
  Ask<std::vector<TestId>>(std::move(done), [retention, limit](StoreReader& reader) {
    return reader.Expired(retention, limit);
  });
}

void Store::ReadTests(const std::optional<TestCursor>& after, int limit,
                      Answer<TestRecordPage> done) {
  Ask<TestRecordPage>(std::move(done),
                      [after, limit](StoreReader& reader) { return reader.Tests(after, limit); });
}

void Store::ReadIntervals(const TestId& test, int64_t from_k, int limit,
                          Answer<IntervalPage> done) {
  Ask<IntervalPage>(std::move(done), [test, from_k, limit](StoreReader& reader) {
    return reader.Intervals(test, from_k, limit);
  });
}

void Store::ReadChanges(const TestId& test, uint64_t before, int limit, Answer<ChangePage> done) {
  Ask<ChangePage>(std::move(done), [test, before, limit](StoreReader& reader) {
    return reader.Changes(test, before, limit);
  });
}

void Store::ReadUpdates(const TestId& test, uint64_t after, int limit, Answer<UpdatePage> done) {
  Ask<UpdatePage>(std::move(done), [test, after, limit](StoreReader& reader) {
    return reader.Updates(test, after, limit);
  });
}

void Store::Stop() { impl_->Stop(); }

}  // namespace broadside
