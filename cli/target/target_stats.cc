#include "cli/target/target_stats.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "common/core/status.h"

namespace broadside {

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

void RaiseTo(std::atomic<int64_t>& highest, int64_t value) {
  int64_t seen = highest.load(kRelaxed);
  while (seen < value && !highest.compare_exchange_weak(seen, value, kRelaxed)) {
  }
}

}  // namespace

std::string ToJson(const TargetStats& stats) {
  std::vector<std::string> statuses;
  for (const auto& [status, count] : stats.by_status) {
    statuses.push_back(Concat("\"", status, "\":", count));
  }
  return Concat(
      "{\"requests\":", stats.requests, ",\"by_status\":{", absl::StrJoin(statuses, ","),
      "},\"pending\":", stats.pending, ",\"dropped\":", stats.dropped,
      ",\"bad_requests\":", stats.bad_requests, ",\"bytes\":{\"received\":", stats.bytes_received,
      ",\"sent\":", stats.bytes_sent, "},\"connections\":{\"opened\":", stats.connections_opened,
      ",\"open\":", stats.connections_open, ",\"refused\":", stats.connections_refused,
      "},\"bin_ms\":", Millis(kTargetBin / Millis(1)).count(), ",\"first_bin\":", stats.first_bin,
      ",\"bins\":[", absl::StrJoin(stats.bins, ","), "],\"overflow\":", stats.overflow,
      ",\"slots\":{\"distinct\":", stats.slots_distinct, ",\"duplicates\":", stats.slots_duplicates,
      ",\"max\":", stats.slots_max, ",\"out_of_range\":", stats.slots_out_of_range, "}}\n");
}

TargetCounters::TargetCounters()
    : bins_(std::make_unique<std::atomic<uint32_t>[]>(limits::kTargetBinsMax)),
      slots_(std::make_unique<Counter[]>(kSlotWords)) {}

void TargetCounters::OnRequest(SteadyTime arrival, uint64_t wire_bytes,
                               std::optional<int64_t> slot) {
  const int64_t ns = arrival.time_since_epoch().count();
  int64_t first = first_ns_.load(kRelaxed);
  if (first < 0 && first_ns_.compare_exchange_strong(first, ns, kRelaxed)) first = ns;
  // Another thread's request may have been stamped just before the first one was.
  const int64_t bin = std::max<int64_t>(ns / kTargetBin.count() - first / kTargetBin.count(), 0);
  if (bin < limits::kTargetBinsMax) {
    bins_[static_cast<size_t>(bin)].fetch_add(1, kRelaxed);
    RaiseTo(last_bin_, bin);
  } else {
    Add(overflow_);
  }
  Add(requests_);
  Add(bytes_received_, wire_bytes);
  pending_.fetch_add(1, kRelaxed);
  if (slot) CountSlot(*slot);
}

void TargetCounters::CountSlot(int64_t slot) {
  if (slot < 0 || slot >= limits::kTargetSlotsMax) {
    Add(slots_out_of_range_);
    return;
  }
  const uint64_t bit = uint64_t{1} << (slot % 64);
  const uint64_t before = slots_[static_cast<size_t>(slot / 64)].fetch_or(bit, kRelaxed);
  Add((before & bit) != 0 ? slots_duplicates_ : slots_distinct_);
  RaiseTo(slots_max_, slot);
}

void TargetCounters::OnAnswer(int status, uint64_t wire_bytes) {
  Add(by_status_[static_cast<size_t>(status)]);
  Add(bytes_sent_, wire_bytes);
  pending_.fetch_sub(1, kRelaxed);
}

bool TargetCounters::OnOpen() {
  if (connections_open_.fetch_add(1, kRelaxed) >= limits::kTargetConnectionsMax) {
    OnClose();
    OnRefused();
    return false;
  }
  Add(connections_opened_);
  return true;
}

std::optional<SteadyTime> TargetCounters::first_request() const {
  const int64_t ns = first_ns_.load(kRelaxed);
  return ns < 0 ? std::nullopt : std::optional(SteadyTime(Nanos(ns)));
}

TargetStats TargetCounters::Snapshot() const {
  TargetStats stats;
  stats.requests = requests_.load(kRelaxed);
  for (size_t status = 0; status < by_status_.size(); ++status) {
    const uint64_t count = by_status_[status].load(kRelaxed);
    if (count > 0) stats.by_status[static_cast<int>(status)] = count;
  }
  stats.pending = static_cast<uint64_t>(std::max<int64_t>(pending_.load(kRelaxed), 0));
  stats.dropped = dropped_.load(kRelaxed);
  stats.bad_requests = bad_requests_.load(kRelaxed);
  stats.bytes_received = bytes_received_.load(kRelaxed);
  stats.bytes_sent = bytes_sent_.load(kRelaxed);
  stats.connections_opened = connections_opened_.load(kRelaxed);
  stats.connections_open =
      static_cast<uint64_t>(std::max<int64_t>(connections_open_.load(kRelaxed), 0));
  stats.connections_refused = connections_refused_.load(kRelaxed);
  const int64_t bins = last_bin_.load(kRelaxed) + 1;
  if (bins > 0) stats.first_bin = first_ns_.load(kRelaxed) / kTargetBin.count();
  stats.bins.resize(static_cast<size_t>(bins));
  for (size_t i = 0; i < stats.bins.size(); ++i) stats.bins[i] = bins_[i].load(kRelaxed);
  stats.overflow = overflow_.load(kRelaxed);
  stats.slots_distinct = slots_distinct_.load(kRelaxed);
  stats.slots_duplicates = slots_duplicates_.load(kRelaxed);
  stats.slots_max = slots_max_.load(kRelaxed);
  stats.slots_out_of_range = slots_out_of_range_.load(kRelaxed);
  return stats;
}

void TargetCounters::Reset() {
  const int64_t bins = last_bin_.exchange(-1, kRelaxed) + 1;
  for (int64_t i = 0; i < bins; ++i) bins_[static_cast<size_t>(i)].store(0, kRelaxed);
  if (slots_max_.exchange(-1, kRelaxed) >= 0) {
    for (size_t i = 0; i < kSlotWords; ++i) slots_[i].store(0, kRelaxed);
  }
  for (Counter* counter : {&requests_, &dropped_, &bad_requests_, &bytes_received_, &bytes_sent_,
                           &connections_opened_, &connections_refused_, &overflow_,
                           &slots_distinct_, &slots_duplicates_, &slots_out_of_range_}) {
    counter->store(0, kRelaxed);
  }
  for (Counter& counter : by_status_) counter.store(0, kRelaxed);
  first_ns_.store(-1, kRelaxed);
}

}  // namespace broadside
