#include "agent/engine/pacer.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

constexpr uint64_t kOffset = 0x1234'5678'9abc'def0ull;

TestTime At(double ms) { return TestTime(Nanos(static_cast<int64_t>(ms * 1e6))); }

std::vector<Grant> Grants(const std::vector<Stage>& stages) {
  TestSpec spec;
  spec.load.stages = stages;
  return GrantsOf(spec);
}

Pacer OneShard(Nanos max_lateness = Seconds(1)) { return Pacer({kOffset, 0, 1, max_lateness}); }

// Everything that may be sent at `now`.
std::vector<DueSlot> TakeAll(Pacer& pacer, TestTime now) {
  std::vector<DueSlot> taken;
  while (const std::optional<DueSlot> slot = pacer.TakeDue(now)) taken.push_back(*slot);
  return taken;
}

uint64_t Sum(const std::vector<SlotTally>& tallies) {
  uint64_t sum = 0;
  for (const SlotTally& tally : tallies) sum += tally.count;
  return sum;
}

TEST(PacerTest, HandsOutEachSlotWhenItIsDueAndNotBefore) {
  Pacer pacer = OneShard();
  // 10/s: slot n is due at n * 100 ms.
  EXPECT_EQ(pacer.Extend(Grants({{1000, 10 * kMicro, 10 * kMicro}})[0], At(0)), 10);
  EXPECT_EQ(pacer.TakeDue(At(0)), (DueSlot{0, 0, At(0)}));
  EXPECT_EQ(pacer.TakeDue(At(99.999)), std::nullopt);
  EXPECT_EQ(pacer.NextRelease(), At(100));
  EXPECT_EQ(pacer.TakeDue(At(100)), (DueSlot{1, 0, At(100)}));
  EXPECT_EQ(pacer.TakeDue(At(100)), std::nullopt);
}

TEST(PacerTest, CatchesUpAfterAStallAtFiveQuartersOfTheRate) {
  Pacer pacer = OneShard();
  pacer.Extend(Grants({{1000, 1000 * kMicro, 1000 * kMicro}})[0], At(0));
  for (int ms = 0; ms < 100; ++ms) EXPECT_EQ(TakeAll(pacer, At(ms)).size(), 1u);
  // Stalled until 200 ms. Late by 100 slots, which are sent 0.8 ms apart, so after 100 ms 125 are
  // out, and the slack of 1 ms lets one or two more go first.
  size_t taken = TakeAll(pacer, At(200)).size();
  EXPECT_LE(taken, 2u);
  for (int i = 2001; i <= 3000; ++i) {
    const size_t now = TakeAll(pacer, At(i * 0.1)).size();
    EXPECT_LE(now, 1u) << "at " << i * 0.1;
    taken += now;
  }
  EXPECT_NEAR(static_cast<double>(taken), 126, 1);
  // 0.2 ms is gained per slot: 100 ms of lateness are gone after 500 slots and 400 ms.
  for (int i = 3001; i <= 6020; ++i) taken += TakeAll(pacer, At(i * 0.1)).size();
  EXPECT_EQ(100 + taken, 603u);  // 0 to 602: level with the plan
  EXPECT_TRUE(pacer.skipped().empty());
}

TEST(PacerTest, ALoopThatWakesLateEveryTimeStillReachesTheRate) {
  Pacer pacer = OneShard();
  pacer.Extend(Grants({{1000, 1000 * kMicro, 1000 * kMicro}})[0], At(0));
  size_t taken = 0;
  for (int ms = 0; ms < 1000; ms += 15) taken += TakeAll(pacer, At(ms)).size();
  EXPECT_EQ(taken, 991u);  // all that were due by the last wake-up at 990 ms
}

TEST(PacerTest, AfterAFreezeOnlyTheSlotsOfTheSlackGoAtOnce) {
  Pacer pacer = OneShard();
  pacer.Extend(Grants({{1000, 10'000 * kMicro, 10'000 * kMicro}})[0], At(0));
  TakeAll(pacer, At(0));
  // 21 ms late: 1 ms at 0.08 ms a slot is 12, and the first.
  EXPECT_EQ(TakeAll(pacer, At(21.2)).size(), 13u);
}

