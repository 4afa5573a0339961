#include "agent/core/backoff.h"

#include <gtest/gtest.h>

#include "common/core/limits.h"

namespace broadside {
namespace {

TEST(BackoffTest, DoublesItsRangeUpToTwoSeconds) {
  const std::pair<Millis, Millis> rows[] = {{Millis(200), Millis(400)},
                                            {Millis(400), Millis(800)},
                                            {Millis(800), Millis(1600)},
                                            {Millis(1000), Millis(2000)},
                                            {Millis(1000), Millis(2000)}};
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Backoff backoff(seed);
    for (const auto& [low, high] : rows) {
      const Nanos wait = backoff.Next();
      EXPECT_GE(wait, low) << "seed " << seed;
      EXPECT_LE(wait, high) << "seed " << seed;
    }
    backoff.Reset();
    EXPECT_LE(backoff.Next(), Millis(400)) << "seed " << seed;
  }
}

TEST(BackoffTest, SpreadsAWaitByUpToAFifth) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Nanos wait = Backoff(seed).Spread(Seconds(5));
    EXPECT_GE(wait, Seconds(5));
    EXPECT_LE(wait, Seconds(6));
  }
}

TEST(BackoffTest, IsTheSameForTheSameSeedAndOtherForAnother) {
  EXPECT_EQ(Backoff(1).Next(), Backoff(1).Next());
  EXPECT_NE(Backoff(1).Next(), Backoff(2).Next());
}

}  // namespace
}  // namespace broadside
