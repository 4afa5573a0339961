#include "common/wire/spec_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "common/core/limits.h"
#include "tests/unit/common/wire/random_spec.h"

namespace broadside {

void PrintTo(const FieldError& error, std::ostream* out) {
  *out << error.pointer << ": " << error.detail;
}

namespace {

using testing::ElementsAre;

constexpr std::string_view kExample = R"({
  "name": "checkout",
  "target":  {"url": "http://svc.shop:8080/cart", "method": "GET", "headers": {"Accept": "*/*"}, "body": ""},
  "load":    {"model": "open", "arrivals": "even", "stages": [
                {"duration": "30s", "rate": 1000},
                {"duration": "1m", "from": 1000, "to": 5000}]},
  "timeout": "5s", "max_lateness": "1s",
  "connections": {"max_per_agent": 1000, "keepalive": true, "max_age": "30s", "resend_idle_closed": true},
  "thresholds": {"http_req_duration": ["p(99)<200"], "http_req_failed": ["rate<0.01"]},
  "agents": {"min": 1}
})";

constexpr std::string_view kSmallest =
    R"({"name":"x","target":{"url":"http://svc"},"load":{"stages":[{"duration_ms":1,"rate":0}]}})";

// Every example of this file and what became of it goes to the file that BROADSIDE_SPEC_EXAMPLES
// names, a JSON object a line, for tests/e2e/spec_schema_test.py, which holds the JSON Schema of
// the spec against them.
std::variant<TestSpec, SpecProblem> Parse(std::string_view json) {
  auto parsed = ParseTestSpec(json);
  static const char* const file = std::getenv("BROADSIDE_SPEC_EXAMPLES");
  const auto* problem = std::get_if<SpecProblem>(&parsed);
  if (file == nullptr || (problem != nullptr && problem->IsSyntax())) return parsed;
  nlohmann::json example = {{"text", json}, {"errors", nlohmann::json::array()}};
  if (problem != nullptr) {
    for (const FieldError& error : problem->fields())
      example["errors"].push_back({{"pointer", error.pointer}, {"detail", error.detail}});
  }
  static std::ofstream out(file);
  out << example.dump() << std::endl;
  return parsed;
}

TestSpec Good(std::string_view json) {
  auto parsed = Parse(json);
  if (const auto* problem = std::get_if<SpecProblem>(&parsed)) {
    ADD_FAILURE() << json << ": " << problem->ToString();
    return {};
  }
  return std::get<TestSpec>(std::move(parsed));
}

std::vector<FieldError> Bad(std::string_view json) {
  const auto parsed = Parse(json);
  const auto* problem = std::get_if<SpecProblem>(&parsed);
  if (problem == nullptr || problem->IsSyntax()) {
    ADD_FAILURE() << json << (problem == nullptr ? " is accepted" : " is no JSON");
    return {};
  }
  return problem->fields();
}

// The example with `change`, a merge patch (null removes a member).
std::string Patched(std::string_view change) {
  auto json = nlohmann::json::parse(kExample);
  json.merge_patch(nlohmann::json::parse(change));
  return json.dump();
}

