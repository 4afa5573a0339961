#include "common/wire/rfc3339.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

std::string At(int64_t nanos) { return FormatRfc3339(WallTime(Nanos(nanos))); }

TEST(Rfc3339Test, WritesUtcWithAsManyFractionDigitsAsAreExact) {
  EXPECT_EQ(At(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(At(1'000'000'000'250'000'000), "2001-09-09T01:46:40.250Z");
  EXPECT_EQ(At(1'000'000'000'250'001'000), "2001-09-09T01:46:40.250001Z");
  EXPECT_EQ(At(1'000'000'000'000'000'001), "2001-09-09T01:46:40.000000001Z");
}

TEST(Rfc3339Test, KnowsLeapDaysAndTimesBeforeTheEpoch) {
  EXPECT_EQ(At(951'782'400'000'000'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(At(-1), "1969-12-31T23:59:59.999999999Z");
}

}  // namespace
}  // namespace broadside
