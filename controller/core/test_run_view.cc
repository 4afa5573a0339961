// The part of TestRun that shows it: records for the store, the view for users.

#include <algorithm>

#include "controller/core/test_run.h"

namespace broadside {
namespace {

// A stop cancels seconds that had not begun: they are no part of the time that passed.
double PlannedRate(int64_t planned, const DueSummary& due, double elapsed_s) {
  return (static_cast<double>(planned) - static_cast<double>(due.outcomes[Outcome::kCancelled])) /
         elapsed_s;
}

}  // namespace

double MeasuredSeconds(const TestRecord& record, Nanos tau) {
  if (!record.started_at.has_value() || record.pieces.empty()) return 0;
  // The last segment of a test may be shorter than a second.
  const Nanos end = Millis(record.pieces.back().EndMs());
  const Nanos begun = (record.begun_through + 1) * kSegment;
  const Nanos stopped = record.stopped_after.value_or(end);
  const Nanos measured = std::min({tau, begun, end, stopped});
  return std::max(0.0, std::chrono::duration<double>(measured).count());
}

double TestRun::ElapsedSeconds(Now now) const {
  return record_.started_at.has_value() ? MeasuredSeconds(record_, TauShown(now)) : 0;
}

RequestFigures TestRun::Requests(Now now) const {
  RequestFigures requests;
  requests.made = requests.known = RequestsMade(sums_.totals().due.outcomes);
  requests.over = Ended();
  if (Ended()) {
    requests.known_s = ElapsedSeconds(now);
    return requests;
  }
  const double begun = requests.known_s = MeasuredSeconds(record_, Nanos::max());
  for (const auto& [k, awaited] : open_) {
    const IntervalView* interval = sums_.Find(k);
    if (interval != nullptr) requests.known -= RequestsMade(interval->due.outcomes);
    const auto from = static_cast<double>(k);
    requests.known_s -= std::min(begun, from + 1) - std::min(begun, from);
  }
  return requests;
}

void TestRun::PushUpdate(Update update) {
  updates_.push_back(std::move(update));
  if (updates_.size() > limits::kUpdatesInMemoryMax) updates_.erase(updates_.begin());
}

void TestRun::Flush(StoreBatch& batch, Now now, const Fleet& fleet) {
  if (!dirty_) return;
  std::vector<Update> fresh;
  for (Change& change : new_changes_) {
    batch.changes.push_back({record_.id, change});
    fresh.push_back({change.revision, nullptr, std::make_shared<const Change>(std::move(change))});
  }
  new_changes_.clear();
  for (std::shared_ptr<const IntervalView>& interval : sums_.TakeDirty(record_.revision)) {
    batch.intervals.push_back({record_.id, *interval});
    const uint64_t revision = interval->revision;
    fresh.push_back({revision, std::move(interval), nullptr});
    record_dirty_ = true;
  }
  for (const std::shared_ptr<const IntervalView>& early : sums_.TakeEarly()) {
    batch.intervals.push_back({record_.id, *early});
  }
  for (Update& update : fresh) PushUpdate(std::move(update));
  batch.partitions.insert(batch.partitions.end(), new_partitions_.begin(), new_partitions_.end());
  batch.segments.insert(batch.segments.end(), new_segments_.begin(), new_segments_.end());
  std::move(new_ledger_.begin(), new_ledger_.end(), std::back_inserter(batch.ledger));
  new_partitions_.clear();
  new_segments_.clear();
  new_ledger_.clear();
  if (record_dirty_) {
    record_.open.clear();
    for (const auto& [k, awaited] : open_) record_.open.push_back(k);
    record_.planned = sums_.totals().planned;
    record_.due = sums_.totals().due;
    record_.health = health_;
    record_.quarantined.assign(quarantined_.begin(), quarantined_.end());
    record_.lost.clear();
    for (const auto& [incarnation, participant] : participants_) {
      if (participant.lost) record_.lost.push_back(incarnation);
    }
    record_.done = sums_.DoneTotals();
    batch.tests.push_back(record_);
    if (Ended()) batch.ended.push_back(record_.id);
  }
  // What is settled and in the batch is not needed here any more.
  for (const int64_t k : std::exchange(settled_, {})) {
    sums_.Drop(k);
    plan_.Drop(k);
  }
  view_ = MakeView(now, fleet);
  dirty_ = record_dirty_ = false;
}

std::vector<AgentView> TestRun::ParticipantViews(const Fleet& fleet) const {
  std::vector<AgentView> views;
  views.reserve(participants_.size());
  for (const auto& [incarnation, participant] : participants_) {
    const auto agent = fleet.find(incarnation);
    AgentView view;
    if (agent != fleet.end() && !agent->second.name.empty()) {
      view = ViewOf(agent->second);
    } else if (!participant.lost && ledger_.OutstandingOf(incarnation) == 0) {
      continue;  // it drained, reported everything, and went
    } else {
      view.name = participant.name;
      view.incarnation = incarnation;
      view.state = AgentState::kLost;
    }
    view.share = ShareOf(incarnation);
    views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(),
            [](const AgentView& a, const AgentView& b) { return a.name < b.name; });
  return views;
}

std::shared_ptr<const TestView> TestRun::MakeView(Now now, const Fleet& fleet) const {
  auto view = std::make_shared<TestView>();
  const Totals& totals = sums_.totals();
  view->id = record_.id;
  view->spec = spec_;
  view->state = record_.state;
  view->reason = record_.reason;
  view->created_at = record_.created_at;
  view->started_at = record_.started_at;
  view->ended_at = record_.ended_at;
  view->totals = totals;
  view->totals.outstanding = OutstandingBegun();
  const auto booked = static_cast<int64_t>(totals.due.outcomes.Total());
  view->balanced = record_.state != TestState::kInconsistent &&
                   totals.planned == booked + view->totals.outstanding;
  const double elapsed = view->elapsed_s = ElapsedSeconds(now);
  if (elapsed > 0) {
    view->planned_rate = PlannedRate(totals.planned, totals.due, elapsed);
    view->sent_rate = static_cast<double>(totals.send_lag.count()) / elapsed;
    view->completed_rate = static_cast<double>(totals.done.completed) / elapsed;
  }
  if (!Ended()) {
    view->requests_per_second = sums_.last_closed().closed_completed;
    view->interval_coverage = sums_.last_closed().coverage;
    view->planned_per_second = sums_.last_closed().planned;
  }
  view->thresholds = Ended() ? record_.thresholds : thresholds_;
  view->verdict = Ended() ? record_.verdict : JudgeGenerator(totals, health_);
  view->agents = Ended() ? record_.agents : ParticipantViews(fleet);
  view->pieces = record_.pieces;
  view->revision = record_.revision;
  view->updates = updates_;
  return view;
}

std::shared_ptr<const TestView> ViewOfRecord(const TestRecord& record) {
  auto view = std::make_shared<TestView>();
  view->id = record.id;
  view->spec = record.spec;
  view->state = record.state;
  view->reason = record.reason;
  view->created_at = record.created_at;
  view->started_at = record.started_at;
  view->ended_at = record.ended_at;
  view->totals.planned = record.planned;
  view->totals.due = record.due;
  view->totals.done = record.done;
  view->totals.response_time.Merge(record.done.response_time);
  view->totals.service_time.Merge(record.done.service_time);
  view->totals.send_lag.Merge(record.done.send_lag);
  view->totals.done.response_time = view->totals.done.service_time =
      view->totals.done.send_lag = {};
  const auto booked = static_cast<int64_t>(record.due.outcomes.Total());
  view->balanced = record.state != TestState::kInconsistent && record.planned == booked;
  const Nanos tau =
      record.started_at && record.ended_at ? *record.ended_at - *record.started_at : Nanos(0);
  const double elapsed = view->elapsed_s = MeasuredSeconds(record, tau);
  if (elapsed > 0) {
    view->planned_rate = PlannedRate(record.planned, record.due, elapsed);
    view->sent_rate = static_cast<double>(record.done.send_lag.count) / elapsed;
    view->completed_rate = static_cast<double>(record.done.completed) / elapsed;
  }
  view->thresholds = record.thresholds;
  view->verdict = record.verdict;
  view->agents = record.agents;
  view->pieces = record.pieces;
  view->revision = record.revision;
  return view;
}

}  // namespace broadside