TEST(PacerTest, LatenessWithinTheSlackIsNotSpaced) {
  Pacer pacer = OneShard();
  pacer.Extend(Grants({{1000, 10'000 * kMicro, 10'000 * kMicro}})[0], At(0));
  // A loop that wakes every 500 us takes the five slots since then at once.
  EXPECT_EQ(TakeAll(pacer, At(0)).size(), 1u);
  EXPECT_EQ(TakeAll(pacer, At(0.5)).size(), 5u);
  EXPECT_EQ(TakeAll(pacer, At(1.0)).size(), 5u);
}

TEST(PacerTest, SkipsWhatIsLaterThanMaxLateness) {
  Pacer pacer = OneShard(Millis(200));
  pacer.Extend(Grants({{1000, 10 * kMicro, 10 * kMicro}})[0], At(0));
  // At 550 ms slots 0 to 3 (due at 0 to 300 ms) are later than 200 ms, slot 4 (400 ms) is not.
  EXPECT_EQ(pacer.TakeDue(At(550)), (DueSlot{4, 0, At(400)}));
  EXPECT_EQ(pacer.skipped(), (std::vector<SlotTally>{{0, 4}}));
}

TEST(PacerTest, ASlotExactlyMaxLatenessLateIsSent) {
  Pacer pacer = OneShard(Millis(200));
  pacer.Extend(Grants({{1000, 10 * kMicro, 10 * kMicro}})[0], At(0));
  EXPECT_EQ(pacer.TakeDue(At(200)), (DueSlot{0, 0, At(0)}));
}

TEST(PacerTest, SlotsDueBeforeTheirGrantArrivedAreSkipped) {
  Pacer pacer = OneShard();
  // Arrives at 250 ms: slots 0, 1, 2 are past.
  EXPECT_EQ(pacer.Extend(Grants({{1000, 10 * kMicro, 10 * kMicro}})[0], At(250)), 10);
  EXPECT_EQ(pacer.skipped(), (std::vector<SlotTally>{{0, 3}}));
  EXPECT_EQ(pacer.TakeDue(At(250)), std::nullopt);
  EXPECT_EQ(pacer.TakeDue(At(300)), (DueSlot{3, 0, At(300)}));
}

TEST(PacerTest, APastSegmentIsSkippedWhole) {
  Pacer pacer = OneShard();
  const std::vector<Grant> grants = Grants({{3000, 10'000'000 * kMicro, 10'000'000 * kMicro}});
  EXPECT_EQ(pacer.Extend(grants[0], At(5000)), 10'000'000);
  EXPECT_EQ(pacer.Extend(grants[1], At(5000)), 10'000'000);
  EXPECT_EQ(pacer.skipped(), (std::vector<SlotTally>{{0, 10'000'000}, {1, 10'000'000}}));
  EXPECT_TRUE(pacer.Empty());
}

TEST(PacerTest, CutCancelsTheUnsentOfEverySegment) {
  Pacer pacer = OneShard();
  for (const Grant& grant : Grants({{3000, 10 * kMicro, 10 * kMicro}})) pacer.Extend(grant, At(0));
  EXPECT_TRUE(pacer.TakeDue(At(0)).has_value());
  pacer.Cut();
  EXPECT_EQ(pacer.cancelled(), (std::vector<SlotTally>{{0, 9}, {1, 10}, {2, 10}}));
  EXPECT_EQ(pacer.TakeDue(At(900)), std::nullopt);
  EXPECT_EQ(pacer.NextRelease(), std::nullopt);
}

TEST(PacerTest, AGrantAfterCutIsCancelled) {
  Pacer pacer = OneShard();
  pacer.Cut();
  EXPECT_EQ(pacer.Extend(Grants({{1000, 10 * kMicro, 10 * kMicro}})[0], At(0)), 10);
  EXPECT_EQ(pacer.cancelled(), (std::vector<SlotTally>{{0, 10}}));
}

