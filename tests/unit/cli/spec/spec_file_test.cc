#include "cli/spec/spec_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broadside {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kYaml[] = R"(# a test
name: checkout
target:
  url: http://svc.shop:8080/cart
  headers: {Accept: "*/*"}
load:
  stages:
    - duration: 30s
      rate: 0.1
    - {duration: 1m, from: 1000, to: 5000}
thresholds:
  http_req_duration: ["p(99)<200"]
)";

std::string ErrorOf(std::string_view text, std::string_view name = "spec.yaml") {
  const absl::StatusOr<TestSpec> spec = ReadSpecFile(text, name);
  return spec.ok() ? "no error" : std::string(spec.status().message());
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

TEST(SpecFileTest, YamlAndJsonGiveTheSameSpec) {
  const absl::StatusOr<TestSpec> yaml = ReadSpecFile(kYaml, "spec.yaml");
  const absl::StatusOr<TestSpec> json = ReadSpecFile(R"({"name": "checkout",
    "target": {"url": "http://svc.shop:8080/cart", "headers": {"Accept": "*/*"}},
    "load": {"stages": [{"duration": "30s", "rate": 0.1}, {"duration": "1m", "from": 1000, "to": 5000}]},
    "thresholds": {"http_req_duration": ["p(99)<200"]}})",
                                                     "spec.json");
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*yaml, *json);
  EXPECT_EQ(yaml->load.stages[0].rate_from, 100'000);  // 0.1 rps, exactly
}

TEST(SpecFileTest, AValueOutOfRangePointsToItsPlace) {
  EXPECT_THAT(ErrorOf(Replaced(kYaml, "rate: 0.1", "rate: 20000000")),
              StartsWith("spec.yaml:9:7: /load/stages/0/rate: "));
}

TEST(SpecFileTest, AnUnknownKeyPointsToItself) {
  EXPECT_THAT(ErrorOf(Replaced(kYaml, "name:", "nane: x\nname:")),
              StartsWith("spec.yaml:2:1: /nane: "));
}

TEST(SpecFileTest, ARepeatedKeyIsAnError) {
  EXPECT_THAT(ErrorOf(Replaced(kYaml, "name:", "name: x\nname:")), HasSubstr("/name: "));
}

TEST(SpecFileTest, AMissingKeyPointsToWhereItShouldBe) {
  EXPECT_THAT(ErrorOf(Replaced(kYaml, "  url: http://svc.shop:8080/cart\n", "")),
              StartsWith("spec.yaml:3:1: /target/url: "));
}

TEST(SpecFileTest, BrokenYamlNamesLineAndColumn) {
  EXPECT_THAT(ErrorOf("name: [1, 2\nload: 3\n"), StartsWith("spec.yaml:2:"));
}

TEST(SpecFileTest, BrokenJsonNamesLineAndColumn) {
  EXPECT_THAT(ErrorOf("{\"name\": ", "spec.json"), StartsWith("spec.json: line 1"));
}

TEST(SpecFileTest, AliasesCannotBlowItUp) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j ? ",*a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(ErrorOf(bomb), HasSubstr("more than 100000 values"));
}

TEST(SpecFileTest, DeepNestingIsRefused) {
  EXPECT_THAT(ErrorOf(std::string(200, '[') + std::string(200, ']')),
              HasSubstr("nested more than 64 deep"));
}

TEST(SpecFileTest, AFileThatIsTooLargeIsRefused) {
  EXPECT_THAT(ErrorOf(std::string((4u << 20) + 1, ' ')), HasSubstr("4194305 bytes exceed 4194304"));
}

}  // namespace
}  // namespace broadside
