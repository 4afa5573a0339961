// What a test did over time: intervals, changes, and the event stream.

#include <optional>
#include <utility>

#include "controller/rest/list_response.h"
#include "controller/rest/rest_api.h"

namespace broadside {

void RestApi::ListIntervals(const CallPtr& call) {
  // A second each: a page of the most is 17 minutes.
  const auto limit = LimitOf(call->query, limits::kPageItemsMax);
  if (!limit.ok()) return call->Fail(400, std::string(limit.status().message()));
  int64_t from_k = 0;
  if (const auto cursor = call->query.find("cursor"); cursor != call->query.end()) {
    const auto k = ParseWhole(cursor->second);
    if (!k.has_value() || *k > limits::kSegmentMax) return call->Fail(BadCursor(cursor->second));
    from_k = static_cast<int64_t>(*k);
  }
  WithTest(call, [this, call, from_k, limit = *limit](const std::shared_ptr<const TestView>& test) {
    const auto answer = [call, model = test->spec->load.model](const IntervalPage& page) {
      if (!page.unavailable.empty()) return call->Fail(503, page.unavailable);
      if (!page.found) return call->Fail(404, "the test was deleted");
      Json items = Json::array();
      for (const auto& interval : page.items) items.push_back(IntervalJson(*interval, model));
      call->Send(
          ListResponse(std::move(items), page.next.has_value() ? std::to_string(*page.next) : ""));
    };
    commands_.ReadIntervals(test->id, from_k, limit, [gate = gate_, answer](IntervalPage page) {
      gate->Post([answer, page = std::move(page)] { answer(page); });
    });
  });
}

void RestApi::ListChanges(const CallPtr& call) {
  const auto limit = LimitOf(call->query, limits::kPageItemsMax);
  if (!limit.ok()) return call->Fail(400, std::string(limit.status().message()));
  uint64_t before = UINT64_MAX;
  if (const auto cursor = call->query.find("cursor"); cursor != call->query.end()) {
    const auto revision = ParseWhole(cursor->second);
    if (!revision.has_value()) return call->Fail(BadCursor(cursor->second));
    before = *revision;
  }
  WithTest(call, [this, call, before, limit = *limit](const std::shared_ptr<const TestView>& test) {
    const auto answer = [call](const ChangePage& page) {
      if (!page.unavailable.empty()) return call->Fail(503, page.unavailable);
      if (!page.found) return call->Fail(404, "the test was deleted");
      Json items = Json::array();
      for (const Change& change : page.items) items.push_back(ChangeJson(change));
      call->Send(
          ListResponse(std::move(items), page.next.has_value() ? std::to_string(*page.next) : ""));
    };
    commands_.ReadChanges(test->id, before, limit, [gate = gate_, answer](ChangePage page) {
      gate->Post([answer, page = std::move(page)] { answer(page); });
    });
  });
}

void RestApi::FollowTest(const CallPtr& call) {
  // The header is what browsers send when they connect again, so it is the newer of the two.
  std::string from(call->request.Header("last-event-id"));
  if (const auto query = call->query.find("last_event_id");
      from.empty() && query != call->query.end()) {
    from = query->second;
  }
  const std::optional<uint64_t> last_event_id = ParseWhole(from);
  if (!from.empty() && !last_event_id.has_value()) {
    return call->Fail(400, Concat("Last-Event-ID: \"", from, "\" is no id of an event"));
  }
  const bool lines =
      call->request.Header("accept").find("application/x-ndjson") != std::string_view::npos;
  WithTest(call, [this, call, last_event_id, lines](std::shared_ptr<const TestView> test) {
    if (streams_->Full()) return call->Fail(503, "too many open event streams");
    streams_->Open(call->responder, lines ? EventFormat::kJsonLines : EventFormat::kServerSent,
                   std::move(test), last_event_id);
  });
}

}  // namespace broadside
