#pragma once

// The controller's metrics: a Prometheus collectable over the last published view, so each scrape
// shows one durable state and counters equal the books.
//
// Series of a test exist while it runs and for 5 minutes after its end;
// broadside_requests_per_second is 0 for the first of them, 60 s, and then gone. Labels are
// bounded: ids, names, the closed sets of outcomes and states, status codes, and at most
// limits::kVersionsMax versions.
//
// Thread-safe, as views are immutable. A scrape costs some tens of microseconds per test.

#include <prometheus/collectable.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/core/fleet_view.h"

namespace broadside {

inline constexpr Seconds kRateSeriesAfterEnd{60};
inline constexpr Seconds kTestSeriesAfterEnd{300};

class ControllerMetrics : public prometheus::Collectable {
 public:
  // `view` never returns null; `now` is the wall clock; both are called on the thread that
  // collects. `version` is that of the program.
  ControllerMetrics(std::function<std::shared_ptr<const FleetView>()> view,
                    std::function<WallTime()> now, std::string version);

  std::vector<prometheus::MetricFamily> Collect() const override;
  // All of it, the process included, in the text format.
  std::string Text() const;

 private:
  const std::function<std::shared_ptr<const FleetView>()> view_;
  const std::function<WallTime()> now_;
  const std::string version_;
};

}  // namespace broadside
