#include "common/core/test_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/core/limits.h"

namespace broadside {

void PrintTo(const FieldError& error, std::ostream* out) {
  *out << error.pointer << ": " << error.detail;
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TestSpec GoodSpec() {
  TestSpec spec;
  spec.name = "checkout";
  spec.target.url = "http://svc.shop:8080/cart?x=1";
  spec.target.host = "svc.shop";
  spec.target.port = 8080;
  spec.target.path = "/cart?x=1";
  spec.target.headers = {{"Accept", "*/*"}, {"Host", "shop"}};
  spec.load.stages = {{30'000, 1000 * kMicro, 1000 * kMicro},
                      {60'000, 1000 * kMicro, 5000 * kMicro}};
  return spec;
}

TEST(TestSpecTest, LastsAsLongAsItsStages) {
  EXPECT_EQ(GoodSpec().DurationMs(), 90'000);  // 30 s + 60 s
  TestSpec closed = GoodSpec();
  closed.load.model = LoadModel::kClosed;
  closed.load.duration_ms = 7;
  EXPECT_EQ(closed.DurationMs(), 7);
}

TEST(TestSpecTest, AcceptsAGoodSpec) { EXPECT_THAT(Validate(GoodSpec()), IsEmpty()); }

TEST(TestSpecTest, AcceptsTheLargestOfEverything) {
  TestSpec spec = GoodSpec();
  spec.name = std::string(200, 'x');
  spec.target.method = "PURGE";
  spec.target.body = std::string(limits::kRequestBodyBytesMax, '\0');
  spec.load.stages = {{limits::kTestDurationMax.count(), 0, limits::kMicroRateMax}};
  spec.timeout = limits::kTimeoutMax;
  spec.max_lateness = limits::kMaxLatenessMax;
  spec.connections.max_per_agent = limits::kConnectionsPerAgentMax;
  spec.connections.max_age = limits::kMaxAgeMax;
  spec.agents.min = limits::kAgentsMinMax;
  EXPECT_THAT(Validate(spec), IsEmpty());
}

TEST(TestSpecTest, CountsTheNamesCharactersNotItsBytes) {
  TestSpec spec = GoodSpec();
  spec.name.clear();
  for (int i = 0; i < 200; ++i) spec.name += "\u20ac";  // 600 bytes
  EXPECT_THAT(Validate(spec), IsEmpty());
}

struct BadRow {
  std::function<void(TestSpec&)> change;
  FieldError error;
};

void ExpectErrors(const std::vector<BadRow>& rows) {
  for (const BadRow& row : rows) {
    TestSpec spec = GoodSpec();
    row.change(spec);
    EXPECT_THAT(Validate(spec), ElementsAre(row.error));
  }
}

TEST(TestSpecTest, RefusesABadName) {
  ExpectErrors({
      {[](TestSpec& s) { s.name = ""; }, {"/name", "is empty; 1 to 200 characters are needed"}},
      {[](TestSpec& s) { s.name = std::string(201, 'x'); }, {"/name", "201 characters exceed 200"}},
      {[](TestSpec& s) { s.name = "a\nb"; },
       {"/name", "character 2 is U+000A, which is not printable"}},
      {[](TestSpec& s) { s.name = std::string("\0", 1); },
       {"/name", "character 1 is U+0000, which is not printable"}},
      {[](TestSpec& s) { s.name = "\u20ac\u202e"; },
       {"/name", "character 2 is U+202E, which is not printable"}},
      {[](TestSpec& s) { s.name = "\xff"; }, {"/name", "is not valid UTF-8"}},
  });
}

TEST(TestSpecTest, RefusesABadTarget) {
  ExpectErrors({
      {[](TestSpec& s) { s.target.url = "https://svc/"; },
       {"/target/url", "https is not supported yet; use http"}},
      {[](TestSpec& s) { s.target.url = "HTTPS://svc/"; },
       {"/target/url", "https is not supported yet; use http"}},
      {[](TestSpec& s) { s.target.url = ""; }, {"/target/url", "is empty"}},
      {[](TestSpec& s) { s.target.url = std::string(8193, 'x'); },
       {"/target/url", "8193 bytes exceed 8192"}},
      {[](TestSpec& s) { s.target.host = ""; }, {"/target/url", "has no host"}},
      {[](TestSpec& s) { s.target.port = 0; }, {"/target/url", "port 0 is not within 1 to 65535"}},
      {[](TestSpec& s) { s.target.path = "x"; },
       {"/target/url", "has a path that does not begin with \"/\""}},
      {[](TestSpec& s) { s.target.path = "/ HTTP/1.1\r\nX: y"; },
       {"/target/url", "has a character that is not allowed in a URL; percent-encode it"}},
      {[](TestSpec& s) { s.target.host = "a\nb"; },
       {"/target/url", "has a character that is not allowed in a URL; percent-encode it"}},
      {[](TestSpec& s) { s.target.body = std::string(limits::kRequestBodyBytesMax + 1, 'x'); },
       {"/target/body", "1048577 bytes exceed 1048576"}},
      {[](TestSpec& s) { s.target.version_header = "X Version"; },
       {"/target/version_header", "\"X Version\" is no header name"}},
  });
}

TEST(TestSpecTest, RefusesABadMethod) {
  ExpectErrors({
      {[](TestSpec& s) { s.target.method = ""; }, {"/target/method", "\"\" is no HTTP method"}},
      {[](TestSpec& s) { s.target.method = "GET /"; },
       {"/target/method", "\"GET /\" is no HTTP method"}},
      {[](TestSpec& s) { s.target.method = "get"; },
       {"/target/method", "\"get\" is no known method (methods are case-sensitive; use \"GET\")"}},
      {[](TestSpec& s) { s.target.method = "CONNECT"; },
       {"/target/method", "CONNECT is not supported"}},
      {[](TestSpec& s) { s.target.method = "trace"; },
       {"/target/method", "TRACE is not supported"}},
      {[](TestSpec& s) { s.target.method = std::string(65, 'X'); },
       {"/target/method", "65 bytes exceed 64"}},
  });
}

TEST(TestSpecTest, RefusesABadHeader) {
  ExpectErrors({
      {[](TestSpec& s) {
         s.target.headers = {{"content-length", "3"}};
       },
       {"/target/headers/content-length",
        "content-length is set by the generator and cannot be given"}},
      {[](TestSpec& s) {
         s.target.headers = {{"Transfer-Encoding", "chunked"}};
       },
       {"/target/headers/Transfer-Encoding",
        "Transfer-Encoding is set by the generator and cannot be given"}},
      {[](TestSpec& s) {
         s.target.headers = {{"Connection", "close"}};
       },
       {"/target/headers/Connection", "Connection is set by the generator and cannot be given"}},
      {[](TestSpec& s) {
         s.target.headers = {{"a~/b", "x"}};
       },
       {"/target/headers/a~0~1b", "\"a~/b\" is no header name"}},
      {[](TestSpec& s) {
         s.target.headers = {{"", "x"}};
       },
       {"/target/headers/", "\"\" is no header name"}},
      {[](TestSpec& s) {
         s.target.headers = {{"X", "a\r\nInjected: 1"}};
       },
       {"/target/headers/X", "the value contains CR, LF or NUL"}},
      {[](TestSpec& s) {
         s.target.headers = {{"X", std::string("a\0b", 3)}};
       },
       {"/target/headers/X", "the value contains CR, LF or NUL"}},
      {[](TestSpec& s) {
         s.target.headers = {{"X", "\x1b"}};
       },
       {"/target/headers/X", "the value contains a control character"}},
      {[](TestSpec& s) {
         s.target.headers = {{"X", "\xc3"}};
       },
       {"/target/headers/X", "the value is not valid UTF-8"}},
      {[](TestSpec& s) {
         s.target.headers = {{"Host", ""}};
       },
       {"/target/headers/Host", "Host is empty"}},
      {[](TestSpec& s) {
         s.target.headers = {{"Accept", "a"}, {"accept", "b"}};
       },
       {"/target/headers/accept", "repeats \"Accept\" (header names ignore case)"}},
      {[](TestSpec& s) {
         s.target.headers.assign(101, {"X", ""});
       },
       {"/target/headers", "101 headers exceed 100"}},
      // 1 + 65532 + 4 bytes of ": " and CR LF = 65537
      {[](TestSpec& s) {
         s.target.headers = {{"X", std::string(65532, 'x')}};
       },
       {"/target/headers", "65537 bytes exceed 65536"}},
  });
}

TEST(TestSpecTest, RefusesABadLoad) {
  ExpectErrors({
      {[](TestSpec& s) { s.load.model = LoadModel::kClosed; },
       {"/load/model", "the closed loop is not supported yet; use the open loop, with a rate"}},
      {[](TestSpec& s) { s.load.arrivals = Arrivals::kPoisson; },
       {"/load/arrivals", "\"poisson\" is not supported yet (supported: even)"}},
      {[](TestSpec& s) { s.load.stages.clear(); },
       {"/load/stages", "is empty; at least one stage is needed"}},
      {[](TestSpec& s) {
         s.load.stages.assign(1001, {1000, 0, 0});
       },
       {"/load/stages", "1001 stages exceed 1000"}},
      {[](TestSpec& s) {
         s.load.stages = {{1000, 20'000'000 * kMicro, 20'000'000 * kMicro}};
       },
       {"/load/stages/0/rate", "20000000 exceeds 10000000"}},
      {[](TestSpec& s) { s.load.stages[1].rate_from = -1; },
       {"/load/stages/1/from", "-0.000001 is below 0"}},
      {[](TestSpec& s) { s.load.stages[1].rate_to = limits::kMicroRateMax + 1; },
       {"/load/stages/1/to", "10000000.000001 exceeds 10000000"}},
      {[](TestSpec& s) { s.load.stages[0].duration_ms = 0; },
       {"/load/stages/0/duration", "0 ms is below 1 ms"}},
      {[](TestSpec& s) { s.load.stages[0].duration_ms = INT64_MAX; },
       {"/load/stages/0/duration", "9223372036854775807 ms exceeds 604800000 ms"}},
      {[](TestSpec& s) {
         s.load.stages = {{604'800'000, 0, 0}, {1, 0, 0}};
       },
       {"/load/stages", "take 604800001 ms, which exceeds 604800000 ms (7 days)"}},
  });
}

TEST(TestSpecTest, RefusesNumbersOutOfRange) {
  ExpectErrors({
      {[](TestSpec& s) { s.timeout = Millis(0); }, {"/timeout", "0 ms is below 1 ms"}},
      {[](TestSpec& s) { s.timeout = Millis(250'001); },
       {"/timeout", "250001 ms exceeds 250000 ms"}},
      {[](TestSpec& s) { s.max_lateness = Millis(60'001); },
       {"/max_lateness", "60001 ms exceeds 60000 ms"}},
      {[](TestSpec& s) { s.connections.max_per_agent = 0; },
       {"/connections/max_per_agent", "0 is below 1"}},
      {[](TestSpec& s) { s.connections.max_age = Millis(99); },
       {"/connections/max_age", "99 ms is below 100 ms"}},
      {[](TestSpec& s) { s.agents.min = 20'001; }, {"/agents/min", "20001 exceeds 20000"}},
  });
}

TEST(TestSpecTest, RefusesTooManyThresholdsOfOneMetric) {
  TestSpec spec = GoodSpec();
  const Threshold good = ParseThreshold(ThresholdMetric::kFailed, "rate<1").value();
  spec.thresholds.assign(21, good);
  spec.thresholds[3].delay_abort_eval = Millis(-1);
  EXPECT_THAT(
      Validate(spec),
      ElementsAre(FieldError{"/thresholds/http_req_failed/3/delayAbortEval", "-1 ms is below 0 ms"},
                  FieldError{"/thresholds/http_req_failed", "more than 20 thresholds"}));
}

TEST(TestSpecTest, ReportsAllErrorsInTheOrderOfTheFields) {
  TestSpec spec;
  spec.timeout = Millis(0);
  spec.agents.min = 0;
  EXPECT_THAT(Validate(spec),
              ElementsAre(FieldError{"/name", "is empty; 1 to 200 characters are needed"},
                          FieldError{"/target/url", "is empty"},
                          FieldError{"/load/stages", "is empty; at least one stage is needed"},
                          FieldError{"/timeout", "0 ms is below 1 ms"},
                          FieldError{"/agents/min", "0 is below 1"}));
}

TEST(MicroRateTest, IsWrittenWithoutTrailingZeros) {
  EXPECT_EQ(FormatMicroRate(0), "0");
  EXPECT_EQ(FormatMicroRate(1), "0.000001");
  EXPECT_EQ(FormatMicroRate(100'000), "0.1");
  EXPECT_EQ(FormatMicroRate(1'500'000), "1.5");
  EXPECT_EQ(FormatMicroRate(10'000'000 * kMicro), "10000000");
  EXPECT_EQ(FormatMicroRate(INT64_MIN), "-9223372036854.775808");
}

TEST(PointerTokenTest, EscapesTildeAndSlash) {
  EXPECT_EQ(EscapePointerToken("a/b~c"), "a~1b~0c");
  EXPECT_EQ(EscapePointerToken(""), "");
}

}  // namespace
}  // namespace broadside
