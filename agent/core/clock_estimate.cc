#include "agent/core/clock_estimate.h"

#include <algorithm>

namespace broadside {

void ClockEstimate::StartSeries(BootTime now, bool same_clock) {
  count_ = 0;
  series_done_ = false;
  series_start_ = now;
  if (!same_clock) known_ = false;
}

bool ClockEstimate::Add(const BeatReply& reply, BootTime received) {
  const Nanos here = received - reply.agent_sent;
  const Nanos there = reply.controller_sent - reply.controller_received;
  if (here < Nanos(0) || there < Nanos(0) || there > here) return false;
  const Nanos middle_here = reply.agent_sent.time_since_epoch() + here / 2;
  const Nanos middle_there = reply.controller_received.time_since_epoch() + there / 2;
  window_[count_ % window_.size()] = {.round_trip = here - there,
                                      .offset = middle_here - middle_there};
  ++count_;
  if (count_ >= window_.size()) series_done_ = true;
  if (series_done_) TakeBest();
  return true;
}

bool ClockEstimate::SeriesDone(BootTime now) {
  if (!series_done_ && count_ > 0 && now >= series_ends()) {
    series_done_ = true;
    TakeBest();
  }
  return series_done_;
}

void ClockEstimate::TakeBest() {
  const auto end = window_.begin() + static_cast<std::ptrdiff_t>(std::min(count_, window_.size()));
  const auto best = std::min_element(
      window_.begin(), end,
      [](const Exchange& a, const Exchange& b) { return a.round_trip < b.round_trip; });
  known_ = true;
  offset_ = best->offset;
  error_ = best->round_trip / 2;
}

}  // namespace broadside
