#include "cli/spec/yaml_json.h"

#include <gtest/gtest.h>

#include <utility>

namespace broadside {
namespace {

TEST(YamlJsonTest, PlainScalarsAreTypedByTheCoreSchema) {
  const std::pair<const char*, const char*> kRows[] = {
      {"a: 1", R"({"a":1})"},
      {"a: 0.10", R"({"a":0.10})"},
      {"a: .5", R"({"a":0.5})"},
      {"a: +7", R"({"a":7})"},
      {"a: 007", R"({"a":7})"},
      {"a: 0x10", R"({"a":16})"},
      {"a: 0o10", R"({"a":8})"},
      {"a: 1e3", R"({"a":1e3})"},
      {"a: 1.", R"({"a":1})"},
      {"a: true", R"({"a":true})"},
      {"a: yes", R"({"a":"yes"})"},
      {"a: ~", R"({"a":null})"},
      {"a: '1'", R"({"a":"1"})"},
      {"a: \"1\"", R"({"a":"1"})"},
      {"a: 1m30s", R"({"a":"1m30s"})"},
      {"a: .inf", R"({"a":".inf"})"},
      {"a: 1_000", R"({"a":"1_000"})"},
      {"a: [1, x]", R"({"a":[1,"x"]})"},
      {"a: |\n  x\n  y\n", R"({"a":"x\ny\n"})"},
  };
  for (const auto& [yaml, json] : kRows) {
    const absl::StatusOr<YamlJson> converted = YamlToJson(yaml);
    ASSERT_TRUE(converted.ok()) << yaml << ": " << converted.status();
    EXPECT_EQ(converted->json, json) << yaml;
  }
}

TEST(YamlJsonTest, PositionsAreThoseOfTheKeysAndCountFromOne) {
  const absl::StatusOr<YamlJson> converted = YamlToJson("a:\n  b/c: [1, 2]\n");
  ASSERT_TRUE(converted.ok());
  EXPECT_EQ(converted->positions.at("/a/b~1c").line, 2);
  EXPECT_EQ(converted->positions.at("/a/b~1c").column, 3);
  EXPECT_EQ(converted->positions.at("/a/b~1c/1").column, 12);
}

TEST(YamlJsonTest, ATagIsRefused) { EXPECT_FALSE(YamlToJson("a: !!binary aGk=").ok()); }

}  // namespace
}  // namespace broadside
