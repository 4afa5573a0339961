// The document and the routes name each other, and what the document refers to exists.

#include "controller/rest/rest_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/core/status.h"
#include "tests/unit/controller/rest/rest_fixture.h"

namespace broadside {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

bool IsMethod(const std::string& key) {
  return key == "get" || key == "post" || key == "patch" || key == "delete" || key == "put";
}

// The query parameters of an operation, those of references and of the path included.
std::set<std::string> QueryOf(const Json& document, const Json& path, const Json& operation) {
  std::set<std::string> names;
  for (const Json* holder : {&path, &operation}) {
    if (!holder->contains("parameters")) continue;
    for (const Json& parameter : (*holder)["parameters"]) {
      const Json& real =
          parameter.contains("$ref")
              ? document.at(Json::json_pointer(parameter["$ref"].get<std::string>().substr(1)))
              : parameter;
      if (real["in"] == "query") names.insert(real["name"]);
    }
  }
  return names;
}

class RestApiTest : public RestTest {
 protected:
  const Json document_ = Json::parse(OpenApiJson());
};

TEST_F(RestApiTest, IsServed) {
  const Answer answer = Ask("GET", "/openapi.json");
  EXPECT_EQ(answer.Header("Content-Type"), "application/json");
  EXPECT_EQ(answer.json["openapi"], "3.1.0");
}

TEST_F(RestApiTest, HasTheRoutesAndTheirQueryParametersAndNoOthers) {
  std::map<std::string, std::set<std::string>> documented;
  for (const auto& [path, item] : document_["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      if (IsMethod(method)) {
        documented[Concat(method, " ", path)] = QueryOf(document_, item, operation);
      }
    }
  }
  RestApi api(commands_, nullptr, nullptr, nullptr);
  std::map<std::string, std::set<std::string>> routed;
  for (const Route& route : api.Routes()) {
    routed[Lower(route.method) + " " + route.path] = {route.query.begin(), route.query.end()};
  }
  EXPECT_EQ(documented, routed);
}

void CollectReferences(const Json& json, std::vector<std::string>& references) {
  if (json.is_object() && json.contains("$ref")) references.push_back(json["$ref"]);
  for (const auto& item : json.items()) {
    if (item.value().is_structured()) CollectReferences(item.value(), references);
  }
}

TEST_F(RestApiTest, RefersToNothingThatIsMissing) {
  std::vector<std::string> references;
  CollectReferences(document_, references);
  EXPECT_GT(references.size(), 50u);
  for (const std::string& reference : references) {
    EXPECT_TRUE(document_.contains(Json::json_pointer(reference.substr(1)))) << reference;
  }
}

std::set<std::string> Keys(const Json& object) {
  std::set<std::string> keys;
  for (const auto& item : object.items()) keys.insert(item.key());
  return keys;
}

TEST_F(RestApiTest, DescribesTheKeysOfTheAnswers) {
  const auto properties = [&](const std::string& schema) {
    return Keys(document_["components"]["schemas"][schema]["properties"]);
  };
  TestView test = MakeTest("t1");
  const Json json = TestJson(test);
  EXPECT_EQ(Keys(json), properties("Test"));
  EXPECT_EQ(Keys(json["totals"]["outcomes"]), properties("Outcomes"));
  EXPECT_EQ(Keys(json["send_lag"]), properties("Distribution"));
  EXPECT_EQ(Keys(AgentJson({})), properties("Agent"));
  EXPECT_EQ(Keys(IntervalJson({}, LoadModel::kOpen)), properties("Interval"));
  EXPECT_EQ(Keys(ChangeJson({})), properties("Change"));
}

}  // namespace
}  // namespace broadside
