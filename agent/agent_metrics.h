#pragma once

// An agent's own metrics for Prometheus, broadside_agent_...: is it well, connected, and how much
// does it do. The results of tests are the controller's to publish. Made from the published
// snapshot at each scrape. Thread-safe.

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "agent/snapshot.h"

namespace broadside {

struct AgentLabels {
  std::string name;
  std::string version;
  std::string incarnation;
};

class AgentMetrics final : public prometheus::Collectable {
 public:
  // `snapshot` must outlive it.
  AgentMetrics(AgentLabels labels, const PublishedSnapshot* snapshot);
  std::vector<prometheus::MetricFamily> Collect() const override;
  // The text exposition format.
  std::string Text() const;

 private:
  // Constant after construction.
  const AgentLabels labels_;
  const PublishedSnapshot* const snapshot_;
};

}  // namespace broadside
