#include "controller/rest/rest_api.h"

#include <utility>

#include "controller/rest/view_json.h"

namespace broadside {
namespace {

constexpr std::string_view kTest = "/api/v1/tests/{id}";

HttpResponse Document(std::string type, std::string_view text) {
  return {.status = 200, .content_type = std::move(type), .body = std::string(text)};
}

HttpResponse Text(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

}  // namespace

RestApi::RestApi(Commands& commands, std::shared_ptr<IoGate> gate,
                 std::shared_ptr<EventStreams> streams, std::function<std::string()> metrics)
    : commands_(commands),
      gate_(std::move(gate)),
      streams_(std::move(streams)),
      metrics_(std::move(metrics)) {}

std::vector<Route> RestApi::Routes() {
  const auto to = [this](void (RestApi::*method)(const CallPtr&)) {
    return [this, method](const CallPtr& call) { (this->*method)(call); };
  };
  const std::string test(kTest);
  return {{"POST", "/api/v1/tests", {}, to(&RestApi::StartTest)},
          {"GET", "/api/v1/tests", {"limit", "cursor", "omit"}, to(&RestApi::ListTests)},
          {"GET", test, {"omit"}, to(&RestApi::GetTest)},
          {"PATCH", test, {}, to(&RestApi::ChangeRate)},
          {"DELETE", test, {}, to(&RestApi::DeleteTest)},
          {"POST", test + "/stop", {}, to(&RestApi::StopTest)},
          {"GET", test + "/intervals", {"limit", "cursor"}, to(&RestApi::ListIntervals)},
          {"GET", test + "/changes", {"limit", "cursor"}, to(&RestApi::ListChanges)},
          {"GET", test + "/events", {"last_event_id"}, to(&RestApi::FollowTest)},
          {"GET", "/api/v1/agents", {"limit", "cursor"}, to(&RestApi::ListAgents)},
          {"POST", "/api/v1/agents/{name}/drain", {}, to(&RestApi::DrainAgent)},
          {"GET", "/readyz", {}, to(&RestApi::Ready)},
          {"GET", "/metrics", {}, to(&RestApi::Metrics)},
          {"GET", "/", {}, to(&RestApi::Page)},
          {"GET", "/assets/{name}", {}, to(&RestApi::Asset)},
          // Alive is who answers.
          {"GET", "/healthz", {}, [](const CallPtr& call) { call->Send(Text(200, "ok\n")); }},
          {"GET",
           "/openapi.json",
           {},
           [](const CallPtr& call) { call->Send(Document("application/json", OpenApiJson())); }},
          {"GET", "/spec.schema.json", {}, [](const CallPtr& call) {
             call->Send(Document("application/schema+json", SpecSchemaJson()));
           }}};
}

void RestApi::WithTest(const CallPtr& call, OnTest next) {
  const std::shared_ptr<const FleetView> view = commands_.view();
  const auto found = view->tests.find(call->path_values[0]);
  if (found != view->tests.end()) return next(found->second);
  commands_.ReadTest(call->path_values[0],
                     OnTestDone(call, [next = std::move(next)](const CommandResult& result) {
                       next(result.test);
                     }));
}

Commands::Done RestApi::OnDone(const CallPtr& call,
                               std::function<void(const CommandResult&)> next) {
  return [gate = gate_, call, next = std::move(next)](CommandResult result) {
    gate->Post([call, next, result = std::move(result)] {
      if (result.code != CommandCode::kOk) return call->Fail(ToProblem(result));
      next(result);
    });
  };
}

Commands::Done RestApi::OnTestDone(const CallPtr& call,
                                   std::function<void(const CommandResult&)> next) {
  return OnDone(call, [call, next = std::move(next)](const CommandResult& result) {
    if (result.test == nullptr) return call->Fail(500, "the controller's answer has no test");
    next(result);
  });
}

Problem ToProblem(const CommandResult& result) {
  switch (result.code) {
    case CommandCode::kOk:
      break;
    case CommandCode::kNotFound:
      return {404, result.detail.empty() ? "there is no such thing" : result.detail, {}};
    case CommandCode::kConflict:
      return {409, result.detail, {}};
    case CommandCode::kTooMany:
      return {429, result.detail, {}};
    case CommandCode::kKeyReused:
      return {
          422,
          result.detail.empty() ? "the Idempotency-Key was used with another body" : result.detail,
          {}};
    case CommandCode::kInvalid:
      return {422, result.detail, result.fields};
    case CommandCode::kUnavailable:
      return {503, result.detail, {}};
  }
  return {500, "the controller gave no answer", {}};
}

}  // namespace broadside
