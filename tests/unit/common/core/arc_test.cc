#include "common/core/arc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "tests/unit/common/core/cases.h"

namespace broadside {
namespace {

constexpr Arc kCircle{0, UINT64_MAX};

std::vector<Slot> BruteForce(const Arc& arc, uint64_t offset, const SlotRange& range) {
  std::vector<Slot> slots;
  for (Slot n = range.from; n < range.until; ++n) {
    if (arc.Contains(SlotPoint(n, offset))) slots.push_back(n);
  }
  return slots;
}

std::vector<Slot> Walk(const Arc& arc, uint64_t offset, const SlotRange& range) {
  std::vector<Slot> slots;
  ArcWalker walker(arc, offset);
  for (Slot n = walker.Seek(range.from); n < range.until; n = walker.Next()) slots.push_back(n);
  return slots;
}

// An arc of any size: spans are uniform in their logarithm.
Arc RandomArc(Cases& cases) {
  const uint64_t span = cases.OneIn(20) ? UINT64_MAX : cases.Next() >> cases.Between(0, 63);
  const uint64_t lo =
      span == UINT64_MAX ? 0 : cases.Next() % (UINT64_MAX - std::max<uint64_t>(span, 1) + 1);
  return {lo, lo + span};
}

std::vector<uint32_t> RandomWeights(Cases& cases, int64_t count_max) {
  std::vector<uint32_t> weights(static_cast<size_t>(cases.Between(1, count_max)));
  const bool large = cases.OneIn(3);
  for (uint32_t& weight : weights) {
    if (cases.OneIn(5)) continue;  // a weight of 0
    weight = static_cast<uint32_t>(large ? cases.Between(0, UINT32_MAX) : cases.Between(1, 64));
  }
  return weights;
}

// The arcs touch, in order, and cover `whole`: nothing twice, nothing left out. No arcs only when
// all weights are zero.
void ExpectPartition(const Arc& whole, const std::vector<uint32_t>& weights,
                     const std::vector<std::optional<Arc>>& arcs) {
  ASSERT_EQ(arcs.size(), weights.size());
  uint64_t next = whole.lo;
  bool closed = false;
  for (size_t i = 0; i < arcs.size(); ++i) {
    if (!arcs[i].has_value()) continue;
    EXPECT_NE(weights[i], 0u) << i;
    EXPECT_FALSE(closed) << "arc " << i << " lies behind the end";
    EXPECT_EQ(arcs[i]->lo, next) << i;
    EXPECT_LE(arcs[i]->lo, arcs[i]->last) << i;
    closed = arcs[i]->last == whole.last;
    next = arcs[i]->last + 1;
  }
  const bool all_zero =
      std::all_of(weights.begin(), weights.end(), [](uint32_t w) { return w == 0; });
  EXPECT_EQ(closed, !all_zero);
}

TEST(ArcTest, AllWeightsZeroGiveNoArcs) {
  const std::vector<std::optional<Arc>> arcs = DivideArc(kCircle, {0, 0, 0});
  EXPECT_EQ(arcs, (std::vector<std::optional<Arc>>(3)));
}

TEST(ArcTest, OneOwnerHasTheWholeCircle) {
  EXPECT_EQ(DivideArc(kCircle, {0, 7}), (std::vector<std::optional<Arc>>{std::nullopt, kCircle}));
}

TEST(ArcTest, BoundariesAreInProportionAndRoundedDown) {
  // Thirds of 2^64 = 18446744073709551616: 6148914691236517205.33 and 12297829382473034410.67.
  const std::vector<std::optional<Arc>> arcs = DivideArc(kCircle, {1, 1, 1});
  EXPECT_EQ(arcs[0]->last, 6148914691236517204u);
  EXPECT_EQ(arcs[1]->last, 12297829382473034409u);
  EXPECT_EQ(arcs[2]->last, UINT64_MAX);
}

TEST(ArcTest, AShareTooSmallForAPointHasNoArc) {
  // 2 points over 4: floors of 0.5, 1, 1.5, 2.
  const Arc two{10, 11};
  EXPECT_EQ(
      DivideArc(two, {1, 1, 1, 1}),
      (std::vector<std::optional<Arc>>{std::nullopt, Arc{10, 10}, std::nullopt, Arc{11, 11}}));
}

TEST(ArcTest, ArcsPartitionAnyArcForAnyWeights) {
  ForEachSeed(2000, [](Cases& cases) {
    const Arc whole = cases.OneIn(2) ? kCircle : RandomArc(cases);
    const std::vector<uint32_t> weights = RandomWeights(cases, 300);
    ExpectPartition(whole, weights, DivideArc(whole, weights));
  });
}

TEST(ArcTest, EverySlotHasExactlyOneOwner) {
  ForEachSeed(300, [](Cases& cases) {
    const std::vector<uint32_t> weights = RandomWeights(cases, 12);
    const uint64_t offset = cases.Next();
    const Slot from = cases.Logarithmic(9'000'000'000'000);
    const SlotRange range{from, from + cases.Between(0, 500)};
    std::vector<Slot> all;
    bool any = false;
    for (const std::optional<Arc>& arc : DivideArc(kCircle, weights)) {
      if (!arc.has_value()) continue;
      any = true;
      const std::vector<Slot> own = Walk(*arc, offset, range);
      all.insert(all.end(), own.begin(), own.end());
    }
    std::sort(all.begin(), all.end());
    std::vector<Slot> expected(any ? static_cast<size_t>(range.Size()) : 0);
    std::iota(expected.begin(), expected.end(), range.from);
    EXPECT_EQ(all, expected);
  });
}

TEST(ArcTest, TwoLevelsOfDivisionStillPartition) {
  ForEachSeed(200, [](Cases& cases) {
    const uint64_t offset = cases.Next();
    const SlotRange range{cases.Between(0, 1'000'000), 1'000'400};
    std::multiset<Slot> all;
    for (const std::optional<Arc>& agent : DivideArc(kCircle, {3, 0, 1, 7, 2})) {
      if (!agent.has_value()) continue;
      const std::vector<uint32_t> shards(static_cast<size_t>(cases.Between(1, 5)), 1);
      for (const std::optional<Arc>& shard : DivideArc(*agent, shards)) {
        const SlotRange tail{std::max(range.from, range.until - 400), range.until};
        const std::vector<Slot> own = Walk(*shard, offset, tail);
        all.insert(own.begin(), own.end());
      }
    }
    EXPECT_EQ(all.size(), static_cast<size_t>(std::min<int64_t>(400, range.Size())));
    EXPECT_EQ(std::set<Slot>(all.begin(), all.end()).size(), all.size());
  });
}

TEST(ArcTest, TheWalkerFindsWhatBruteForceFinds) {
  ForEachSeed(3000, [](Cases& cases) {
    const Arc arc = RandomArc(cases);
    const uint64_t offset = cases.Next();
    const Slot from = cases.OneIn(4) ? 0 : cases.Logarithmic(9'000'000'000'000);
    const SlotRange range{from, from + 2000};
    EXPECT_EQ(Walk(arc, offset, range), BruteForce(arc, offset, range));
  });
}

TEST(ArcTest, TheWalkerFindsFarSlotsOfSmallArcs) {
  // A small arc around the point of a known slot: no slot before it may be found, and it must be.
  ForEachSeed(3000, [](Cases& cases) {
    const uint64_t offset = cases.Next();
    const Slot known = cases.Logarithmic(9'000'000'000'000);
    const uint64_t point = SlotPoint(known, offset);
    const uint64_t room = std::min(point, UINT64_MAX - point);
    const uint64_t reach = std::min(room, cases.Next() >> cases.Between(20, 63));
    const Arc arc{point - reach, point + reach};
    const Slot from = cases.Between(0, known);
    ArcWalker walker(arc, offset);
    Slot n = walker.Seek(from);
    int64_t count = 0;
    for (; n < known && count < 100'000; n = walker.Next()) {
      ASSERT_TRUE(arc.Contains(SlotPoint(n, offset))) << n;
      ++count;
    }
    if (count == 100'000) return;  // a wide arc: the comparison with brute force has those
    EXPECT_EQ(n, known);
    // Floor sums agree that nothing was passed over.
    EXPECT_EQ(CountSlots(arc, offset, {from, known + 1}), count + 1);
  });
}

TEST(ArcTest, SeekInAnyOrderGivesTheSameAsWalking) {
  ForEachSeed(500, [](Cases& cases) {
    const Arc arc = RandomArc(cases);
    const uint64_t offset = cases.Next();
    ArcWalker walker(arc, offset);
    for (int i = 0; i < 5; ++i) {
      const Slot from = cases.Logarithmic(1'000'000'000);
      const Slot first = walker.Seek(from);
      const Slot second = walker.Next();
      EXPECT_EQ(walker.slot(), second);
      if (second >= Slot{1} << 61) return;  // an arc of a few points: beyond what is exact
      EXPECT_EQ(walker.Seek(first), first);
      EXPECT_EQ(walker.Seek(first + 1), second);
      EXPECT_EQ(walker.Seek(from), first);
    }
  });
}

TEST(ArcTest, AnArcOfOnePointHasItsSlotOnceInACircle) {
  const uint64_t offset = ArcOffset("one point");
  const uint64_t point = SlotPoint(123'456'789, offset);
  ArcWalker walker({point, point}, offset);
  EXPECT_EQ(walker.Seek(0), 123'456'789);
  EXPECT_GE(walker.Next(), Slot{1} << 61);
  EXPECT_GE(walker.Seek(123'456'790), Slot{1} << 61);
}

TEST(ArcTest, FloorSumsCountWhatEnumerationCounts) {
  ForEachSeed(3000, [](Cases& cases) {
    const Arc arc = RandomArc(cases);
    const uint64_t offset = cases.Next();
    const Slot from = cases.OneIn(4) ? 0 : cases.Logarithmic(9'000'000'000'000);
    const SlotRange range{from, from + cases.Between(0, 3000)};
    EXPECT_EQ(CountSlots(arc, offset, range),
              static_cast<int64_t>(BruteForce(arc, offset, range).size()));
  });
}

TEST(ArcTest, CountsOfAPartitionAddUpOverATestOfTrillions) {
  ForEachSeed(500, [](Cases& cases) {
    const std::vector<uint32_t> weights = RandomWeights(cases, 50);
    const uint64_t offset = cases.Next();
    const Slot from = cases.Logarithmic(1'000'000'000'000);
    const SlotRange range{from, from + cases.Logarithmic(8'000'000'000'000)};
    const Slot middle = cases.Between(range.from, range.until);
    int64_t sum = 0;
    bool any = false;
    for (const std::optional<Arc>& arc : DivideArc(kCircle, weights)) {
      if (!arc.has_value()) continue;
      any = true;
      const int64_t count = CountSlots(*arc, offset, range);
      EXPECT_EQ(count, CountSlots(*arc, offset, {range.from, middle}) +
                           CountSlots(*arc, offset, {middle, range.until}));
      sum += count;
    }
    EXPECT_EQ(sum, any ? range.Size() : 0);
  });
}

TEST(ArcTest, AnEmptyRangeCountsNothing) {
  EXPECT_EQ(CountSlots(kCircle, 1, {5, 5}), 0);
  EXPECT_EQ(CountSlots(kCircle, 1, {5, 4}), 0);
  EXPECT_EQ(CountSlots({0, 99}, 1, {5, 5}), 0);
}

TEST(ArcTest, AnOwnersSlotsAreSpreadAlmostEvenly) {
  // Three-gap theorem: the gaps of an arc take three values at most, between 0.4 and 1.9 of their
  // mean 2^64 / size.
  ForEachSeed(2000, [](Cases& cases) {
    const int64_t owners = cases.Between(3, 5000);
    const std::vector<uint32_t> weights(static_cast<size_t>(owners), 1);
    const Arc arc = *DivideArc(kCircle, weights)[static_cast<size_t>(cases.Between(0, owners - 1))];
    ArcWalker walker(arc, cases.Next());
    Slot before = walker.Seek(cases.Logarithmic(1'000'000'000'000));
    std::set<Slot> gaps;
    for (int i = 0; i < 500; ++i) {
      const Slot next = walker.Next();
      gaps.insert(next - before);
      before = next;
    }
    const auto mean = static_cast<double>(owners);
    EXPECT_LE(gaps.size(), 3u);
    EXPECT_GE(static_cast<double>(*gaps.begin()), 0.4 * mean) << owners;
    EXPECT_LE(static_cast<double>(*gaps.rbegin()), 1.9 * mean) << owners;
  });
}

TEST(ArcTest, TheOffsetOfATestNeverChanges) {
  // A changed hash would give running agents other slots: these values are for ever.
  EXPECT_EQ(ArcOffset(""), 0xEFD01F60BA992926u);
  EXPECT_EQ(ArcOffset("a"), 0x82A2A958A9BECE5Bu);
  EXPECT_NE(ArcOffset("01J0000000000000000000000A"), ArcOffset("01J0000000000000000000000B"));
}

}  // namespace
}  // namespace broadside
