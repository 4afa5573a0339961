#include "agent/agent_metrics.h"

#include <prometheus/text_serializer.h>

#include <chrono>
#include <sstream>
#include <string_view>
#include <utility>

namespace broadside {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

double InSeconds(Nanos value) { return std::chrono::duration<double>(value).count(); }

MetricFamily Family(std::string_view name, std::string_view help, MetricType type, double value) {
  MetricFamily family;
  family.name.append("broadside_agent_").append(name);
  family.help = help;
  family.type = type;
  ClientMetric metric;
  if (type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
  return family;
}

MetricFamily Gauge(std::string_view name, double value, std::string_view help) {
  return Family(name, help, MetricType::Gauge, value);
}
MetricFamily Gauge(std::string_view name, bool value, std::string_view help) {
  return Gauge(name, value ? 1.0 : 0.0, help);
}
MetricFamily Count(std::string_view name, uint64_t value, std::string_view help) {
  return Family(name, help, MetricType::Counter, static_cast<double>(value));
}
MetricFamily Number(std::string_view name, uint64_t value, std::string_view help) {
  return Gauge(name, static_cast<double>(value), help);
}

MetricFamily Info(const AgentLabels& labels) {
  MetricFamily family = Gauge("info", 1.0, "Who this agent is; always 1.");
  family.metric[0].label = {
      {"incarnation", labels.incarnation}, {"name", labels.name}, {"version", labels.version}};
  return family;
}

void AddLink(std::vector<MetricFamily>& families, const AgentStatus& status) {
  families.push_back(
      Gauge("connected", status.connected, "1 while a controller has welcomed the agent."));
  families.push_back(
      Gauge("draining", status.draining, "1 once the agent was told to finish and go."));
  families.push_back(Count("streams_opened_total", status.streams_opened,
                           "Attempts to open a stream to the controller."));
  families.push_back(
      Number("tests", status.tests, "Tests held, running or waiting for their end."));
  families.push_back(Count("reports_total", status.reports_made, "Reports of results made."));
  families.push_back(Number("reports_unacknowledged", status.reports_unacknowledged,
                            "Reports that the controller has not acknowledged as durable."));
  if (!status.clock_known) return;
  families.push_back(Gauge("clock_offset_seconds", InSeconds(status.clock_offset),
                           "The agent's boot clock minus the controller's."));
  families.push_back(Gauge("clock_error_seconds", InSeconds(status.clock_error),
                           "How far the test time of the agent can be off."));
}

void AddCapacity(std::vector<MetricFamily>& families, const AgentStatus& status) {
  if (!status.capacity_rps) return;
  families.push_back(Gauge("capacity_requests_per_second", *status.capacity_rps,
                           "Requests a second that it could send, by what it sent and the CPU of "
                           "its busiest shard."));
}

void AddEngine(std::vector<MetricFamily>& families, const EngineStats& engine) {
  families.push_back(Count("requests_sent_total", engine.requests_sent, "Requests sent."));
  families.push_back(
      Number("in_flight", engine.in_flight, "Requests dispatched and without an outcome."));
  families.push_back(
      Number("connections_open", engine.connections_open, "Connections to targets."));
  families.push_back(Count("connections_opened_total", engine.connections_opened,
                           "Connections to targets that were established."));
  families.push_back(Count("connects_failed_total", engine.connects_failed,
                           "Connections to targets that could not be established."));
  families.push_back(Count("connections_replaced_total", engine.replaced,
                           "Connections that were renewed because of their age."));
  families.push_back(Count("ports_exhausted_total", engine.ports_exhausted,
                           "Connections that failed for want of a local port."));
  families.push_back(Count("descriptors_exhausted_total", engine.descriptors_exhausted,
                           "Connections that failed for want of a file descriptor."));
  families.push_back(Count("receive_stamps_clamped_total", engine.stamps_clamped,
                           "Receive stamps of the kernel outside [sent, now], replaced by now."));
}

void AddLoad(std::vector<MetricFamily>& families, const LoadStats& load) {
  families.push_back(Gauge("loop_delay_seconds", InSeconds(load.loop_delay),
                           "Worst delay of an event loop in the last report interval."));
  families.push_back(
      Gauge("cursor_lag_seconds", InSeconds(load.cursor_lag),
            "How far the slowest shard was behind its due slots in the last report interval."));
  families.push_back(Gauge("cpu_ratio", load.cpu_fraction,
                           "CPU of the busiest shard in the last report interval, 0 to 1."));
  families.push_back(
      Gauge("cpu_throttled_ratio", load.throttled_fraction,
            "Share of scheduling periods in which the cgroup was throttled, 0 to 1."));
}

}  // namespace

AgentMetrics::AgentMetrics(AgentLabels labels, const PublishedSnapshot* snapshot)
    : labels_(std::move(labels)), snapshot_(snapshot) {}

std::vector<MetricFamily> AgentMetrics::Collect() const {
  const AgentSnapshot snapshot = snapshot_->Get();
  std::vector<MetricFamily> families;
  families.push_back(Info(labels_));
  AddLink(families, snapshot.status);
  AddEngine(families, snapshot.engine);
  AddLoad(families, snapshot.load);
  AddCapacity(families, snapshot.status);
  return families;
}

std::string AgentMetrics::Text() const {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, Collect());
  return text.str();
}

}  // namespace broadside
