#include "controller/core/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace broadside {
namespace {

using ::testing::HasSubstr;

constexpr Incarnation kAnna{1, 1};
constexpr Incarnation kBert{1, 2};

TestDelta Reported(int64_t k, uint64_t slots, int64_t settled_through = -1) {
  TestDelta delta;
  delta.by_due[k].outcomes[Outcome::kOk] = slots;
  delta.settled_through = settled_through;
  return delta;
}

std::string Why(const absl::Status& status) { return std::string(status.message()); }

TEST(LedgerTest, OutstandingIsGrantedMinusReported) {
  Ledger ledger;
  ledger.Grant(kAnna, 0, 60);
  ledger.Grant(kBert, 0, 40);
  ASSERT_TRUE(ledger.Report(kAnna, Reported(0, 25)).ok());
  EXPECT_EQ(ledger.Outstanding(0), 75);  // 60 + 40 - 25
  EXPECT_EQ(ledger.OutstandingOf(kAnna), 35);
  EXPECT_EQ(ledger.total_outstanding(), 75);
}

TEST(LedgerTest, MoreReportedThanGrantedIsAnError) {
  Ledger ledger;
  ledger.Grant(kAnna, 3, 10);
  ASSERT_TRUE(ledger.Report(kAnna, Reported(3, 10)).ok());
  EXPECT_THAT(Why(ledger.Report(kAnna, Reported(3, 1))),
              HasSubstr("reported 11 slots of interval 3, but was granted 10"));
}

TEST(LedgerTest, ASegmentOfAnotherIsAnError) {
  Ledger ledger;
  ledger.Grant(kAnna, 3, 10);
  EXPECT_THAT(Why(ledger.Report(kBert, Reported(3, 1))), HasSubstr("of which it owns none"));
}

TEST(LedgerTest, SettledWithSlotsMissingIsAnError) {
  Ledger ledger;
  ledger.Grant(kAnna, 3, 10);
  EXPECT_THAT(Why(ledger.Report(kAnna, Reported(3, 9, 3))),
              HasSubstr("settled with 9 of 10 slots"));
}

TEST(LedgerTest, SettlingWhatWasNeverGrantedIsAnErrorAndNoCrashLater) {
  Ledger ledger;
  ledger.Grant(kAnna, 3, 10);
  TestDelta delta;
  delta.settled_through = 1000;
  EXPECT_THAT(Why(ledger.Report(kAnna, delta)), HasSubstr("was granted none after 3"));
}

TEST(LedgerTest, WhatIsSettledIsForgottenAndCannotBeReportedAgain) {
  Ledger ledger;
  ledger.Grant(kAnna, 0, 10);
  ASSERT_TRUE(ledger.Report(kAnna, Reported(0, 10, 0)).ok());
  EXPECT_EQ(ledger.OutstandingOf(kAnna), 0);
  EXPECT_FALSE(ledger.Report(kAnna, Reported(0, 1, 0)).ok());
}

TEST(LedgerTest, TheWriteOffIsAllThatIsOutstanding) {
  Ledger ledger;
  ledger.Grant(kAnna, 0, 10);
  ledger.Grant(kAnna, 1, 10);
  ASSERT_TRUE(ledger.Report(kAnna, Reported(1, 4)).ok());
  EXPECT_EQ(ledger.WriteOff(), (std::map<int64_t, int64_t>{{0, 10}, {1, 6}}));
  EXPECT_EQ(ledger.total_outstanding(), 0);
}

TEST(LedgerTest, ARestoredLedgerGoesOnWhereTheStoreWas) {
  Ledger ledger;
  ledger.Grant(kAnna, 4, 10);
  ledger.Grant(kAnna, 5, 10);
  ledger.Restore(kAnna, 4, {{5, 3}});  // 4 is settled, 3 of 5 are reported
  EXPECT_EQ(ledger.total_outstanding(), 7);
  EXPECT_TRUE(ledger.Report(kAnna, Reported(5, 7, 5)).ok());
  EXPECT_EQ(ledger.total_outstanding(), 0);
}

// Any grants, reported in any pieces: outstanding is always what is missing, by segment, by owner
// and in all.
TEST(LedgerTest, BalancesForAnyReports) {
  constexpr int kCases = 300;
  for (uint64_t seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Ledger ledger;
    std::map<std::pair<uint64_t, int64_t>, int64_t> open;
    for (uint64_t owner = 0; owner < 4; ++owner) {
      for (int64_t k = 0; k < 6; ++k) {
        const auto slots = static_cast<int64_t>(random() % 50);
        ledger.Grant({9, owner}, k, slots);
        open[{owner, k}] = slots;
      }
    }
    for (int step = 0; step < 60; ++step) {
      const uint64_t owner = random() % 4;
      const auto k = static_cast<int64_t>(random() % 6);
      int64_t& left = open[{owner, k}];
      const int64_t now =
          left == 0 ? 0 : static_cast<int64_t>(random() % static_cast<uint64_t>(left + 1));
      ASSERT_TRUE(ledger.Report({9, owner}, Reported(k, static_cast<uint64_t>(now))).ok());
      left -= now;
    }
    std::map<int64_t, int64_t> by_segment;
    int64_t total = 0;
    for (const auto& [key, left] : open) {
      by_segment[key.second] += left;
      total += left;
    }
    for (const auto& [k, left] : by_segment) ASSERT_EQ(ledger.Outstanding(k), left);
    ASSERT_EQ(ledger.total_outstanding(), total);
  }
  RecordProperty("cases", kCases);
}

}  // namespace
}  // namespace broadside
