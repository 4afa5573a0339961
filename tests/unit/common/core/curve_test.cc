#include "common/core/curve.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/core/limits.h"
#include "tests/unit/common/core/cases.h"

namespace broadside {
namespace {

constexpr MicroRate kRps = 1'000'000;

TestTime At(Nanos since_start) { return TestTime(since_start); }

MicroRate RandomRate(Cases& cases) {
  switch (cases.Between(0, 5)) {
    case 0:
      return 0;
    case 1:
      return cases.Between(1, kRps);  // fractions of 1 rps
    case 2:
      return limits::kMicroRateMax - cases.Between(0, 5);
    default:
      return cases.Logarithmic(limits::kMicroRateMax);
  }
}

std::vector<Stage> RandomStages(Cases& cases, int64_t duration_ms_max) {
  std::vector<Stage> stages(static_cast<size_t>(cases.Between(1, 8)));
  for (Stage& stage : stages) {
    stage.duration_ms = cases.OneIn(4) ? 1 : cases.Logarithmic(duration_ms_max);
    stage.rate_from = RandomRate(cases);
    stage.rate_to = cases.OneIn(2) ? stage.rate_from : RandomRate(cases);
  }
  return stages;
}

// A slot of the curve, often one near a piece's start; -1 when it has none.
Slot RandomSlot(Cases& cases, const Curve& curve) {
  const Slot total = curve.TotalSlots();
  if (total == 0) return -1;
  if (cases.OneIn(2)) return cases.Between(0, total - 1);
  const auto index = static_cast<size_t>(cases.Between(0, std::ssize(curve.pieces()) - 1));
  const Slot near = curve.pieces()[index].c0 / kMicro + cases.Between(-2, 2);
  return std::clamp<Slot>(near, 0, total - 1);
}

// The definition of due(n), knot by knot.
TestTime DueByBruteForce(const Curve& curve, Slot n) {
  int64_t j = curve.pieces().front().start_ms;
  for (int64_t ms = j; ms < curve.EndMs(); ++ms) {
    if (curve.At(ms) <= n * kMicro) j = ms;
  }
  const int64_t into = (n * kMicro - curve.At(j)) * kMicro / (curve.At(j + 1) - curve.At(j));
  return At(Millis(j) + Nanos(into));
}

TEST(CurveTest, AConstantRateIsDueAtEvenDistances) {
  // 4 rps for 2 s: 8 slots, 250 ms apart, the first at once.
  const Curve curve = Curve::FromStages({{2000, 4 * kRps, 4 * kRps}});
  EXPECT_EQ(curve.TotalSlots(), 8);
  for (Slot n = 0; n < 8; ++n) EXPECT_EQ(curve.Due(n), At(Millis(250 * n))) << n;
  EXPECT_EQ(curve.SegmentSlots(0), (SlotRange{0, 4}));
  EXPECT_EQ(curve.SegmentSlots(1), (SlotRange{4, 8}));
  EXPECT_EQ(curve.SegmentSlots(2), (SlotRange{8, 8}));
}

TEST(CurveTest, ARampHasTheAreaOfItsTriangle) {
  // 0 to 100 rps in 10 s: 500 slots; 50 rps at 5 s, C(5 s) = 125 slots.
  const Curve curve = Curve::FromStages({{10'000, 0, 100 * kRps}});
  EXPECT_EQ(curve.TotalSlots(), 500);
  EXPECT_EQ(curve.At(5000), 125 * kMicro);
  EXPECT_EQ(curve.RateAt(5000), 50 * kRps);
  EXPECT_EQ(curve.Due(125), At(Seconds(5)));
  EXPECT_EQ(curve.SegmentCount(), 10);
}

TEST(CurveTest, AFallingRampHasTheAreaOfItsTriangle) {
  // 100 to 0 rps in 10 s: C(5 s) = 500 - 125 = 375 slots.
  const Curve curve = Curve::FromStages({{10'000, 100 * kRps, 0}});
  EXPECT_EQ(curve.TotalSlots(), 500);
  EXPECT_EQ(curve.At(5000), 375 * kMicro);
  EXPECT_EQ(curve.RateAt(9'999), 10'000);  // 100 rps / 10,000 ms = 0.01 rps
  EXPECT_EQ(curve.Due(375), At(Seconds(5)));
}

TEST(CurveTest, APausePostponesASlotAndNeverRepeatsOne) {
  // 1.5 slots, a pause of an hour, then 1 rps: slot 2 is half a slot short, so 0.5 s after the
  // pause.
  const Curve curve =
      Curve::FromStages({{1500, kRps, kRps}, {3'600'000, 0, 0}, {2000, kRps, kRps}});
  EXPECT_EQ(curve.Due(1), At(Seconds(1)));
  EXPECT_EQ(curve.Due(2), At(Millis(1500 + 3'600'000 + 500)));
  EXPECT_EQ(curve.SlotsBetween(1500, 1500 + 3'600'000).Size(), 0);
}

TEST(CurveTest, ASlotThatFallsOnThePauseIsDueBehindIt) {
  // The integral reaches 2 as the pause begins: the last knot with C <= 2 is its end.
  const Curve curve = Curve::FromStages({{2000, kRps, kRps}, {5000, 0, 0}, {1000, kRps, kRps}});
  EXPECT_EQ(curve.Due(2), At(Seconds(7)));
  EXPECT_EQ(curve.SegmentSlots(2), (SlotRange{2, 2}));
  EXPECT_EQ(curve.SegmentSlots(7), (SlotRange{2, 3}));
}

TEST(CurveTest, AMillionthOfASlotPerSecondComesAfterElevenDays) {
  // 10^-6 rps: only slot 0 in 7 days; 3 * 10^-6 rps: slot 1 after some 333,333 s.
  const int64_t week_ms = limits::kTestDurationMax.count();
  EXPECT_EQ(Curve::FromStages({{week_ms, 1, 1}}).TotalSlots(), 1);
  const Curve curve = Curve::FromStages({{week_ms, 3, 3}});
  EXPECT_EQ(curve.TotalSlots(), 2);
  // C is whole micro-slots: it is 10^6 from knot 333,333,334 to 333,333,666, of which the last
  // counts.
  EXPECT_EQ(curve.Due(1), At(Millis(333'333'666)));
}

TEST(CurveTest, AnEmptyCurveHasNoSlots) {
  const Curve curve;
  EXPECT_EQ(curve.TotalSlots(), 0);
  EXPECT_EQ(curve.At(5), 0);
  EXPECT_EQ(curve.RateAt(0), 0);
  EXPECT_EQ(curve.PeakRateFrom(0), 0);
  EXPECT_EQ(curve.SegmentCount(), 0);
  EXPECT_TRUE(curve.PiecesBetween(0, 1000).empty());
  EXPECT_EQ(curve.WithRateFrom(0, kRps).TotalSlots(), 0);
}

TEST(CurveTest, TheRateIsThatOfTheStageWhichBegins) {
  const Curve curve = Curve::FromStages({{1000, kRps, 3 * kRps}, {1000, 7 * kRps, 5 * kRps}});
  EXPECT_EQ(curve.RateAt(-1), 0);
  EXPECT_EQ(curve.RateAt(999), 2'998'000);
  EXPECT_EQ(curve.RateAt(1000), 7 * kRps);
  EXPECT_EQ(curve.RateAt(2000), 0);
}

TEST(CurveTest, ThePeakIsOfWhatIsStillToCome) {
  const Curve curve = Curve::FromStages({{1000, kRps, 9 * kRps}, {1000, 4 * kRps, 2 * kRps}});
  EXPECT_EQ(curve.PeakRateFrom(0), 9 * kRps);
  EXPECT_EQ(curve.PeakRateFrom(999), 9 * kRps);
  EXPECT_EQ(curve.PeakRateFrom(1000), 4 * kRps);
  EXPECT_EQ(curve.PeakRateFrom(1500), 3 * kRps);
  EXPECT_EQ(curve.PeakRateFrom(2000), 0);
}

TEST(CurveTest, ALiveChangeCutsARampAndKeepsItsSlots) {
  // 0 to 100 rps in 10 s, from 5 s on 10 rps: 125 + 50 slots.
  const Curve ramp = Curve::FromStages({{10'000, 0, 100 * kRps}});
  const Curve changed = ramp.WithRateFrom(5000, 10 * kRps);
  EXPECT_EQ(changed.TotalSlots(), 175);
  EXPECT_EQ(changed.EndMs(), 10'000);
  EXPECT_EQ(changed.RateAt(4999), 49'990'000);
  EXPECT_EQ(changed.RateAt(5000), 10 * kRps);
  EXPECT_EQ(changed.PeakRateFrom(0), 50 * kRps);
  EXPECT_EQ(changed.Due(124), ramp.Due(124));
  EXPECT_EQ(changed.Due(126), At(Millis(5100)));
  // What was granted before stays the same, byte for byte.
  EXPECT_EQ(changed.PiecesBetween(4000, 5000), ramp.PiecesBetween(4000, 5000));
  EXPECT_EQ(changed.PiecesBetween(5000, 6000).size(), 1u);
}

TEST(CurveTest, AChangeAtTheEndChangesNothing) {
  const Curve curve = Curve::FromStages({{1000, kRps, kRps}});
  EXPECT_EQ(curve.WithRateFrom(1000, 5 * kRps).pieces(), curve.pieces());
}

TEST(CurveDeathTest, PiecesWithAGapAreABrokenInvariant) {
  const Piece first{0, 1000, 0, kRps, kRps};
  EXPECT_DEATH(Curve::FromPieces({first, {1001, 1000, kMicro, kRps, kRps}}), "starts at 1001");
  EXPECT_DEATH(Curve::FromPieces({{0, 0, 0, kRps, kRps}}), "duration_ms > 0");
  EXPECT_DEATH(Curve::FromPieces({first}).Due(1), "after the curve");
  EXPECT_DEATH(Curve::FromPieces({{0, 1000, kMicro, kRps, kRps}}).Due(0), "before the curve");
  EXPECT_DEATH(DueCursor({first}).Due(1), "after the excerpt");
  EXPECT_DEATH(DueCursor({}).Due(0), "before the excerpt");
}

TEST(CurvePropertyTest, DueIsWhatItsDefinitionSays) {
  ForEachSeed(600, [](Cases& cases) {
    const Curve curve = Curve::FromStages(RandomStages(cases, 300));
    for (int i = 0; i < 10; ++i) {
      const Slot n = RandomSlot(cases, curve);
      if (n < 0) return;
      ASSERT_EQ(curve.Due(n), DueByBruteForce(curve, n)) << n;
    }
  });
}

// C(t) <= n*10^6 < C(u) says the same as t <= due(n) < u, at every knot.
TEST(CurvePropertyTest, TheCurveAndItsInverseAgree) {
  ForEachSeed(2000, [](Cases& cases) {
    const Curve curve = Curve::FromStages(RandomStages(cases, 20'000'000));
    for (int i = 0; i < 20; ++i) {
      const Slot n = RandomSlot(cases, curve);
      if (n < 0) return;
      const Nanos due = curve.Due(n).time_since_epoch();
      const int64_t ms = std::chrono::floor<Millis>(due).count();
      ASSERT_LE(curve.At(ms), n * kMicro) << n;
      ASSERT_GT(curve.At(ms + 1), n * kMicro) << n;
      const SlotRange here = curve.SlotsBetween(ms, ms + 1);
      ASSERT_TRUE(here.from <= n && n < here.until) << n;
      if (n > 0) {
        ASSERT_LE(curve.Due(n - 1), curve.Due(n)) << n;
      }
    }
  });
}

TEST(CurvePropertyTest, EverySlotIsInExactlyOneSegment) {
  ForEachSeed(1000, [](Cases& cases) {
    const Curve curve = Curve::FromStages(RandomStages(cases, 30'000));
    Slot next = 0;
    for (int64_t k = 0; k < curve.SegmentCount(); ++k) {
      const SlotRange slots = curve.SegmentSlots(k);
      ASSERT_EQ(slots.from, next) << k;
      ASSERT_LE(slots.from, slots.until) << k;
      if (slots.Size() > 0) {
        ASSERT_EQ(SegmentOf(curve.Due(slots.from)), k);
        ASSERT_EQ(SegmentOf(curve.Due(slots.until - 1)), k);
      }
      next = slots.until;
    }
    EXPECT_EQ(next, curve.TotalSlots());
  });
}

TEST(CurvePropertyTest, AnExcerptGivesTheSameTimesAsTheWhole) {
  ForEachSeed(2000, [](Cases& cases) {
    const Curve curve = Curve::FromStages(RandomStages(cases, 100'000));
    const Slot n = RandomSlot(cases, curve);
    if (n < 0) return;
    const TestTime due = curve.Due(n);
    const int64_t k = SegmentOf(due);
    const std::vector<Piece> pieces = curve.PiecesBetween(k * 1000, k * 1000 + 1000);
    const Curve excerpt = Curve::FromPieces(pieces);
    EXPECT_EQ(excerpt.SegmentSlots(k), curve.SegmentSlots(k));
    EXPECT_EQ(excerpt.Due(n), due);
    EXPECT_EQ(DueCursor(pieces).Due(n), due);
  });
}

TEST(CurvePropertyTest, TheCursorSaysWhatTheCurveSays) {
  ForEachSeed(2000, [](Cases& cases) {
    const Curve curve = Curve::FromStages(RandomStages(cases, 5'000'000));
    DueCursor cursor(curve.pieces());
    // Steps of 0 and 1, of an owner's share, and leaps.
    const int64_t step_max = cases.OneIn(3) ? 1 : cases.Logarithmic(curve.TotalSlots() / 20 + 1);
    Slot n = cases.OneIn(2) ? 0 : curve.TotalSlots() / 3;
    for (int i = 0; i < 200 && n < curve.TotalSlots(); ++i) {
      ASSERT_EQ(cursor.Due(n), curve.Due(n)) << n;
      n += cases.Between(0, step_max);
    }
  });
}

TEST(CurvePropertyTest, ALiveChangeLeavesThePastAndGivesTheRate) {
  ForEachSeed(1500, [](Cases& cases) {
    Curve curve = Curve::FromStages(RandomStages(cases, 100'000));
    const int64_t end_ms = curve.EndMs();
    for (int change = 0; change < 3; ++change) {
      const Curve before = curve;
      const int64_t from_ms = cases.Between(0, end_ms - 1);
      const MicroRate rate = RandomRate(cases);
      curve = before.WithRateFrom(from_ms, rate);
      ASSERT_EQ(curve.EndMs(), end_ms);
      ASSERT_EQ(curve.At(from_ms), before.At(from_ms));
      for (int i = 0; i < 5; ++i) {
        const int64_t past = cases.Between(0, from_ms);
        ASSERT_EQ(curve.At(past), before.At(past));
        const int64_t later = cases.Between(from_ms, end_ms);
        const auto growth =
            static_cast<MicroSlots>(static_cast<__int128>(rate) * (later - from_ms) / 1000);
        ASSERT_EQ(curve.At(later), before.At(from_ms) + growth);
      }
      const int64_t cut_k = from_ms / 1000;
      if (cut_k > 0) {
        ASSERT_EQ(curve.PiecesBetween((cut_k - 1) * 1000, cut_k * 1000),
                  before.PiecesBetween((cut_k - 1) * 1000, cut_k * 1000));
      }
      // The changed curve still is its inverse.
      const Slot n = RandomSlot(cases, curve);
      if (n < 0) continue;
      const int64_t ms = std::chrono::floor<Millis>(curve.Due(n).time_since_epoch()).count();
      ASSERT_TRUE(curve.At(ms) <= n * kMicro && n * kMicro < curve.At(ms + 1)) << n;
      ASSERT_EQ(DueCursor(curve.pieces()).Due(n), curve.Due(n));
      ASSERT_EQ(Curve::FromPieces(curve.pieces()).Due(n), curve.Due(n));
    }
  });
}

TEST(CurvePropertyTest, TheRateIsTheSlopeOfTheIntegral) {
  ForEachSeed(1000, [](Cases& cases) {
    const Curve curve = Curve::FromStages(RandomStages(cases, 1'000'000));
    for (int i = 0; i < 10; ++i) {
      const int64_t ms = cases.Between(0, curve.EndMs() - 1);
      const MicroSlots slope = (curve.At(ms + 1) - curve.At(ms)) * 1000;
      const MicroRate here = curve.RateAt(ms);
      // Each of the two integrals is rounded by less than one micro-slot: 1,000 per second. Within
      // the millisecond a ramp goes on.
      const MicroRate next = ms + 1 < curve.EndMs() ? curve.RateAt(ms + 1) : here;
      bool knot = ms + 1 == curve.EndMs();
      for (const Piece& piece : curve.pieces()) knot |= piece.start_ms == ms + 1;
      if (knot) continue;
      ASSERT_GE(slope, std::min(here, next) - 1000) << ms;
      ASSERT_LE(slope, std::max(here, next) + 1001) << ms;
      ASSERT_LE(std::max(here, next), curve.PeakRateFrom(ms));
    }
  });
}

}  // namespace
}  // namespace broadside
