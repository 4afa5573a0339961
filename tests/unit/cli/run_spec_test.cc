#include "cli/run_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broadside {
namespace {

RunSpecFlags Good() { return {.url = "http://svc:8080/x", .rate = "0.1", .duration = "1m"}; }

std::string ErrorOf(const RunSpecFlags& flags) {
  const absl::StatusOr<TestSpec> spec = MakeRunSpec(flags);
  return spec.ok() ? "ok" : std::string(spec.status().message());
}

TEST(RunSpecTest, KeepsTheRateAsItWasWritten) {
  const absl::StatusOr<TestSpec> spec = MakeRunSpec(Good());
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->load.stages[0].rate_from, 100'000);  // 0.1/s in millionths
}

TEST(RunSpecTest, TakesHeadersBodyAndThresholds) {
  RunSpecFlags flags = Good();
  flags.headers = {"A: b", "C:d:e", "Empty:"};
  flags.method = "POST";
  flags.body = "{\"a\": \"\\\"\"}";
  flags.thresholds = {"http_reqs:count>1", "http_req_failed:rate<0.01", "http_reqs:rate>1"};
  const absl::StatusOr<TestSpec> spec = MakeRunSpec(flags);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_THAT(spec->target.headers,
              testing::ElementsAre(testing::Pair("A", "b"), testing::Pair("C", "d:e"),
                                   testing::Pair("Empty", "")));
  EXPECT_EQ(spec->target.body, flags.body);
  EXPECT_EQ(spec->thresholds.size(), 3u);
}

TEST(RunSpecTest, NamesTheFlagThatIsWrong) {
  RunSpecFlags flags = Good();
  flags.rate = "-1";
  EXPECT_EQ(ErrorOf(flags), "--rate: -1 is below 0");
  flags = Good();
  flags.duration = "0s";
  EXPECT_EQ(ErrorOf(flags), "--duration: 0 ms is below 1 ms");
  flags = Good();
  flags.connections = "5";
  EXPECT_THAT(ErrorOf(flags), testing::HasSubstr("-c and -r exclude each other"));
  flags.rate = "";
  EXPECT_THAT(ErrorOf(flags), testing::StartsWith("--connections: "));
  flags = Good();
  flags.file = "spec.yaml";
  EXPECT_THAT(ErrorOf(flags), testing::HasSubstr("exclude each other"));
}

}  // namespace
}  // namespace broadside
