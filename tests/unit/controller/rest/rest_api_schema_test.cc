// The JSON Schema of the test spec says what the code does: limits and defaults here; that it
// accepts and refuses what the parser does is tests/e2e/spec_schema_test.py.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "common/core/limits.h"
#include "common/wire/duration.h"
#include "common/wire/spec_json.h"
#include "controller/rest/rest_api.h"
#include "tests/unit/controller/rest/rest_fixture.h"

namespace broadside {
namespace {

class SpecSchemaTest : public RestTest {
 protected:
  const Json schema_ = Json::parse(SpecSchemaJson());
};

TEST_F(SpecSchemaTest, IsServed) {
  const Answer answer = Ask("GET", "/spec.schema.json");
  EXPECT_EQ(answer.Header("Content-Type"), "application/schema+json");
  EXPECT_EQ(answer.json["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

// Every keyword of `json` that bounds something, by its JSON pointer.
void CollectLimits(const Json& json, const std::string& pointer,
                   std::map<std::string, uint64_t>& limits) {
  static const std::set<std::string> kKeywords = {
      "minimum",    "maximum",          "exclusiveMinimum", "minLength",
      "maxLength",  "exclusiveMaximum", "minItems",         "maxItems",
      "multipleOf", "minProperties",    "maxProperties"};
  for (const auto& [key, value] : json.items()) {
    const std::string child = Concat(pointer, "/", EscapePointerToken(key));
    if (kKeywords.contains(key) && value.is_number()) limits[child] = value.get<uint64_t>();
    if (value.is_structured()) CollectLimits(value, child, limits);
  }
}

constexpr uint64_t Ms(Millis duration) { return static_cast<uint64_t>(duration.count()); }

TEST_F(SpecSchemaTest, HasTheLimitsOfTheCodeAndNoOthers) {
  const std::string target = "/$defs/Target/properties/";
  const std::string load = "/$defs/Load/properties/";
  const std::string stage = "/$defs/Stage/properties/";
  const std::string connections = "/$defs/Connections/properties/";
  std::map<std::string, uint64_t> expected = {
      {"/properties/name/minLength", 1},
      {"/properties/name/maxLength", limits::kNameCharsMax},
      {"/properties/timeout_ms/minimum", Ms(limits::kTimeoutMin)},
      {"/properties/timeout_ms/maximum", Ms(limits::kTimeoutMax)},
      {"/properties/max_lateness_ms/minimum", Ms(limits::kMaxLatenessMin)},
      {"/properties/max_lateness_ms/maximum", Ms(limits::kMaxLatenessMax)},
      {"/$defs/Duration/maxLength", 100},  // TheLongestDurationIsThatOfTheParser
      {target + "url/maxLength", limits::kUrlBytesMax},
      {target + "method/maxLength", limits::kMethodBytesMax},
      {target + "headers/maxProperties", limits::kHeadersMax},
      {target + "body/maxLength", limits::kRequestBodyBytesMax},
      {target + "version_header/maxLength", limits::kHeaderNameBytesMax},
      {load + "seed/minimum", 0},
      {load + "seed/maximum", UINT64_MAX},
      {load + "stages/minItems", 1},
      {load + "stages/maxItems", limits::kStagesMax},
      {load + "connections/minimum", 1},
      {load + "connections/maximum", limits::kConnectionsPerAgentMax},
      {load + "duration_ms/minimum", 1},
      {load + "duration_ms/maximum", Ms(limits::kTestDurationMax)},
      {stage + "duration_ms/minimum", Ms(limits::kStageDurationMin)},
      {stage + "duration_ms/maximum", Ms(limits::kTestDurationMax)},
      {connections + "max_per_agent/minimum", 1},
      {connections + "max_per_agent/maximum", limits::kConnectionsPerAgentMax},
      {connections + "max_age_ms/minimum", Ms(limits::kMaxAgeMin)},
      {connections + "max_age_ms/maximum", Ms(limits::kMaxAgeMax)},
      {"/$defs/Agents/properties/min/minimum", 1},
      {"/$defs/Agents/properties/min/maximum", limits::kAgentsMinMax}};
  for (const char* rate : {"rate", "from", "to"}) {
    expected[stage + rate + "/minimum"] = 0;
    expected[stage + rate + "/maximum"] = limits::kRateMax;
  }
  for (const char* metric :
       {"http_req_duration", "service_time", "send_lag", "http_req_failed", "http_reqs"}) {
    expected[Concat("/$defs/Thresholds/properties/", metric, "/maxItems")] =
        limits::kThresholdsPerMetricMax;
  }
  for (const char* kind : {"TimeThreshold", "FailedThreshold", "CountThreshold"}) {
    const std::string pointer = Concat("/$defs/", kind, "/oneOf/");
    expected[pointer + "0/maxLength"] = limits::kThresholdBytesMax;
    expected[pointer + "1/properties/threshold/maxLength"] = limits::kThresholdBytesMax;
    expected[pointer + "1/properties/delayAbortEval/oneOf/1/minimum"] = 0;
    expected[pointer + "1/properties/delayAbortEval/oneOf/1/maximum"] =
        Ms(limits::kTestDurationMax);
  }
  std::map<std::string, uint64_t> found;
  CollectLimits(schema_, "", found);
  EXPECT_EQ(found, expected);
}

TEST_F(SpecSchemaTest, TheLongestDurationIsThatOfTheParser) {
  EXPECT_TRUE(ParseDuration(std::string(99, '0') + "s").ok());  // 100 bytes
  EXPECT_FALSE(ParseDuration(std::string(100, '0') + "s").ok());
}

// The limits of a duration string are beyond a pattern, so its description has them.
TEST_F(SpecSchemaTest, DescribesTheLimitsOfDurations) {
  const auto description = [&](const char* pointer) {
    return schema_.at(Json::json_pointer(pointer))["description"].get<std::string>();
  };
  const auto range = [](Millis min, Millis max) {
    const std::string text = max < std::chrono::hours(24) ? Concat(max / Seconds(1), " s")
                             : max < std::chrono::hours(48)
                                 ? Concat(max / std::chrono::hours(1), " h")
                                 : Concat(max / std::chrono::hours(24), " days");
    return Concat(min.count(), " ms to ", text, ".");
  };
  EXPECT_THAT(description("/properties/timeout"),
              testing::EndsWith(range(limits::kTimeoutMin, limits::kTimeoutMax)));
  EXPECT_THAT(description("/properties/max_lateness"),
              testing::EndsWith(range(limits::kMaxLatenessMin, limits::kMaxLatenessMax)));
  EXPECT_THAT(description("/$defs/Connections/properties/max_age"),
              testing::EndsWith(range(limits::kMaxAgeMin, limits::kMaxAgeMax)));
  EXPECT_THAT(description("/$defs/Stage/properties/duration"),
              testing::EndsWith(range(limits::kStageDurationMin, limits::kTestDurationMax)));
}

TEST_F(SpecSchemaTest, HasTheDefaultsOfTheCode) {
  const Json shown = TestSpecToJson(std::get<TestSpec>(ParseTestSpec(kMinimalSpec)));
  // Of an object of the spec, described by `schema`: the values of all keys that it left out.
  const auto expect_defaults = [&](const Json& schema, const Json& object) {
    for (const auto& [key, value] : object.items()) {
      const Json& property = schema["properties"][key];
      if (property.contains("default")) {
        EXPECT_EQ(property["default"], value) << key;
      }
    }
  };
  const Json& defs = schema_["$defs"];
  expect_defaults(schema_, shown);
  expect_defaults(defs["Target"], shown["target"]);
  expect_defaults(defs["Load"], shown["load"]);
  expect_defaults(defs["Connections"], shown["connections"]);
  expect_defaults(defs["Agents"], shown["agents"]);
  EXPECT_EQ(defs["Thresholds"]["default"], shown["thresholds"]);
  // All of them are there: what is optional and shown has a default.
  for (const char* key : {"timeout", "max_lateness"}) {
    EXPECT_TRUE(schema_["properties"][key].contains("default")) << key;
  }
  for (const auto& [key, value] : shown["connections"].items()) {
    EXPECT_TRUE(defs["Connections"]["properties"][key].contains("default")) << key;
  }
  for (const auto& [key, value] : shown["agents"].items()) {
    EXPECT_TRUE(defs["Agents"]["properties"][key].contains("default")) << key;
  }
}

// As the OpenAPI document has it: definitions are its components, and it has no words for editors.
Json ForOpenApi(const Json& json) {
  if (!json.is_structured()) return json;
  Json out = json.is_array() ? Json::array() : Json::object();
  for (const auto& [key, value] : json.items()) {
    if (json.is_array()) {
      out.push_back(ForOpenApi(value));
    } else if (key == "$ref") {
      out[key] = "#/components/schemas/" + value.get<std::string>().substr(sizeof("#/$defs/") - 1);
    } else if (key != "patternErrorMessage" && key != "$schema" && key != "$defs" &&
               key != "title") {
      out[key] = ForOpenApi(value);
    }
  }
  return out;
}

TEST_F(SpecSchemaTest, IsWhatTheOpenApiDocumentSays) {
  const Json components = Json::parse(OpenApiJson())["components"]["schemas"];
  EXPECT_EQ(ForOpenApi(schema_), components["Spec"]);
  for (const auto& [name, definition] : schema_["$defs"].items()) {
    EXPECT_EQ(ForOpenApi(definition), components[name]) << name;
  }
}

}  // namespace
}  // namespace broadside
