#include "cli/spec/spec_file.h"

#include <gtest/gtest.h>

#include "cli/spec/yaml_scalar.h"
#include "common/core/limits.h"
#include "common/core/status.h"

namespace broadside {
namespace {

constexpr std::string_view kGood = R"(# a comment
name: checkout
target:
  url: http://svc.shop:8080/cart
  headers: {Accept: "*/*"}
load:
  stages:
    - {duration: 30s, rate: 0.1}
    - duration: 1m
      from: 1000
      to: 5000
thresholds:
  http_req_duration: ["p(99)<200"]
)";

std::string Json(std::string_view yaml) {
  const absl::StatusOr<SpecFile> file = LoadSpecFile(yaml, "s.yaml");
  return file.ok() ? file->json() : std::string(ToStd(file.status().message()));
}

absl::StatusOr<TestSpec> ReadSpecFile(std::string_view text, std::string_view name) {
  const absl::StatusOr<SpecFile> file = LoadSpecFile(text, name);
  if (!file.ok()) return file.status();
  return ParseSpecFile(*file);
}

// "ok", or the message.
std::string Error(std::string_view text, std::string_view name = "s.yaml") {
  const absl::StatusOr<TestSpec> spec = ReadSpecFile(text, name);
  return spec.ok() ? "ok" : std::string(ToStd(spec.status().message()));
}

std::string Replaced(std::string_view from, std::string_view to) {
  std::string text(kGood);
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(SpecFileTest, ReadsYamlIntoTheJsonOfTheRestApi) {
  EXPECT_EQ(
      Json(kGood),
      R"({"name":"checkout","target":{"url":"http://svc.shop:8080/cart","headers":{"Accept":"*/*"}},)"
      R"("load":{"stages":[{"duration":"30s","rate":0.1},{"duration":"1m","from":1000,"to":5000}]},)"
      R"("thresholds":{"http_req_duration":["p(99)<200"]}})");
  const TestSpec spec = ReadSpecFile(kGood, "s.yaml").value();
  EXPECT_EQ(spec.load.stages[0], (Stage{30'000, 100'000, 100'000}));
}

TEST(SpecFileTest, TypesPlainScalarsByTheCoreSchema) {
  EXPECT_EQ(Json("[1, +2, -3, 007, .5, 5., 1e3, 0x1F, 0o17, 0.10, 12345678901234567890123]"),
            "[1,2,-3,7,0.5,5,1e3,31,15,0.10,12345678901234567890123]");
  EXPECT_EQ(Json("[true, True, FALSE, null, ~, NULL, ]"), "[true,true,false,null,null,null]");
  EXPECT_EQ(Json("[yes, on, 1_000, 1:30, 30s, 'true', \"5\", !!str 5, 0x, 1e, -]"),
            R"(["yes","on","1_000","1:30","30s","true","5","5","0x","1e","-"])");
  EXPECT_EQ(Json("a: |\n  x\n  \"y\\\n200: \"\\u20ac\\t\"\nb:\n"),
            "{\"a\":\"x\\u000a\\\"y\\\\\\u000a\",\"200\":\"\u20ac\\u0009\",\"b\":null}");
}

TEST(SpecFileTest, ExpandsAliases) {
  EXPECT_EQ(Json("a: &x {b: 1}\nc: [*x, *x]\n"), R"({"a":{"b":1},"c":[{"b":1},{"b":1}]})");
}

TEST(SpecFileTest, NamesThePlaceOfEachWrongField) {
  EXPECT_EQ(Error(kGood), "ok");
  EXPECT_EQ(Error(Replaced("rate: 0.1", "rate: 20000000")),
            "s.yaml:8:23: /load/stages/0/rate: 20000000 exceeds 10000000");
  EXPECT_EQ(
      Error(Replaced("from: 1000", "from: 1000\n      rat: 1")),
      "s.yaml:11:7: /load/stages/1/rat: is not a known key (known: duration, duration_ms, rate, "
      "from, to)");
  EXPECT_EQ(Error(Replaced("      to: 5000\n", "")), "s.yaml:9:7: /load/stages/1/to: is missing");
  EXPECT_EQ(Error(Replaced("name: checkout", "timeout: 9h")),
            "s.yaml:2:1: /name: is missing\ns.yaml:2:1: /timeout: 32400000 ms exceeds 250000 ms");
  EXPECT_EQ(Error(Replaced("Accept", "a~/\u20ac")),
            "s.yaml:5:13: /target/headers/a~0~1\u20ac: \"a~/\u20ac\" is no header name");
  EXPECT_EQ(Error(Replaced("Accept", "\"a\\r\\nb\"")),
            "s.yaml:5:13: /target/headers/a\\x0d\\x0ab: \"a\\x0d\\x0ab\" is no header name");
  EXPECT_EQ(Error("5"), "s.yaml:1:1: must be an object, not 5");
}

TEST(SpecFileTest, NamesThePlaceOfWrongYaml) {
  const struct {
    std::string text;
    const char* error;
  } kRows[] = {
      {"a: [1, 2\nb: 3\n", "s.yaml:2:2: end of sequence flow not found"},
      {"a: 1\nb: 2\na: 3\nb: 4\n",
       "s.yaml:3:1: key \"a\" is given twice\ns.yaml:4:1: key \"b\" is given twice"},
      {"\u20ac: 1\na: {b: 1, b: 2}\n", "s.yaml:2:11: key \"b\" is given twice"},
      {"? [a]\n: 1\n", "s.yaml:1:3: a key is no scalar"},
      {"~: 1\n", "s.yaml:1:1: null is no key"},
      {"a: !own 1\n", "s.yaml:1:4: tag \"!own\" is not supported"},
      {"a: .inf\n", "s.yaml:1:4: .inf is no finite number"},
      {"a: &x [*x]\n", "s.yaml:1:8: alias to an anchor that is not finished"},
      {"a: 1\n---\nb: 2\n", "s.yaml:3:1: is a second document; one is allowed"},
      {"", "s.yaml:1:1: is empty"},
      {"# only a comment\n", "s.yaml:1:1: is empty"},
      {"a:\n\tb: 1\n", "s.yaml:2:3: illegal map value (YAML is indented by spaces, not tabs)"},
      {"\ta: 1\n", "s.yaml:1:3: illegal map value (YAML is indented by spaces, not tabs)"},
      {"{\"a\": 1,, \"b\": 2}\n",
       "s.yaml:1:9: syntax error while parsing object key - unexpected ','; expected string "
       "literal"},
      {"a: \xff\n", "s.yaml:1:4: is not valid UTF-8"},
      {"a: " + std::string(100, '[') + std::string(100, ']'),
       "s.yaml:1:67: is nested deeper than 64 levels"},
  };
  for (const auto& row : kRows) EXPECT_EQ(Error(row.text), row.error) << row.text;
}

TEST(SpecFileTest, BoundsTheExpansionOfAliases) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    laughs += Concat("a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) laughs += Concat(j == 0 ? "" : ", ", "*a", i - 1);
    laughs += "]\n";
  }
  EXPECT_NE(Error(laughs).find("more than 200000 values, aliases expanded"), std::string::npos);
  std::string long_text = "a: &a " + std::string(1'000'000, 'x') + "\nb: [*a, *a, *a, *a, *a]\n";
  EXPECT_NE(Error(long_text).find("more than 4194304 bytes, aliases expanded"), std::string::npos);
  EXPECT_EQ(Error(std::string(limits::kRequestBytesMax + 1, ' ')),
            "s.yaml: 4194305 bytes exceed 4194304");
}

TEST(SpecFileTest, SurvivesDeepNesting) {
  EXPECT_NE(Error(std::string(100'000, '[')), "ok");
  EXPECT_NE(Error(std::string(100'000, '{')), "ok");
  std::string steps;
  for (int i = 0; i < 1'000; ++i) steps += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_NE(Error(steps), "ok");
}

TEST(SpecFileTest, ReadsJsonToo) {
  const std::string_view json =
      "{\"name\": \"x\",\n \"target\": {\"url\": \"http:\\/\\/svc\"},\n"
      " \"load\": {\"stages\": [{\"duration\": \"1s\", \"rate\": 20000000}]}}\n";
  EXPECT_EQ(Error(json), "s.yaml:3:41: /load/stages/0/rate: 20000000 exceeds 10000000");
  EXPECT_EQ(Error("{\"name\": 1,\n \"name\": 2}", "s.json"), "s.json:1:2: /name: is given twice");
  EXPECT_EQ(Error("{\"name\": 1,}", "s.json"),
            "s.json:1:12: syntax error while parsing object key - unexpected '}'; expected string "
            "literal");
  // A flow mapping is YAML, though it begins as JSON does.
  EXPECT_EQ(Json("{name: x}"), "{\"name\":\"x\"}");
}

}  // namespace
}  // namespace broadside
