// The largest tests that a spec allows, in virtual time: no overflow, no drift, the last slot
// exact.

#include <gtest/gtest.h>

#include "common/core/arc.h"
#include "common/core/curve.h"
#include "common/core/limits.h"
#include "tests/unit/common/core/cases.h"

namespace broadside {
namespace {

constexpr int64_t kWeekMs = limits::kTestDurationMax.count();
constexpr int64_t kWeekSegments = kWeekMs / 1000;
static_assert(kWeekSegments == 604'800);

TEST(CurveScaleTest, AWeekAtTenMillionPerSecondHasNoDriftInAnySegment) {
  const Curve curve = Curve::FromStages({{kWeekMs, limits::kMicroRateMax, limits::kMicroRateMax}});
  // 604,800 s * 10^7 = 6.048e12 slots, 100 ns apart.
  ASSERT_EQ(curve.TotalSlots(), 6'048'000'000'000);
  for (int64_t k = 0; k < kWeekSegments; ++k) {
    const SlotRange slots = curve.SegmentSlots(k);
    ASSERT_EQ(slots, (SlotRange{k * limits::kRateMax, (k + 1) * limits::kRateMax}));
    ASSERT_EQ(curve.Due(slots.from), SegmentStart(k));
    ASSERT_EQ(curve.Due(slots.until - 1), SegmentStart(k + 1) - Nanos(100));
  }
  ::testing::Test::RecordProperty("cases", static_cast<int>(kWeekSegments));
}

TEST(CurveScaleTest, ARampToTenMillionOverAWeekEndsWithItsExactArea) {
  // 0 to 10^7 rps: half of 6.048e12 slots, and back the other half.
  const Curve curve = Curve::FromStages(
      {{kWeekMs / 2, 0, limits::kMicroRateMax}, {kWeekMs / 2, limits::kMicroRateMax, 0}});
  ASSERT_EQ(curve.TotalSlots(), 3'024'000'000'000);
  ASSERT_EQ(curve.SlotsBetween(0, kWeekMs / 2).Size(), 1'512'000'000'000);
  // The curve is symmetric: what is due x after the middle mirrors what is due x before it.
  ForEachSeed(2000, [&curve](Cases& cases) {
    const int64_t x = cases.Between(0, kWeekMs / 2);
    const MicroSlots middle = curve.At(kWeekMs / 2);
    const MicroSlots up = middle - curve.At(kWeekMs / 2 - x);
    const MicroSlots down = curve.At(kWeekMs / 2 + x) - middle;
    // Both are rounded down from C, so they differ by the rounding of one micro-slot.
    EXPECT_TRUE(up == down || up == down + 1) << x;
  });
  const Slot last = curve.TotalSlots() - 1;
  const TestTime due = curve.Due(last);
  EXPECT_EQ(SegmentOf(due), kWeekSegments - 1);
  EXPECT_EQ(DueCursor(curve.PiecesBetween(kWeekMs - 1000, kWeekMs)).Due(last), due);
}

TEST(CurveScaleTest, AThousandOddStagesOverAWeekAddUpToTheMicroSlot) {
  // Odd rates and lengths: the sum of each stage's area, rounded down to whole micro-slots where it
  // ends.
  std::vector<Stage> stages;
  MicroSlots sum = 0;
  int64_t left_ms = kWeekMs;
  for (int i = 0; i < 1000; ++i) {
    const int64_t duration_ms = i == 999 ? left_ms : 604'799 - i % 7;
    const MicroRate rate = limits::kMicroRateMax - i * 1'234'567 - 1;
    stages.push_back({duration_ms, rate, rate});
    sum += static_cast<MicroSlots>(static_cast<__int128>(rate) * duration_ms / 1000);
    left_ms -= duration_ms;
  }
  const Curve curve = Curve::FromStages(stages);
  EXPECT_EQ(curve.EndMs(), kWeekMs);
  EXPECT_EQ(curve.At(kWeekMs), sum);
  const Slot last = curve.TotalSlots() - 1;
  EXPECT_EQ(last, (sum - 1) / kMicro);
  EXPECT_EQ(SegmentOf(curve.Due(last)), kWeekSegments - 1);
}

TEST(CurveScaleTest, AnOwnersLastSlotsOfAWeekAreExact) {
  // One of 1,000 owners at the end of the week: walked, counted and paced as at the start.
  const Curve curve = Curve::FromStages({{kWeekMs, limits::kMicroRateMax, limits::kMicroRateMax}});
  const SlotRange slots = curve.SegmentSlots(kWeekSegments - 1);
  const uint64_t offset = ArcOffset("a week");
  const std::vector<std::optional<Arc>> arcs = DivideArc(Arc{}, std::vector<uint32_t>(1000, 3));
  int64_t total = 0;
  for (const std::optional<Arc>& arc : arcs) total += CountSlots(*arc, offset, slots);
  EXPECT_EQ(total, limits::kRateMax);
  ArcWalker walker(*arcs[7], offset);
  DueCursor cursor(curve.PiecesBetween((kWeekSegments - 1) * 1000, kWeekMs));
  int64_t walked = 0;
  for (Slot n = walker.Seek(slots.from); n < slots.until; n = walker.Next(), ++walked) {
    ASSERT_EQ(cursor.Due(n).time_since_epoch(), Nanos(n * 100));
  }
  EXPECT_EQ(walked, CountSlots(*arcs[7], offset, slots));
}

TEST(CurveScaleTest, APauseOfDaysIsCrossedWithoutWalking) {
  // 3 days of pause twice, and 10^-6 rps between: knot by knot that would be 5e8 steps.
  constexpr int64_t kDayMs = 86'400'000;
  const Curve curve = Curve::FromStages({{1000, kMicro, kMicro},
                                         {3 * kDayMs, 0, 0},
                                         {kDayMs / 2, 1, 1},
                                         {3 * kDayMs, 0, 0},
                                         {1000, 2 * kMicro, 2 * kMicro}});
  // 1 slot, then 43,200 s * 10^-6 = 0.0432 slots: slot 1 falls to the trickle's start, slot 2 into
  // the last second, 0.9568 slots in.
  DueCursor cursor(curve.pieces());
  EXPECT_EQ(cursor.Due(0), TestTime(Nanos(0)));
  EXPECT_EQ(cursor.Due(1), curve.Due(1));
  EXPECT_EQ(cursor.Due(2), TestTime(Millis(1000 + 6 * kDayMs + kDayMs / 2) + Nanos(478'400'000)));
  EXPECT_EQ(cursor.Due(2), curve.Due(2));
}

}  // namespace
}  // namespace broadside
