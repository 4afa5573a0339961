#include "controller/metrics/text_exposition.h"

#include <charconv>
#include <cmath>
#include <string_view>

namespace broadside {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-9 && size < 1e18);
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  return std::string(text, end.ptr);
}

void AppendEscaped(std::string& out, std::string_view text, bool label) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && label) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Summary:
      return "summary";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Untyped:
      break;
  }
  return "untyped";
}

void AppendSample(std::string& out, std::string_view name, const ClientMetric& metric,
                  std::string_view value, std::string_view le = {}) {
  out += name;
  char separator = '{';
  const auto append_label = [&](std::string_view label, std::string_view text) {
    out += separator;
    out.append(label).append("=\"");
    AppendEscaped(out, text, true);
    out += '"';
    separator = ',';
  };
  for (const ClientMetric::Label& label : metric.label) append_label(label.name, label.value);
  if (!le.empty()) append_label("le", le);
  if (separator == ',') out += '}';
  out.append(" ").append(value).append("\n");
}

void AppendHistogram(std::string& out, const std::string& name, const ClientMetric& metric) {
  const ClientMetric::Histogram& histogram = metric.histogram;
  const std::string count = std::to_string(histogram.sample_count);
  for (const ClientMetric::Bucket& bucket : histogram.bucket) {
    AppendSample(out, name + "_bucket", metric, std::to_string(bucket.cumulative_count),
                 Number(bucket.upper_bound));
  }
  AppendSample(out, name + "_bucket", metric, count, "+Inf");
  AppendSample(out, name + "_sum", metric, Number(histogram.sample_sum));
  AppendSample(out, name + "_count", metric, count);
}

void AppendMetric(std::string& out, const MetricFamily& family, const ClientMetric& metric) {
  switch (family.type) {
    case MetricType::Counter:
      return AppendSample(out, family.name, metric, Number(metric.counter.value));
    case MetricType::Gauge:
      return AppendSample(out, family.name, metric, Number(metric.gauge.value));
    case MetricType::Histogram:
      return AppendHistogram(out, family.name, metric);
    case MetricType::Untyped:
    case MetricType::Summary:  // nobody here makes summaries: they cannot be merged
      return AppendSample(out, family.name, metric, Number(metric.untyped.value));
  }
}

}  // namespace

std::string ToTextExposition(const std::vector<MetricFamily>& families) {
  std::string out;
  for (const MetricFamily& family : families) {
    if (family.metric.empty()) continue;
    out.append("# HELP ").append(family.name).append(" ");
    AppendEscaped(out, family.help, false);
    out.append("\n# TYPE ").append(family.name).append(" ").append(TypeName(family.type));
    out += '\n';
    for (const ClientMetric& metric : family.metric) AppendMetric(out, family, metric);
  }
  return out;
}

}  // namespace broadside
