// Tests: start, list, get, change, stop, forget.

#include <algorithm>
#include <optional>
#include <utility>

#include "common/wire/rfc3339.h"
#include "controller/rest/body.h"
#include "controller/rest/etag.h"
#include "controller/rest/list_response.h"
#include "controller/rest/rest_api.h"

namespace broadside {
namespace {

HttpResponse TestResponse(int status, const TestView& test, TestParts parts = {}) {
  HttpResponse response = JsonResponse(status, TestJson(test, parts));
  response.headers.emplace_back("ETag", EtagOf(response.body));
  return response;
}

// `omit`: which of the long parts the client does without.
absl::StatusOr<TestParts> PartsOf(const QueryParameters& query) {
  TestParts parts;
  const auto omit = query.find("omit");
  if (omit == query.end()) return parts;
  const auto names = ParseNames("omit", omit->second, {"spec", "agents"});
  if (!names.ok()) return names.status();
  parts.spec = !names->contains("spec");
  parts.agents = !names->contains("agents");
  return parts;
}

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// "<created_at, ns>.<id>" of the last test of a page.
std::string CursorOf(const TestCursor& last) {
  return Concat(last.created_at.time_since_epoch().count(), ".", last.id);
}

// Nothing for what CursorOf never writes.
std::optional<TestCursor> PlaceOf(std::string_view cursor) {
  const size_t dot = cursor.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> nanos = ParseWhole(cursor.substr(0, dot));
  const std::string_view id = cursor.substr(dot + 1);
  const bool is_id = !id.empty() && id.size() <= limits::kTestIdBytesMax && IsPrintable(id);
  if (!nanos.has_value() || *nanos > INT64_MAX || !is_id) return std::nullopt;
  return TestCursor{WallTime(Nanos(static_cast<int64_t>(*nanos))), TestId(id)};
}

}  // namespace

void RestApi::StartTest(const CallPtr& call) {
  StartRequest start;
  start.idempotency_key = call->request.Header("idempotency-key");
  if (start.idempotency_key.size() > limits::kIdempotencyKeyBytesMax ||
      !IsPrintable(start.idempotency_key)) {
    return call->Fail(400, Concat("Idempotency-Key: at most ", limits::kIdempotencyKeyBytesMax,
                                  " printable ASCII characters"));
  }
  auto spec = ReadSpec(call->request.body);
  if (std::holds_alternative<Problem>(spec)) return call->Fail(std::get<Problem>(spec));
  start.spec = std::get<TestSpec>(std::move(spec));
  start.body_hash = BodyHash(call->request.body);
  commands_.StartTest(std::move(start), OnTestDone(call, [call](const CommandResult& result) {
                        HttpResponse response = TestResponse(201, *result.test);
                        response.headers.emplace_back("Location",
                                                      "/api/v1/tests/" + result.test->id);
                        if (result.replayed) {
                          response.headers.emplace_back("Idempotency-Replayed", "true");
                        }
                        call->Send(std::move(response));
                      }));
}

void RestApi::ListTests(const CallPtr& call) {
  const auto limit = LimitOf(call->query, limits::kPageItemsDefault);
  if (!limit.ok()) return call->Fail(400, std::string(limit.status().message()));
  const auto parts = PartsOf(call->query);
  if (!parts.ok()) return call->Fail(400, std::string(parts.status().message()));
  std::optional<TestCursor> after;
  if (const auto cursor = call->query.find("cursor"); cursor != call->query.end()) {
    after = PlaceOf(cursor->second);
    if (!after.has_value()) return call->Fail(BadCursor(cursor->second));
  }
  commands_.ReadTests(after, *limit, [gate = gate_, call, parts = *parts](TestPage page) {
    gate->Post([call, parts, page = std::move(page)] {
      if (!page.unavailable.empty()) return call->Fail(503, page.unavailable);
      Json items = Json::array();
      for (const auto& test : page.items) items.push_back(TestJson(*test, parts));
      call->Send(ListResponse(std::move(items), page.next.has_value() ? CursorOf(*page.next) : ""));
    });
  });
}

void RestApi::GetTest(const CallPtr& call) {
  const auto parts = PartsOf(call->query);
  if (!parts.ok()) return call->Fail(400, std::string(parts.status().message()));
  WithTest(call, [call, parts = *parts](const std::shared_ptr<const TestView>& test) {
    HttpResponse response = TestResponse(200, *test, parts);
    if (EtagMatches(call->request.Header("if-none-match"), EtagOf(response.body))) {
      response.status = 304;
      response.content_type = "";
      response.body = "";
    }
    call->Send(std::move(response));
  });
}

void RestApi::ChangeRate(const CallPtr& call) {
  auto rate = ReadRateChange(call->request.body);
  if (std::holds_alternative<Problem>(rate)) {
    // An unknown test is 404 whatever the body is.
    return WithTest(call, [call, problem = std::get<Problem>(std::move(rate))](
                              const std::shared_ptr<const TestView>&) { call->Fail(problem); });
  }
  commands_.ChangeRate(call->path_values[0], std::get<MicroRate>(rate),
                       OnTestDone(call, [call](const CommandResult& result) {
                         Json json = TestJson(*result.test);
                         json["effective_at"] = result.effective_at.has_value()
                                                    ? Json(FormatRfc3339(*result.effective_at))
                                                    : Json(nullptr);
                         call->Send(JsonResponse(200, json));
                       }));
}

void RestApi::StopTest(const CallPtr& call) {
  commands_.StopTest(call->path_values[0], OnTestDone(call, [call](const CommandResult& result) {
                       call->Send(TestResponse(202, *result.test));
                     }));
}

void RestApi::DeleteTest(const CallPtr& call) {
  commands_.DeleteTest(call->path_values[0],
                       OnDone(call, [call](const CommandResult&) { call->Send({.status = 204}); }));
}

}  // namespace broadside
