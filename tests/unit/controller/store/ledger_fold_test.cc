#include "controller/store/ledger_fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/common/wire/random_spec.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Incarnation Agent(uint64_t i) { return {7, i}; }

TEST(LedgerFoldTest, ReportsAddUpAboveWhatIsSettled) {
  LedgerFold fold;
  fold.Begin("t");
  fold.Add({Agent(1), 1, "t", {{3, 10}, {4, 20}}, -1});
  fold.Add({Agent(1), 2, "t", {{4, 5}, {5, 1}}, 3});
  fold.Add({Agent(1), 3, "t", {{2, 9}}, 1});  // settled already, and it never goes back
  const std::vector<StoredLedgerEntry> entries = fold.Entries();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].settled_through, 3);
  EXPECT_THAT(entries[0].reported, ElementsAre(Pair(4, 25), Pair(5, 1)));
  EXPECT_THAT(fold.Acked(), ElementsAre(Pair(Agent(1), 3)));
}

TEST(LedgerFoldTest, OnlyTestsThatRunHaveEntries) {
  LedgerFold fold;
  fold.Begin("t");
  fold.Add({Agent(1), 1, "t", {{3, 10}}, -1});
  fold.Add({Agent(1), 2, "unknown", {{3, 10}}, -1});
  fold.Add({Agent(2), 1, {}, {}, -1});
  fold.Forget("t");
  EXPECT_THAT(fold.Entries(), IsEmpty());
  EXPECT_THAT(fold.Acked(), ElementsAre(Pair(Agent(1), 2), Pair(Agent(2), 1)));
}

TEST(LedgerFoldTest, ASnapshotGivesTheSameFold) {
  constexpr int kSeeds = 100;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937_64 random(seed);
    LedgerFold fold;
    LedgerFold again;
    for (const TestId test : {"a", "b"}) {
      fold.Begin(test);
      again.Begin(test);
    }
    for (uint64_t seq = 1; seq < 200; ++seq) {
      const TestId test = Random(random, 2) == 0 ? "a" : "b";
      const int64_t k = Random(random, 50);
      fold.Add({Agent(static_cast<uint64_t>(Random(random, 10))),
                seq,
                test,
                {{k, 1 + Random(random, 9)}, {k + 1, 1}},
                k - Random(random, 20)});
    }
    for (const LedgerRecord& record : fold.Snapshot()) again.Add(record);
    EXPECT_EQ(again.Acked(), fold.Acked()) << "seed " << seed;
    const std::vector<StoredLedgerEntry> a = fold.Entries();
    const std::vector<StoredLedgerEntry> b = again.Entries();
    ASSERT_EQ(a.size(), b.size()) << "seed " << seed;
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].settled_through, b[i].settled_through) << "seed " << seed;
      EXPECT_EQ(a[i].reported, b[i].reported) << "seed " << seed;
    }
  }
  RecordProperty("cases", kSeeds);
}

TEST(LedgerFoldTest, TheMarksOfProcessesLongGoneAreForgottenAndOthersStay) {
  LedgerFold fold;
  fold.Begin("t");
  fold.Add({Agent(0), 1, "t", {{1, 1}}, -1});  // silent since, but a test still needs it
  const uint64_t last = 3 * LedgerFold::kMarksMax;
  for (uint64_t i = 2; i <= last; ++i) {
    fold.Add({Agent(i), 1, {}, {}, -1});
    if (i % 1000 == 0) fold.Add({Agent(1), i, {}, {}, -1});  // lives, and reports
  }
  const auto acked = fold.Acked();
  EXPECT_LE(acked.size(), LedgerFold::kMarksMax + LedgerFold::kMarksMax / 4);
  EXPECT_GE(acked.size(), LedgerFold::kMarksMax);
  EXPECT_EQ(acked[0], std::pair(Agent(0), uint64_t{1}));
  EXPECT_EQ(acked[1], std::pair(Agent(1), last));  // 120,000 is a multiple of 1,000
  EXPECT_EQ(acked.back().first, Agent(last));
}

}  // namespace
}  // namespace broadside
