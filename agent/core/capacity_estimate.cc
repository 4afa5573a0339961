#include "agent/core/capacity_estimate.h"

#include <algorithm>

namespace broadside {
namespace {

double InSeconds(Nanos nanos) { return std::chrono::duration<double>(nanos).count(); }

}  // namespace

void CapacityEstimate::Add(BootTime now, double cpu, uint64_t requests_sent) {
  if (since_.has_value()) {
    // Clocks that are read one after the other can make a little more than 1 of a full thread.
    busy_ += Nanos(static_cast<int64_t>(static_cast<double>((now - last_).count()) *
                                        std::clamp(cpu, 0.0, 1.0)));
    last_ = now;
    const Nanos window = now - *since_;
    if (window < kWindow) return;
    const double busy = InSeconds(busy_);
    const uint64_t sent = requests_sent - sent_before_;
    if (sent > 0 && busy >= kCpuMin * InSeconds(window)) rps_ = static_cast<double>(sent) / busy;
  }
  since_ = last_ = now;
  sent_before_ = requests_sent;
  busy_ = Nanos(0);
}

}  // namespace broadside
