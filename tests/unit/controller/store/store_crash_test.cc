// What a killed process leaves behind.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <random>

#include "tests/unit/common/wire/random_spec.h"
#include "tests/unit/controller/store/random_records.h"
#include "tests/unit/controller/store/store_rig.h"

namespace broadside {
namespace {

constexpr Incarnation kAgent{1, 2};

// Batch i of the child: segment, interval and revision i, report i + 1.
StoreBatch BatchNumber(int64_t i) {
  std::mt19937_64 random(static_cast<uint64_t>(i));
  static TestRecord test = RandomTestRecord(random, "t-1");
  test.revision = static_cast<uint64_t>(i);
  test.appended_through = i;
  test.begun_through = -1;
  test.open.clear();
  StoreBatch batch;
  batch.tests.push_back(test);
  batch.segments.push_back({"t-1", i, {10 * i, 10 * i + 10}, kNoPartition, SegmentKind::kPlanned});
  batch.intervals.push_back({"t-1", RandomInterval(random, i, static_cast<uint64_t>(i))});
  batch.ledger.push_back({kAgent, static_cast<uint64_t>(i + 1), "t-1", {{i, 10}}, -1});
  return batch;
}

// Writes batches until it is killed; one byte in the pipe for each that is done.
[[noreturn]] void WriteForEver(const std::string& directory, int pipe) {
  const OpenStore open = MustOpen(directory);
  std::promise<void> never;
  std::atomic<int64_t> in_flight = 0;
  for (int64_t i = 0;; ++i) {
    ++in_flight;
    open.store->Write(BatchNumber(i), [pipe, &in_flight](const absl::Status& status) {
      if (!status.ok() || ::write(pipe, "d", 1) != 1) ::_exit(1);
      --in_flight;
      in_flight.notify_one();
    });
    for (int64_t waiting = in_flight; waiting > 4; waiting = in_flight) in_flight.wait(waiting);
  }
}

// Lets a child write, kills it after `enough` batches and so many bytes of nothing, and returns how
// many it said were done.
int64_t KillAfter(const std::string& directory, int64_t enough, int64_t spins) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    WriteForEver(directory, ends[1]);
  }
  ::close(ends[1]);
  int64_t told = 0;
  char byte = 0;
  while (told < enough && ::read(ends[0], &byte, 1) == 1) ++told;
  volatile int64_t spin = 0;
  while (spin < spins) spin = spin + 1;
  ::kill(child, SIGKILL);
  while (::read(ends[0], &byte, 1) == 1) ++told;
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
  ::close(ends[0]);
  return told;
}

TEST(StoreCrashTest, AKilledProcessLeavesTheBatchesThatWereDoneAndAtMostOneMoreWhole) {
  constexpr uint64_t kSeeds = 30;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937_64 random(seed);
    const StoreDirectory directory;
    const int64_t told =
        KillAfter(directory.path(), 1 + Random(random, 150), Random(random, 1'000'000));
    const OpenStore open = MustOpen(directory.path());
    ASSERT_EQ(open.state.unended.size(), 1u) << "seed " << seed;
    const StoredTest& stored = open.state.unended[0];
    const auto kept = static_cast<int64_t>(stored.test.revision) + 1;
    EXPECT_GE(kept, told) << "seed " << seed;
    EXPECT_LE(kept, told + 1) << "seed " << seed;
    // Nothing has begun, so that all of it is read again.
    ASSERT_EQ(std::ssize(stored.segments), kept) << "seed " << seed;
    ASSERT_EQ(std::ssize(stored.intervals), kept) << "seed " << seed;
    for (int64_t i = 0; i < kept; ++i) {
      const auto at = static_cast<size_t>(i);
      EXPECT_EQ(stored.segments[at].k, i);
      EXPECT_EQ(stored.intervals[at].interval, BatchNumber(i).intervals[0].interval);
    }
    ASSERT_EQ(open.state.acked.size(), 1u) << "seed " << seed;
    EXPECT_EQ(open.state.acked[0], std::pair(kAgent, static_cast<uint64_t>(kept)));
    ASSERT_EQ(open.state.ledger.size(), 1u) << "seed " << seed;
    EXPECT_EQ(std::ssize(open.state.ledger[0].reported), kept) << "seed " << seed;
    EXPECT_EQ(open.state.epoch, 2u);
  }
  RecordProperty("cases", static_cast<int>(kSeeds));
}

}  // namespace
}  // namespace broadside
