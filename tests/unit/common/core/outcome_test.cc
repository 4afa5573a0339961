#include "common/core/outcome.h"

#include <gtest/gtest.h>

#include <set>

namespace broadside {
namespace {

TEST(OutcomeTest, EveryOutcomeHasANameOfItsOwnThatLeadsBack) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    names.insert(OutcomeName(outcome));
    EXPECT_EQ(OutcomeFromName(OutcomeName(outcome)), outcome);
  }
  EXPECT_EQ(names.size(), kOutcomeCount);
  EXPECT_EQ(OutcomeFromName("OK"), std::nullopt);
  EXPECT_EQ(OutcomeFromName(""), std::nullopt);
}

TEST(OutcomeTest, NumbersOfTheWireAndTheStoreStay) {
  EXPECT_EQ(OutcomeName(static_cast<Outcome>(0)), "ok");
  EXPECT_EQ(OutcomeName(static_cast<Outcome>(6)), "timeout");
  EXPECT_EQ(OutcomeName(static_cast<Outcome>(9)), "skipped");
  EXPECT_EQ(OutcomeName(static_cast<Outcome>(13)), "unknown");
}

TEST(OutcomeTest, WhatWasSentHasASendLag) {
  EXPECT_TRUE(WasSent(Outcome::kOk));
  EXPECT_TRUE(WasSent(Outcome::kAbandoned));
  EXPECT_FALSE(WasSent(Outcome::kSkipped));
  EXPECT_FALSE(WasSent(Outcome::kConnectError));
  EXPECT_FALSE(WasSent(Outcome::kUnknown));
}

TEST(OutcomeTest, CountsAddByOutcome) {
  OutcomeCounts a, b;
  a[Outcome::kOk] = 3;
  b[Outcome::kOk] = 4;
  b[Outcome::kReset] = 1;
  a += b;
  const OutcomeCounts& sum = a;
  EXPECT_EQ(sum[Outcome::kOk], 7u);
  EXPECT_EQ(sum[Outcome::kReset], 1u);
  EXPECT_EQ(sum.Total(), 8u);
}

}  // namespace
}  // namespace broadside