TEST(SpecJsonTest, ReadsTheExample) {
  const TestSpec spec = Good(kExample);
  EXPECT_EQ(spec.name, "checkout");
  EXPECT_EQ(spec.target.host, "svc.shop");
  EXPECT_EQ(spec.target.port, 8080);
  EXPECT_EQ(spec.target.path, "/cart");
  EXPECT_THAT(spec.target.headers, ElementsAre(std::pair("Accept", "*/*")));
  EXPECT_THAT(spec.load.stages, ElementsAre(Stage{30'000, 1000 * kMicro, 1000 * kMicro},
                                            Stage{60'000, 1000 * kMicro, 5000 * kMicro}));
  ASSERT_EQ(spec.thresholds.size(), 2u);
  EXPECT_EQ(spec.thresholds[0],
            ParseThreshold(ThresholdMetric::kResponseTime, "p(99)<200").value());
  EXPECT_EQ(spec.thresholds[1], ParseThreshold(ThresholdMetric::kFailed, "rate<0.01").value());
}

TEST(SpecJsonTest, FillsInTheDefaults) {
  TestSpec expected;
  expected.name = "x";
  expected.target.url = "http://svc";
  expected.target.host = "svc";
  expected.load.stages = {{1, 0, 0}};
  EXPECT_EQ(Good(kSmallest), expected);
}

TEST(SpecJsonTest, ShowsTheDefaultsInTheCanonicalForm) {
  EXPECT_EQ(
      TestSpecToJson(Good(kSmallest)).dump(),
      R"({"name":"x","target":{"url":"http://svc","method":"GET","headers":{},"body":""},)"
      R"("load":{"model":"open","arrivals":"even","stages":[{"duration":"1ms","rate":0}]},)"
      R"("timeout":"5s","max_lateness":"1s","connections":{"max_per_agent":1000,"keepalive":true,)"
      R"("max_age":"30s","resend_idle_closed":true},"thresholds":{},"agents":{"min":1,"use":"auto"}})");
}

TEST(SpecJsonTest, TakesMillisecondsInPlaceOfDurations) {
  const TestSpec spec =
      Good(R"({"name":"x","target":{"url":"http://svc"},"timeout_ms":7,"max_lateness_ms":8,
    "connections":{"max_age_ms":100},"load":{"stages":[{"duration_ms":1500.0,"rate":0.1}]}})");
  EXPECT_EQ(spec.timeout, Millis(7));
  EXPECT_EQ(spec.max_lateness, Millis(8));
  EXPECT_EQ(spec.connections.max_age, Millis(100));
  EXPECT_THAT(spec.load.stages, ElementsAre(Stage{1500, 100'000, 100'000}));
}

TEST(SpecJsonTest, TakesThresholdsAsObjectsAsInK6) {
  const TestSpec spec = Good(Patched(R"({"thresholds":{"http_reqs":[
    {"threshold":"count>10","abortOnFail":true,"delayAbortEval":"10s"},
    {"threshold":"rate>1","delayAbortEval":1500}, "rate>2"]}})"));
  ASSERT_EQ(spec.thresholds.size(), 5u);
  const auto& list = spec.thresholds;  // after http_req_duration and http_req_failed
  EXPECT_TRUE(list[2].abort_on_fail);
  EXPECT_EQ(list[2].delay_abort_eval, Millis(10'000));
  EXPECT_FALSE(list[3].abort_on_fail);
  EXPECT_EQ(list[3].delay_abort_eval, Millis(1'500));
  EXPECT_EQ(list[4].expression, "rate>2");
}

TEST(SpecJsonTest, TakesABodyInBase64) {
  const TestSpec spec = Good(Patched(R"({"target":{"body":null,"body_base64":"AP9h"}})"));
  EXPECT_EQ(spec.target.body, std::string("\0\xff"
                                          "a",
                                          3));
  EXPECT_EQ(TestSpecToJson(spec)["target"]["body_base64"], "AP9h");
}

struct Row {
  const char* change;
  FieldError error;
};

void ExpectErrors(const std::vector<Row>& rows) {
  for (const Row& row : rows)
    EXPECT_THAT(Bad(Patched(row.change)), ElementsAre(row.error)) << row.change;
}

TEST(SpecJsonTest, NamesMissingKeysByTheirOwnPointer) {
  ExpectErrors({
      {R"({"name":null})", {"/name", "is missing"}},
      {R"({"target":null})", {"/target", "is missing"}},
      {R"({"target":{"url":null}})", {"/target/url", "is missing"}},
      {R"({"load":null})", {"/load", "is missing"}},
      {R"({"load":{"stages":null}})", {"/load/stages", "is missing"}},
      {R"({"load":{"stages":[{"rate":1}]}})", {"/load/stages/0/duration", "is missing"}},
      {R"({"load":{"stages":[{"duration":"1s"}]}})",
       {"/load/stages/0/rate", "is missing (or from and to)"}},
      {R"({"load":{"stages":[{"duration":"1s","from":1}]}})", {"/load/stages/0/to", "is missing"}},
      {R"({"load":{"stages":[{"duration":"1s","to":1}]}})", {"/load/stages/0/from", "is missing"}},
      {R"({"thresholds":{"http_reqs":[{"abortOnFail":true}]}})",
       {"/thresholds/http_reqs/0/threshold", "is missing"}},
  });
}

TEST(SpecJsonTest, NamesUnknownKeys) {
  ExpectErrors({
      {R"({"a~/b":1})",
       {"/a~0~1b",
        "is not a known key (known: name, target, load, timeout, timeout_ms, max_lateness, "
        "max_lateness_ms, "
        "connections, thresholds, agents)"}},
      {R"({"target":{"uri":1}})",
       {"/target/uri",
        "is not a known key (known: url, method, headers, body, body_base64, version_header)"}},
      {R"({"agents":{"max":1}})", {"/agents/max", "is not a known key (known: min, use)"}},
      {R"({"thresholds":{"http_req_waiting":["avg<1"]}})",
       {"/thresholds/http_req_waiting",
        "\"http_req_waiting\" is no metric (known: http_req_duration, service_time, send_lag, "
        "http_req_failed, http_reqs)"}},
  });
}

TEST(SpecJsonTest, NamesWrongTypes) {
  ExpectErrors({
      {R"({"name":5})", {"/name", "must be a string, not 5"}},
      {R"({"target":[]})", {"/target", "must be an object, not an array"}},
      {R"({"target":{"headers":["a"]}})", {"/target/headers", "must be an object, not an array"}},
      {R"({"target":{"headers":{"X":5}}})", {"/target/headers/X", "must be a string, not 5"}},
      {R"({"load":"fast"})", {"/load", "must be an object, not \"fast\""}},
      {R"({"load":{"stages":{}}})", {"/load/stages", "must be an array, not an object"}},
      {R"({"load":{"stages":[7]}})", {"/load/stages/0", "must be an object, not 7"}},
      {R"({"load":{"stages":[{"duration":"1s","rate":"1"}]}})",
       {"/load/stages/0/rate", "must be a number, not \"1\""}},
      {R"({"timeout":5})",
       {"/timeout", "must be a duration such as \"30s\", not 5 (milliseconds go into timeout_ms)"}},
      {R"({"timeout":"5"})", {"/timeout", "\"5\" has no unit (such as 30s, 1m30s or 250ms)"}},
      {R"({"connections":{"keepalive":"yes"}})",
       {"/connections/keepalive", "must be true or false, not \"yes\""}},
      {R"({"connections":{"max_per_agent":1.5}})",
       {"/connections/max_per_agent", "must be a whole number, not 1.5"}},
      {R"({"connections":{"max_per_agent":true}})",
       {"/connections/max_per_agent", "must be a whole number, not true"}},
      {R"({"thresholds":[]})", {"/thresholds", "must be an object, not an array"}},
      {R"({"thresholds":{"http_reqs":"rate>1"}})",
       {"/thresholds/http_reqs", "must be an array, not \"rate>1\""}},
      {R"({"thresholds":{"http_reqs":[1]}})",
       {"/thresholds/http_reqs/0", "must be a string or an object, not 1"}},
      {R"({"agents":{"use":"some"}})", {"/agents/use", "\"some\" is not known (known: auto, all)"}},
      {R"({"load":{"model":"ajar"}})",
       {"/load/model", "\"ajar\" is not known (known: open, closed)"}},
  });
}

TEST(SpecJsonTest, NamesValueAndLimitByTheKeyThatWasWritten) {
  ExpectErrors({
      {R"({"timeout":"0s"})", {"/timeout", "0 ms is below 1 ms"}},
      {R"({"timeout":null,"timeout_ms":250001})", {"/timeout_ms", "250001 ms exceeds 250000 ms"}},
      {R"({"timeout":null,"timeout_ms":1e30})", {"/timeout_ms", "1e+30 exceeds 250000"}},
      {R"({"timeout":"5s","timeout_ms":5})", {"/timeout_ms", "is given together with timeout"}},
      {R"({"load":{"stages":[{"duration":"1s","rate":20000000}]}})",
       {"/load/stages/0/rate", "20000000 exceeds 10000000"}},
      {R"({"load":{"stages":[{"duration":"1s","rate":-1}]}})",
       {"/load/stages/0/rate", "-1 is below 0"}},
      {R"({"load":{"stages":[{"duration":"1s","rate":0.1234567}]}})",
       {"/load/stages/0/rate", "0.1234567 has more than 6 decimals"}},
      {R"({"load":{"stages":[{"duration":"1s","rate":1,"from":1}]}})",
       {"/load/stages/0/from", "is given together with rate"}},
      {R"({"load":{"stages":[{"duration_ms":0,"rate":1}]}})",
       {"/load/stages/0/duration_ms", "0 ms is below 1 ms"}},
      {R"({"load":{"stages":[]}})", {"/load/stages", "is empty; at least one stage is needed"}},
      {R"({"load":{"stages":[{"duration":"169h","rate":1}]}})",
       {"/load/stages/0/duration", "608400000 ms exceeds 604800000 ms"}},
      {R"({"connections":{"max_per_agent":1000001}})",
       {"/connections/max_per_agent", "1000001 exceeds 1000000"}},
      {R"({"agents":{"min":0}})", {"/agents/min", "0 is below 1"}},
      {R"({"agents":{"min":-1e30}})", {"/agents/min", "-1e+30 is below 0"}},
      {R"({"name":""})", {"/name", "is empty; 1 to 200 characters are needed"}},
      {R"({"target":{"method":"get"}})",
       {"/target/method", "\"get\" is no known method (methods are case-sensitive; use \"GET\")"}},
      {R"({"target":{"headers":{"X":"a\r\nb"}}})",
       {"/target/headers/X", "the value contains CR, LF or NUL"}},
      {R"({"target":{"url":"https://svc/"}})",
       {"/target/url", "https is not supported yet; use http"}},
      {R"({"target":{"url":"http:///x"}})", {"/target/url", "has no host"}},
      {R"({"target":{"body_base64":"AA=="}})",
       {"/target/body_base64", "is given together with body"}},
      {R"({"target":{"body":null,"body_base64":"A*"}})", {"/target/body_base64", "is not base64"}},
      {R"({"thresholds":{"http_req_duration":["p(99)<2s"]}})",
       {"/thresholds/http_req_duration/0",
        "at character 8: \"s\" after the number; the limit of http_req_duration is milliseconds, "
        "without a "
        "suffix"}},
      {R"({"thresholds":{"http_reqs":[{"threshold":"count>1","delayAbortEval":"x"}]}})",
       {"/thresholds/http_reqs/0/delayAbortEval",
        "\"x\" is no duration (such as 30s, 1m30s or 250ms)"}},
      {R"({"load":{"arrivals":"poisson","seed":1}})",
       {"/load/arrivals", "\"poisson\" is not supported yet (supported: even)"}},
      {R"({"load":{"seed":1}})", {"/load/seed", "belongs to the arrivals \"poisson\""}},
      {R"({"load":{"connections":1}})", {"/load/connections", "belongs to the model \"closed\""}},
      {R"({"load":{"model":"closed","arrivals":null,"stages":null,"connections":64,"duration":"30s"}})",
       {"/load/model", "the closed loop is not supported yet; use the open loop, with a rate"}},
  });
}

TEST(SpecJsonTest, NamesARampFromABadRateToItselfByItsKey) {
  EXPECT_THAT(
      Bad(Patched(R"({"load":{"stages":[{"duration":"1s","from":20000000,"to":20000000}]}})")),
      ElementsAre(FieldError{"/load/stages/0/from", "20000000 exceeds 10000000"},
                  FieldError{"/load/stages/0/to", "20000000 exceeds 10000000"}));
}

TEST(SpecJsonTest, NamesRepeatedKeys) {
  EXPECT_THAT(Bad(R"({"name":"x","name":"y","target":{"url":"http://svc","url":"http://svc"},
                      "load":{"stages":[{"duration":"1s","rate":1,"rate":2}]}})"),
              ElementsAre(FieldError{"/name", "is given twice"},
                          FieldError{"/target/url", "is given twice"},
                          FieldError{"/load/stages/0/rate", "is given twice"}));
}

TEST(SpecJsonTest, ReportsAllErrorsAtOnce) {
  EXPECT_THAT(
      Bad(R"({"nam":"x","target":{"method":"get"},"load":{"stages":[{"duration":"1s","rate":"x"}]},
                      "timeout":"9h","agents":{"min":0}})"),
      ElementsAre(
          testing::Field(&FieldError::pointer, "/nam"), FieldError{"/name", "is missing"},
          FieldError{"/target/url", "is missing"},
          FieldError{"/load/stages/0/rate", "must be a number, not \"x\""},
          FieldError{"/target/method",
                     "\"get\" is no known method (methods are case-sensitive; use \"GET\")"},
          FieldError{"/timeout", "32400000 ms exceeds 250000 ms"},
          FieldError{"/agents/min", "0 is below 1"}));
}

TEST(SpecJsonTest, ReadsOfAStoredSpecWhatItCan) {
  const auto read = ReadStoredTestSpec(
      R"({"name":"x","target":{"url":"http://svc:81"},"load":{"stages":[{"duration":"9m","rate":5}]},
          "timeout":"9h","max_lateness":"90s","news":1})");
  const TestSpec& spec = std::get<TestSpec>(read);
  EXPECT_EQ(spec.name, "x");
  EXPECT_EQ(spec.target.url, "http://svc:81");
  EXPECT_THAT(spec.load.stages, ElementsAre(Stage{540'000, 5 * kMicro, 5 * kMicro}));
  EXPECT_EQ(TestSpecToJson(spec)["name"], "x");
  EXPECT_TRUE(std::get<SpecProblem>(ReadStoredTestSpec("{")).IsSyntax());
  EXPECT_FALSE(std::get<SpecProblem>(ReadStoredTestSpec("1e999")).IsSyntax());
}

TEST(SpecJsonTest, ReportsAtMostFiftyErrors) {
  std::string json = R"({"name":"x","target":{"url":"http://svc"},"load":{"stages":[)";
  for (int i = 0; i < 200; ++i) json += R"({"duration":"x","rate":"y"},)";
  json.back() = ']';
  EXPECT_EQ(Bad(json + "}}").size(), limits::kFieldErrorsMax);
}

TEST(SpecJsonTest, CountsStagesAndThresholdsBeyondTheirLimits) {
  std::string stages, thresholds;
  for (int i = 0; i < 5000; ++i) {
    stages += R"({"duration":"1s","rate":1},)";
    thresholds += R"("rate>1",)";
  }
  stages.pop_back();
  thresholds.pop_back();
  EXPECT_THAT(Bad(R"({"name":"x","target":{"url":"http://svc"},"load":{"stages":[)" + stages +
                  R"(]},"thresholds":{"http_reqs":[)" + thresholds + "]}}"),
              ElementsAre(FieldError{"/load/stages", "5000 stages exceed 1000"},
                          FieldError{"/thresholds/http_reqs", "more than 20 thresholds"}));
}

TEST(SpecJsonTest, RefusesADocumentThatIsNoObject) {
  for (const char* json : {"[]", "null", "5", "\"x\"", "true"}) {
    const std::vector<FieldError> errors = Bad(json);
    ASSERT_EQ(errors.size(), 1u) << json;
    EXPECT_EQ(errors[0].pointer, "") << json;
  }
  EXPECT_THAT(Bad("[]"), ElementsAre(FieldError{"", "must be an object, not an array"}));
}

TEST(SpecJsonTest, RefusesNestingThatIsTooDeep) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  const std::vector<FieldError> errors = Bad(R"({"name":)" + deep + "}");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].detail, "is nested deeper than 64 levels");
  EXPECT_TRUE(errors[0].pointer.starts_with("/name/0/0/0"));
}

TEST(SpecJsonTest, TellsTextThatIsNotJsonFromAWrongSpec) {
  const auto parsed = ParseTestSpec("{\"name\": \"x\",\n  oops}");
  const auto* problem = std::get_if<SpecProblem>(&parsed);
  ASSERT_NE(problem, nullptr);
  ASSERT_TRUE(problem->IsSyntax());
  EXPECT_EQ(problem->ToString(),
            "line 2, column 3: syntax error while parsing object key - invalid literal");
}

TEST(SpecJsonTest, SaysItInOneLineWhateverTheKeysHold) {
  const auto parsed =
      ParseTestSpec(R"({"name":"x","target":{"url":"http://svc","headers":{"a\r\nb":"c"}},)"
                    R"("load":{"stages":[{"duration_ms":1,"rate":0}]}})");
  const auto* problem = std::get_if<SpecProblem>(&parsed);
  ASSERT_NE(problem, nullptr);
  EXPECT_EQ(problem->ToString(), R"(/target/headers/a\x0d\x0ab: "a\x0d\x0ab" is no header name)");
  EXPECT_EQ(problem->fields()[0].pointer, "/target/headers/a\r\nb") << "the key as it was given";
}

TEST(SpecJsonTest, ReadsARateChange) {
  EXPECT_EQ(std::get<MicroRate>(ParseRateChange(R"({"rate": 0.1})")), 100'000);
  const auto error = [](std::string_view json) {
    return std::get<SpecProblem>(ParseRateChange(json)).ToString();
  };
  EXPECT_EQ(error(R"({"rate": 20000000})"), "/rate: 20000000 exceeds 10000000");
  EXPECT_EQ(error(R"({"rate": "1"})"), "/rate: must be a number, not \"1\"");
  EXPECT_EQ(error(R"({"rate": 1, "rate": 2})"), "/rate: is given twice");
  EXPECT_EQ(error(R"({"rates": 1})"), "/rates: is not a known key (known: rate)");
  EXPECT_EQ(error("{}"), "/rate: is missing");
  EXPECT_EQ(error("[]"), "the document: must be an object, not an array");
  EXPECT_EQ(error(R"({"rate": 1e999})"), "/rate: is a number out of range");
  EXPECT_TRUE(std::get<SpecProblem>(ParseRateChange("")).IsSyntax());
}

TEST(SpecJsonTest, ReadsBackEverySpecThatItWrites) {
  constexpr uint32_t kSeed = 20261127;
  constexpr int kCases = 5'000;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    const TestSpec spec = RandomSpec(random);
    ASSERT_TRUE(Validate(spec).empty()) << Validate(spec)[0].pointer << Validate(spec)[0].detail;
    const std::string json = TestSpecToJson(spec).dump();
    ASSERT_EQ(Good(json), spec) << "seed " << kSeed << " case " << i << "\n" << json;
    ASSERT_EQ(TestSpecToJson(Good(json)).dump(), json) << "seed " << kSeed << " case " << i;
  }
  RecordProperty("cases", kCases);
}

// Random damage: the reader answers with a spec or a problem, whose texts are valid UTF-8 (dump
// would fail) and bounded.
TEST(SpecJsonTest, SurvivesRandomDamage) {
  constexpr uint32_t kSeed = 20261128;
  constexpr int kCases = 60'000;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    std::string json(kExample);
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int j = 0; j < changes; ++j) Damage(random, json);
    const auto parsed = Parse(json);
    if (const auto* spec = std::get_if<TestSpec>(&parsed)) {
      ASSERT_TRUE(Validate(*spec).empty()) << "seed " << kSeed << " case " << i;
      ASSERT_EQ(Good(TestSpecToJson(*spec).dump()), *spec) << "seed " << kSeed << " case " << i;
      continue;
    }
    const SpecProblem& problem = std::get<SpecProblem>(parsed);
    nlohmann::json shown;
    if (problem.IsSyntax()) {
      ASSERT_LE(problem.syntax().offset, json.size());
      shown.push_back(problem.syntax().detail);
    } else {
      ASSERT_FALSE(problem.fields().empty()) << "seed " << kSeed << " case " << i;
      ASSERT_LE(problem.fields().size(), limits::kFieldErrorsMax);
      for (const FieldError& error : problem.fields()) {
        shown.push_back(error.pointer);
        shown.push_back(error.detail);
      }
    }
    ASSERT_LT(shown.dump().size(), 20'000u) << "seed " << kSeed << " case " << i;
  }
  RecordProperty("cases", kCases);
}

}  // namespace
}  // namespace broadside
