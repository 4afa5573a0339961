#include "cli/run_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace broadside {
namespace {

RunSpecFlags Good() { return {.url = "http://svc:8080/x", .rate = "0.1", .duration = "1m"}; }

std::string ErrorOf(const RunSpecFlags& flags) {
  const absl::StatusOr<RunSpec> run = MakeRunSpec(flags);
  return run.ok() ? "ok" : std::string(run.status().message());
}

TEST(RunSpecTest, KeepsTheRateAsItWasWritten) {
  const absl::StatusOr<RunSpec> run = MakeRunSpec(Good());
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->spec.load.stages[0].rate_from, 100'000);  // 0.1/s in millionths
}

TEST(RunSpecTest, TakesHeadersBodyAndThresholds) {
  RunSpecFlags flags = Good();
  flags.headers = {"A: b", "C:d:e", "Empty:"};
  flags.method = "POST";
  flags.body = "{\"a\": \"\\\"\"}";
  flags.thresholds = {"http_reqs:count>1", "http_req_failed:rate<0.01", "http_reqs:rate>1"};
  const absl::StatusOr<RunSpec> run = MakeRunSpec(flags);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run->spec.target.headers,
              testing::ElementsAre(testing::Pair("A", "b"), testing::Pair("C", "d:e"),
                                   testing::Pair("Empty", "")));
  EXPECT_EQ(run->spec.target.body, flags.body);
  EXPECT_EQ(run->spec.thresholds.size(), 3u);
}

TEST(RunSpecTest, TakesTheNameOrCallsItRun) {
  RunSpecFlags flags = Good();
  EXPECT_EQ(MakeRunSpec(flags)->spec.name, "run");
  flags.name = "release 42";
  EXPECT_EQ(MakeRunSpec(flags)->spec.name, "release 42");
}

TEST(RunSpecTest, TakesABodyThatIsNoText) {
  RunSpecFlags flags = Good();
  flags.body = "\xff\x01";
  const absl::StatusOr<RunSpec> run = MakeRunSpec(flags);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->spec.target.body, flags.body);
}

TEST(RunSpecTest, NamesTheFlagThatIsWrong) {
  struct Row {
    void (*change)(RunSpecFlags&);
    const char* error;
  };
  const std::vector<Row> rows = {
      {[](RunSpecFlags& f) { f.url = "http:///"; }, "URL: has no host"},
      {[](RunSpecFlags& f) { f.url = ""; }, "give a URL or -f FILE"},
      {[](RunSpecFlags& f) { f.url = "/proc/self/status"; },
       "URL /proc/self/status is a file: give it with -f"},
      {[](RunSpecFlags& f) { f.name = "a\nb"; },
       "--name: character 2 is U+000A, which is not printable"},
      {[](RunSpecFlags& f) { f.rate = "-1"; }, "--rate: -1 is below 0"},
      {[](RunSpecFlags& f) { f.rate = "fast"; },
       "--rate fast: must be a number of requests per second"},
      {[](RunSpecFlags& f) { f.duration = "0s"; }, "--duration: 0 ms is below 1 ms"},
      {[](RunSpecFlags& f) { f.duration = "8d"; },
       "--duration: \"8d\" has an unknown unit (units: ns, us, ms, s, m, h)"},
      {[](RunSpecFlags& f) { f.method = "get"; },
       "--method: \"get\" is no known method (methods are case-sensitive; use \"GET\")"},
      {[](RunSpecFlags& f) {
         f.headers = {"A: b", "C: d\re"};
       },
       "--header C: the value contains CR, LF or NUL"},
      {[](RunSpecFlags& f) {
         f.headers = {"A: b", "A: c"};
       },
       "--header A: is given twice"},
      {[](RunSpecFlags& f) { f.headers = {"A/~b: b"}; },
       "--header A/~b: \"A/~b\" is no header name"},
      {[](RunSpecFlags& f) { f.headers = {"A\r\nB: b"}; },
       "--header A\\x0d\\x0aB: \"A\\x0d\\x0aB\" is no header name"},
      {[](RunSpecFlags& f) { f.headers = {"A: \xff"}; }, "--header \"A\": is not valid UTF-8"},
      {[](RunSpecFlags& f) { f.headers = {"A"}; }, "--header A: must be 'Name: value'"},
      {[](RunSpecFlags& f) { f.body = std::string((1 << 20) + 1, 'x'); },
       "--body: 1048577 bytes exceed 1048576"},
      {[](RunSpecFlags& f) { f.body = std::string((1 << 20) + 1, '\xff'); },
       "--body: 1048577 bytes exceed 1048576"},
      {[](RunSpecFlags& f) { f.body = "@/no/such/file"; },
       "--body: cannot read /no/such/file: does it exist?"},
      {[](RunSpecFlags& f) { f.timeout = "251s"; }, "--timeout: 251000 ms exceeds 250000 ms"},
      {[](RunSpecFlags& f) { f.thresholds = {"latency:p(99)<1"}; },
       "--threshold latency: \"latency\" is no metric (known: http_req_duration, service_time, "
       "send_lag, http_req_failed, http_reqs)"},
      {[](RunSpecFlags& f) {
         f.thresholds = {"http_reqs:rate>1", "http_reqs:rate>>1"};
       },
       "--threshold http_reqs:rate>>1: at character 6: expected a number for http_reqs, found "
       "\">1\""},
      // A closed loop is known, and refused until it is there.
      {[](RunSpecFlags& f) { f.connections = "5"; },
       "-c and -r exclude each other: a closed loop has no rate"},
      {[](RunSpecFlags& f) { f.rate = "", f.connections = "5"; },
       "--connections: the closed loop is not supported yet; use the open loop, with a rate"},
      {[](RunSpecFlags& f) { f.rate = "", f.connections = "5", f.duration = "x"; },
       "--duration: \"x\" is no duration (such as 30s, 1m30s or 250ms)\n"
       "--connections: the closed loop is not supported yet; use the open loop, with a rate"},
      {[](RunSpecFlags& f) { f.rate = "", f.connections = "many"; },
       "--connections many: must be a whole number"},
      {[](RunSpecFlags& f) { f.file = "spec.yaml"; },
       "-f and the flags of a test exclude each other: change the file"},
  };
  for (const Row& row : rows) {
    RunSpecFlags flags = Good();
    row.change(flags);
    EXPECT_EQ(ErrorOf(flags), row.error);
  }
}

}  // namespace
}  // namespace broadside
