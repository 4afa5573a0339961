// What a commit of the controller costs: one test row, one segment, three intervals and the reports
// of N agents, written one after the other to a store in the directory given (default: the current
// one), which decides what a sync costs. Prints commits a second, and wall clock and CPU time of
// one commit.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <future>
#include <string>
#include <utility>

#include "controller/store/store.h"

namespace broadside {
namespace {

constexpr const char* kTest = "t-bench";

TestRecord BenchTest() {
  TestRecord test;
  test.id = kTest;
  auto spec = std::make_shared<TestSpec>();
  spec->name = "bench";
  spec->target.url = "http://127.0.0.1:8000/";
  spec->target.host = "127.0.0.1";
  spec->target.port = 8000;
  spec->load.stages = {{3'600'000, 1'000'000'000, 1'000'000'000}};
  test.pieces = Curve::FromStages(spec->load.stages).pieces();
  test.spec = std::move(spec);
  test.state = TestState::kRunning;
  return test;
}

// A busy second: three histograms of some hundreds of buckets each.
DoneSummary BusySecond() {
  Histogram histogram;
  for (int64_t i = 0; i < 700; ++i)
    histogram.RecordMany(Nanos(2'000'000 + i * i * 200), static_cast<uint64_t>(1 + i % 90));
  DoneSummary done;
  done.completed = histogram.count();
  done.codes = {{200, done.completed}};
  done.response_time = done.service_time = done.send_lag = histogram.Sparse();
  return done;
}

// Commit number i: the second i begins, the two before it still change.
StoreBatch BatchNumber(int64_t i, int64_t agents, TestRecord& test, const DoneSummary& done) {
  StoreBatch batch;
  test.appended_through = i;
  test.begun_through = i - 3;
  test.open = {i - 4, i - 3};
  batch.segments.push_back({kTest, i, {1000 * i, 1000 * i + 1000}, kNoPartition});
  for (int64_t k = std::max<int64_t>(0, i - 2); k <= i; ++k) {
    IntervalView interval;
    interval.k = k;
    interval.done = done;
    interval.revision = ++test.revision;
    batch.intervals.push_back({kTest, interval});
  }
  for (int64_t agent = 0; agent < agents; ++agent) {
    batch.ledger.push_back({{1, static_cast<uint64_t>(agent)},
                            static_cast<uint64_t>(i + 1),
                            kTest,
                            {{i, 5}, {i + 1, 5}},
                            i - 1});
  }
  test.done = done;
  batch.tests.push_back(test);
  return batch;
}

double CpuMs() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

bool Measure(const std::string& directory, int64_t agents, int64_t commits) {
  StoredState state;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(directory, &state);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return false;
  }
  TestRecord test = BenchTest();
  const DoneSummary done = BusySecond();
  bool ok = true;
  double cpu_ms = 0;
  std::chrono::duration<double, std::milli> wall{0};
  for (int64_t i = 0; ok && i < commits; ++i) {
    StoreBatch batch = BatchNumber(i, agents, test, done);
    const double cpu_before = CpuMs();
    const auto start = std::chrono::steady_clock::now();
    std::promise<bool> written;
    (*store)->Write(std::move(batch),
                    [&written](const absl::Status& status) { written.set_value(status.ok()); });
    ok = written.get_future().get();
    wall += std::chrono::steady_clock::now() - start;
    cpu_ms += CpuMs() - cpu_before;
  }
  const auto count = static_cast<double>(commits);
  std::printf("%8ld %10.0f %10.2f %10.2f\n", agents, 1e3 * count / wall.count(),
              wall.count() / count, cpu_ms / count);
  return ok;
}

}  // namespace
}  // namespace broadside

int main(int argc, char** argv) {
  const std::string parent = argc > 1 ? argv[1] : ".";
  std::printf("%8s %10s %10s %10s\n", "agents", "commits/s", "wall ms", "CPU ms");
  for (const auto& [agents, commits] : {std::pair{200, 600}, {1'000, 300}, {10'000, 120}}) {
    std::string directory = parent + "/store-bench-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) {
      std::perror(directory.c_str());
      return 1;
    }
    const bool ok = broadside::Measure(directory, agents, commits);
    std::filesystem::remove_all(directory);
    if (!ok) return 1;
  }
  return 0;
}
