#pragma once

// How many requests a second this agent could send: what it sent in a window, divided by the share
// of the window that its busiest sending thread was running.
//
//   capacity = sent / (window * cpu)
//
// Taken only from windows in which that thread ran at least kCpuMin of the time. A request costs
// more CPU at a low rate, where each one has a wake-up of its own, than at a high one: so the
// figure errs on the low side, and rises towards the truth as the agent gets busier. It is of the
// requests of that window: heavier ones give a lower figure. Value type, no thread, a few ns a
// call.

#include <cstdint>
#include <optional>

#include "common/core/time.h"

namespace broadside {

class CapacityEstimate {
 public:
  static constexpr Seconds kWindow{2};
  static constexpr double kCpuMin = 0.1;

  // `cpu` is of the busiest thread since the last call, 0 to 1; `requests_sent` is of all threads
  // since the start, and never falls.
  void Add(BootTime now, double cpu, uint64_t requests_sent);
  // Requests a second of the last busy window; nothing before there was one.
  std::optional<double> rps() const { return rps_; }

 private:
  std::optional<double> rps_;
  // Where the window began.
  std::optional<BootTime> since_;
  uint64_t sent_before_ = 0;
  // Of the window until the last call.
  BootTime last_{};
  Nanos busy_{0};
};

}  // namespace broadside