TEST(PacerTest, APauseHoldsBackNothingAndRepeatsNothing) {
  Pacer pacer = OneShard();
  const std::vector<Stage> stages = {
      {500, 10 * kMicro, 10 * kMicro}, {1000, 0, 0}, {500, 10 * kMicro, 10 * kMicro}};
  for (const Grant& grant : Grants(stages)) pacer.Extend(grant, At(0));
  std::vector<TestTime> due;
  for (int ms = 0; ms <= 2000; ++ms) {
    for (const DueSlot& slot : TakeAll(pacer, At(ms))) due.push_back(slot.due);
  }
  // Five slots, a second of nothing, five slots.
  EXPECT_EQ(due, (std::vector<TestTime>{At(0), At(100), At(200), At(300), At(400), At(1500),
                                        At(1600), At(1700), At(1800), At(1900)}));
}

TEST(PacerTest, AShortPeakAfterALullIsNotThrottled) {
  Pacer pacer = OneShard();
  // 1/s, then 10,000/s for 100 ms within the same segment.
  for (const Grant& grant :
       Grants({{900, kMicro, kMicro}, {100, 10'000 * kMicro, 10'000 * kMicro}})) {
    pacer.Extend(grant, At(0));
  }
  EXPECT_EQ(TakeAll(pacer, At(500)).size(), 1u);  // late
  size_t taken = 0;
  for (int i = 1; i <= 500; ++i) taken += TakeAll(pacer, At(900 + i * 0.2)).size();
  EXPECT_NEAR(static_cast<double>(taken), 1000, 15);  // at most 10 from the late one
}

TEST(PacerTest, NothingIsOwnedWithoutAPart) {
  Pacer pacer({kOffset, 2, 2, Seconds(1)});
  EXPECT_EQ(pacer.Extend(Grants({{1000, 10 * kMicro, 10 * kMicro}})[0], At(0)), 0);
  EXPECT_TRUE(pacer.Empty());
}

// Random curves, arcs, shards, late grants, stalls and a cut: every slot ends in exactly one of
// taken, skipped and cancelled, on exactly one shard, and none is taken before it is due.
TEST(PacerTest, EverySlotEndsOnceOverShardsWhateverHappens) {
  constexpr int kCases = 200;
  for (int seed = 0; seed < kCases; ++seed) {
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    const auto between = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random);
    };
    std::vector<Stage> stages;
    for (int64_t i = between(1, 4); i > 0; --i) {
      stages.push_back({between(1, 1500), between(0, 3) * between(0, 1'000'000'000),
                        between(0, 3) * between(0, 1'000'000'000)});
    }
    const std::vector<Grant> grants = Grants(stages);
    const auto shards = static_cast<int>(between(1, 4));
    const int64_t cut_ms = between(0, 1) == 0 ? between(0, 4000) : INT64_MAX;
    std::set<Slot> taken;
    uint64_t unsent = 0;
    int64_t planned = 0;
    for (int shard = 0; shard < shards; ++shard) {
      Pacer pacer({kOffset + static_cast<uint64_t>(seed), shard, shards, Millis(between(0, 300))});
      size_t granted = 0;
      for (int64_t ms = 0; ms < 9000; ms += between(0, 40) == 0 ? between(1, 900) : between(1, 5)) {
        if (granted < grants.size() &&
            ms >= static_cast<int64_t>(granted) * 1000 - between(-200, 1000)) {
          planned += pacer.Extend(grants[granted++], TestTime(Millis(ms)));
        }
        if (ms >= cut_ms) pacer.Cut();
        for (const DueSlot& slot : TakeAll(pacer, TestTime(Millis(ms)))) {
          EXPECT_LE(slot.due, TestTime(Millis(ms))) << "seed " << seed;
          EXPECT_EQ(SegmentOf(slot.due), slot.k) << "seed " << seed;
          EXPECT_TRUE(taken.insert(slot.slot).second) << "twice: " << slot.slot << " seed " << seed;
        }
      }
      ASSERT_EQ(granted, grants.size()) << "seed " << seed;
      EXPECT_TRUE(pacer.Empty()) << "seed " << seed;
      unsent += Sum(pacer.skipped()) + Sum(pacer.cancelled());
    }
    EXPECT_EQ(planned, Curve::FromStages(stages).TotalSlots()) << "seed " << seed;
    EXPECT_EQ(taken.size() + unsent, static_cast<uint64_t>(planned)) << "seed " << seed;
  }
  RecordProperty("cases", kCases);
}

}  // namespace
}  // namespace broadside
