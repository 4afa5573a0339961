#include "controller/store/store_blobs.h"

#include <map>
#include <optional>
#include <utility>

#include "broadside/store/v1/store.pb.h"
#include "common/core/status.h"
#include "common/wire/fleet_proto.h"
#include "common/wire/summary_proto.h"
#include "controller/store/store_schema.h"

namespace broadside {
namespace {

namespace pb = store::v1;

absl::Status Bad(std::string_view what) {
  return absl::DataLossError(Concat("a blob of the store is damaged: ", what));
}

template <typename Message>
std::string BlobOf(const Message& message) {
  std::string blob(1, kStoreBlobVersion);
  message.AppendToString(&blob);
  return blob;
}

template <typename Message>
absl::Status Parse(std::string_view blob, Message& message) {
  if (blob.empty() || blob[0] != kStoreBlobVersion) return Bad("its version is not known");
  const std::string_view body = blob.substr(1);
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return Bad("it is cut or garbled");
  return absl::OkStatus();
}

// Enums by number; `last` is the highest known.
template <typename Enum>
bool ReadEnum(uint32_t number, Enum last, Enum& out) {
  if (number > static_cast<uint32_t>(last)) return false;
  out = static_cast<Enum>(number);
  return true;
}

void ToProto(const Incarnation& incarnation, pb::Incarnation* proto) {
  proto->set_hi(incarnation.hi);
  proto->set_lo(incarnation.lo);
}
Incarnation FromProto(const pb::Incarnation& proto) { return {proto.hi(), proto.lo()}; }

void ToProto(const ThresholdView& view, pb::Threshold* proto) {
  const Threshold& threshold = view.threshold;
  proto->set_metric(static_cast<uint32_t>(threshold.metric));
  proto->set_expression(threshold.expression);
  proto->set_aggregation(static_cast<uint32_t>(threshold.aggregation));
  proto->set_percentile(threshold.percentile);
  proto->set_comparison(static_cast<uint32_t>(threshold.comparison));
  proto->set_limit(threshold.limit);
  proto->set_abort_on_fail(threshold.abort_on_fail);
  proto->set_delay_abort_eval_ms(threshold.delay_abort_eval.count());
  if (view.value) proto->set_value(*view.value);
  proto->set_ok(view.ok);
}

absl::StatusOr<ThresholdView> FromProto(const pb::Threshold& proto) {
  ThresholdView view;
  Threshold& threshold = view.threshold;
  if (!ReadEnum(proto.metric(), ThresholdMetric::kRequests, threshold.metric) ||
      !ReadEnum(proto.aggregation(), Aggregation::kCount, threshold.aggregation) ||
      !ReadEnum(proto.comparison(), Comparison::kNotEqual, threshold.comparison)) {
    return Bad("a threshold");
  }
  threshold.expression = proto.expression();
  threshold.percentile = proto.percentile();
  threshold.limit = proto.limit();
  threshold.abort_on_fail = proto.abort_on_fail();
  threshold.delay_abort_eval = Millis(proto.delay_abort_eval_ms());
  if (proto.has_value()) view.value = proto.value();
  view.ok = proto.ok();
  return view;
}

void ToProto(const AgentView& agent, pb::Agent* proto) {
  proto->set_name(agent.name);
  ToProto(agent.incarnation, proto->mutable_incarnation());
  proto->set_state(static_cast<uint32_t>(agent.state));
  proto->set_share(agent.share);
  proto->set_threads(agent.threads);
  proto->set_version(agent.version);
  if (agent.capacity_rps) proto->set_capacity_rps(*agent.capacity_rps);
  if (agent.send_lag_p99_ms) proto->set_send_lag_p99_ms(*agent.send_lag_p99_ms);
  proto->set_clock_offset_ms(agent.clock_offset_ms);
  proto->set_clock_error_ms(agent.clock_error_ms);
  proto->set_clock_known(agent.clock_known);
}

absl::StatusOr<AgentView> FromProto(const pb::Agent& proto) {
  AgentView agent;
  if (!ReadEnum(proto.state(), AgentState::kLost, agent.state)) return Bad("an agent");
  agent.name = proto.name();
  agent.incarnation = FromProto(proto.incarnation());
  agent.share = proto.share();
  agent.threads = proto.threads();
  agent.version = proto.version();
  if (proto.has_capacity_rps()) agent.capacity_rps = proto.capacity_rps();
  if (proto.has_send_lag_p99_ms()) agent.send_lag_p99_ms = proto.send_lag_p99_ms();
  agent.clock_offset_ms = proto.clock_offset_ms();
  agent.clock_error_ms = proto.clock_error_ms();
  agent.clock_known = proto.clock_known();
  return agent;
}

void ToProto(const GeneratorHealth& health, pb::Health* proto) {
  proto->set_agents_lost(health.agents_lost);
  for (const std::string& name : health.lost_first) proto->add_lost_first(name);
  proto->set_clock_error_max_ns(health.clock_error_max.count());
  proto->set_loop_delay_max_ns(health.loop_delay_max.count());
  proto->set_cpu_saturated_s(health.cpu_saturated_s);
  proto->set_throttled_max(health.throttled_max);
  proto->set_ports_exhausted(health.ports_exhausted);
  proto->set_descriptors_exhausted(health.descriptors_exhausted);
  proto->set_controller_loop_delay_max_ns(health.controller_loop_delay_max.count());
  proto->set_controller_throttled_max(health.controller_throttled_max);
  proto->set_controller_cpu_saturated_s(health.controller_cpu_saturated_s);
}

GeneratorHealth FromProto(const pb::Health& proto) {
  GeneratorHealth health;
  health.agents_lost = proto.agents_lost();
  health.lost_first.assign(proto.lost_first().begin(), proto.lost_first().end());
  health.clock_error_max = Nanos(proto.clock_error_max_ns());
  health.loop_delay_max = Nanos(proto.loop_delay_max_ns());
  health.cpu_saturated_s = proto.cpu_saturated_s();
  health.throttled_max = proto.throttled_max();
  health.ports_exhausted = proto.ports_exhausted();
  health.descriptors_exhausted = proto.descriptors_exhausted();
  health.controller_loop_delay_max = Nanos(proto.controller_loop_delay_max_ns());
  health.controller_throttled_max = proto.controller_throttled_max();
  health.controller_cpu_saturated_s = proto.controller_cpu_saturated_s();
  return health;
}

// Both summaries of a message that has `due` and `done`.
template <typename Message>
absl::Status ReadSummaries(const Message& proto, DueSummary& due, DoneSummary& done) {
  absl::StatusOr<DueSummary> read_due = broadside::FromProto(proto.due());
  if (!read_due.ok()) return Bad(ToStd(read_due.status().message()));
  absl::StatusOr<DoneSummary> read_done = broadside::FromProto(proto.done());
  if (!read_done.ok()) return Bad(ToStd(read_done.status().message()));
  due = *std::move(read_due);
  done = *std::move(read_done);
  return absl::OkStatus();
}

template <typename Protos, typename T>
absl::Status ReadAll(const Protos& protos, std::vector<T>& out) {
  for (const auto& proto : protos) {
    absl::StatusOr<T> value = FromProto(proto);
    if (!value.ok()) return value.status();
    out.push_back(*std::move(value));
  }
  return absl::OkStatus();
}

absl::Status ReadLedgerEntry(const pb::LedgerEntries& all, const pb::LedgerEntry& proto,
                             LedgerRecord& record) {
  const auto tests = static_cast<uint32_t>(all.tests_size());
  if (proto.test() > tests || proto.segment_deltas_size() != proto.slots_size())
    return Bad("an entry of the ledger");
  record.incarnation = {proto.hi(), proto.lo()};
  record.seq = proto.seq();
  if (proto.test() > 0) record.test = all.tests(static_cast<int>(proto.test()) - 1);
  record.settled_through = proto.settled_count() - 1;
  uint64_t k = 0;  // unsigned: damaged deltas may not overflow
  record.reported.reserve(static_cast<size_t>(proto.slots_size()));
  for (int i = 0; i < proto.slots_size(); ++i) {
    k += static_cast<uint64_t>(proto.segment_deltas(i));
    record.reported.emplace_back(static_cast<int64_t>(k), proto.slots(i));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ResultBlob(const TestRecord& test) {
  pb::TestResult proto;
  for (const Piece& piece : test.pieces) ToProto(piece, proto.add_pieces());
  ToProto(test.due, 0, proto.mutable_due());
  ToProto(test.done, 0, proto.mutable_done());
  proto.set_verdict(static_cast<uint32_t>(test.verdict.generator));
  for (const std::string& reason : test.verdict.reasons) proto.add_reasons(reason);
  for (const ThresholdView& threshold : test.thresholds) ToProto(threshold, proto.add_thresholds());
  for (const AgentView& agent : test.agents) ToProto(agent, proto.add_agents());
  ToProto(test.health, proto.mutable_health());
  for (const Incarnation& agent : test.quarantined) ToProto(agent, proto.add_quarantined());
  for (const Incarnation& agent : test.lost) ToProto(agent, proto.add_lost());
  proto.mutable_open()->Assign(test.open.begin(), test.open.end());
  proto.set_reason(test.reason);
  if (test.stopped_after) proto.set_stopped_after_ns(test.stopped_after->count());
  return BlobOf(proto);
}

absl::Status ReadResultBlob(std::string_view blob, TestRecord* test) {
  pb::TestResult proto;
  absl::Status status = Parse(blob, proto);
  if (!status.ok()) return status;
  for (const v1::Piece& piece : proto.pieces()) {
    test->pieces.push_back(
        {piece.start_ms(), piece.duration_ms(), piece.c0(), piece.rate_from(), piece.rate_to()});
  }
  if (!ReadEnum(proto.verdict(), VerdictLevel::kInvalid, test->verdict.generator))
    return Bad("a verdict");
  test->verdict.reasons.assign(proto.reasons().begin(), proto.reasons().end());
  status = ReadSummaries(proto, test->due, test->done);
  if (status.ok()) status = ReadAll(proto.thresholds(), test->thresholds);
  if (status.ok()) status = ReadAll(proto.agents(), test->agents);
  test->health = FromProto(proto.health());
  test->open.assign(proto.open().begin(), proto.open().end());
  for (const pb::Incarnation& agent : proto.quarantined()) {
    test->quarantined.push_back(FromProto(agent));
  }
  for (const pb::Incarnation& agent : proto.lost()) test->lost.push_back(FromProto(agent));
  test->reason = proto.reason();
  if (proto.has_stopped_after_ns()) test->stopped_after = Nanos(proto.stopped_after_ns());
  return status;
}

std::string PartitionBlob(const std::vector<Owner>& owners) {
  pb::Partition proto;
  proto.mutable_owners()->Reserve(static_cast<int>(owners.size()));
  for (const Owner& owner : owners) {
    pb::Owner* to = proto.add_owners();
    ToProto(owner.incarnation, to->mutable_incarnation());
    to->set_name(owner.name);
    to->set_weight(owner.weight);
    to->set_lo(owner.arc.lo);
    to->set_last(owner.arc.last);
  }
  return BlobOf(proto);
}

absl::StatusOr<std::vector<Owner>> ReadPartitionBlob(std::string_view blob) {
  pb::Partition proto;
  const absl::Status status = Parse(blob, proto);
  if (!status.ok()) return status;
  std::vector<Owner> owners;
  owners.reserve(static_cast<size_t>(proto.owners_size()));
  for (const pb::Owner& owner : proto.owners()) {
    if (owner.lo() > owner.last()) return Bad("an arc");
    owners.push_back(
        {FromProto(owner.incarnation()), owner.name(), owner.weight(), {owner.lo(), owner.last()}});
  }
  return owners;
}

std::string IntervalBlob(const IntervalView& interval) {
  pb::Interval proto;
  proto.set_planned(interval.planned);
  ToProto(interval.due, 0, proto.mutable_due());
  ToProto(interval.done, 0, proto.mutable_done());
  proto.set_settled(interval.settled);
  proto.set_closed(interval.closed);
  proto.set_closed_completed(interval.closed_completed);
  proto.set_coverage(interval.coverage);
  return BlobOf(proto);
}

absl::Status ReadIntervalBlob(std::string_view blob, IntervalView* interval) {
  pb::Interval proto;
  absl::Status status = Parse(blob, proto);
  if (!status.ok()) return status;
  interval->planned = proto.planned();
  interval->settled = proto.settled();
  interval->closed = proto.closed();
  interval->closed_completed = proto.closed_completed();
  interval->coverage = proto.coverage();
  return ReadSummaries(proto, interval->due, interval->done);
}

std::string LedgerBlob(const std::vector<LedgerRecord>& records) {
  pb::LedgerEntries proto;
  std::map<TestId, uint32_t> numbers;
  proto.mutable_entries()->Reserve(static_cast<int>(records.size()));
  for (const LedgerRecord& record : records) {
    pb::LedgerEntry* entry = proto.add_entries();
    entry->set_hi(record.incarnation.hi);
    entry->set_lo(record.incarnation.lo);
    entry->set_seq(record.seq);
    if (!record.test.empty()) {
      const auto [number, fresh] =
          numbers.try_emplace(record.test, static_cast<uint32_t>(proto.tests_size()) + 1);
      if (fresh) proto.add_tests(record.test);
      entry->set_test(number->second);
    }
    entry->set_settled_count(record.settled_through + 1);
    int64_t before = 0;
    for (const auto& [k, slots] : record.reported) {
      entry->add_segment_deltas(k - before);
      entry->add_slots(slots);
      before = k;
    }
  }
  return BlobOf(proto);
}

absl::StatusOr<std::vector<LedgerRecord>> ReadLedgerBlob(std::string_view blob) {
  pb::LedgerEntries proto;
  absl::Status status = Parse(blob, proto);
  if (!status.ok()) return status;
  std::vector<LedgerRecord> records(static_cast<size_t>(proto.entries_size()));
  for (int i = 0; status.ok() && i < proto.entries_size(); ++i) {
    status = ReadLedgerEntry(proto, proto.entries(i), records[static_cast<size_t>(i)]);
  }
  if (!status.ok()) return status;
  return records;
}

}  // namespace broadside
