#include "common/wire/spec_proto.h"

#include <utility>

#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

void TargetToProto(const Target& target, v1::Target* proto) {
  proto->set_url(target.url);
  proto->set_host(target.host);
  proto->set_port(target.port);
  proto->set_path(target.path);
  proto->set_method(target.method);
  for (const auto& [name, value] : target.headers) {
    v1::Header* header = proto->add_headers();
    header->set_name(name);
    header->set_value(value);
  }
  proto->set_body(target.body);
  proto->set_version_header(target.version_header);
}

absl::StatusOr<Target> TargetFromProto(const v1::Target& proto) {
  if (proto.port() > UINT16_MAX) {
    return InvalidArgument("/target/url: port ", proto.port(), " exceeds 65535");
  }
  Target target;
  target.url = proto.url();
  target.host = proto.host();
  target.port = static_cast<uint16_t>(proto.port());
  target.path = proto.path();
  target.method = proto.method();
  for (const v1::Header& header : proto.headers()) {
    target.headers.emplace_back(header.name(), header.value());
  }
  target.body = proto.body();
  target.version_header = proto.version_header();
  return target;
}

void LoadToProto(const Load& load, v1::Load* proto) {
  proto->set_model(load.model == LoadModel::kOpen ? v1::LOAD_MODEL_OPEN : v1::LOAD_MODEL_CLOSED);
  proto->set_arrivals(load.arrivals == Arrivals::kEven ? v1::ARRIVALS_EVEN : v1::ARRIVALS_POISSON);
  for (const Stage& stage : load.stages) {
    v1::Stage* to = proto->add_stages();
    to->set_duration_ms(stage.duration_ms);
    to->set_rate_from(stage.rate_from);
    to->set_rate_to(stage.rate_to);
  }
  proto->set_seed(load.seed);
  proto->set_connections(load.connections);
  proto->set_duration_ms(load.duration_ms);
}

// A model or a kind of arrivals that is not known here would mean other load than the user asked
// for: an error, not a default.
absl::StatusOr<Load> LoadFromProto(const v1::Load& proto) {
  Load load;
  if (proto.model() != v1::LOAD_MODEL_OPEN && proto.model() != v1::LOAD_MODEL_CLOSED) {
    return InvalidArgument("/load/model: ", static_cast<int>(proto.model()), " is not known");
  }
  if (proto.arrivals() != v1::ARRIVALS_EVEN && proto.arrivals() != v1::ARRIVALS_POISSON) {
    return InvalidArgument("/load/arrivals: ", static_cast<int>(proto.arrivals()), " is not known");
  }
  load.model = proto.model() == v1::LOAD_MODEL_OPEN ? LoadModel::kOpen : LoadModel::kClosed;
  load.arrivals = proto.arrivals() == v1::ARRIVALS_EVEN ? Arrivals::kEven : Arrivals::kPoisson;
  for (const v1::Stage& stage : proto.stages()) {
    load.stages.push_back({stage.duration_ms(), stage.rate_from(), stage.rate_to()});
  }
  load.seed = proto.seed();
  load.connections = proto.connections();
  load.duration_ms = proto.duration_ms();
  return load;
}

}  // namespace

v1::TestSpec ToProto(const TestSpec& spec) {
  v1::TestSpec proto;
  proto.set_name(spec.name);
  TargetToProto(spec.target, proto.mutable_target());
  LoadToProto(spec.load, proto.mutable_load());
  proto.set_timeout_ms(spec.timeout.count());
  proto.set_max_lateness_ms(spec.max_lateness.count());
  v1::ConnectionPolicy* connections = proto.mutable_connections();
  connections->set_max_per_agent(spec.connections.max_per_agent);
  connections->set_keepalive(spec.connections.keepalive);
  connections->set_max_age_ms(spec.connections.max_age.count());
  connections->set_resend_idle_closed(spec.connections.resend_idle_closed);
  proto.mutable_agents()->set_min(spec.agents.min);
  proto.mutable_agents()->set_use_all(spec.agents.use == AgentsUse::kAll);
  return proto;
}

absl::StatusOr<TestSpec> FromProto(const v1::TestSpec& proto) {
  absl::StatusOr<Target> target = TargetFromProto(proto.target());
  if (!target.ok()) return target.status();
  absl::StatusOr<Load> load = LoadFromProto(proto.load());
  if (!load.ok()) return load.status();
  TestSpec spec;
  spec.name = proto.name();
  spec.target = *std::move(target);
  spec.load = *std::move(load);
  spec.timeout = Millis(proto.timeout_ms());
  spec.max_lateness = Millis(proto.max_lateness_ms());
  spec.connections.max_per_agent = proto.connections().max_per_agent();
  spec.connections.keepalive = proto.connections().keepalive();
  spec.connections.max_age = Millis(proto.connections().max_age_ms());
  spec.connections.resend_idle_closed = proto.connections().resend_idle_closed();
  spec.agents.min = proto.agents().min();
  spec.agents.use = proto.agents().use_all() ? AgentsUse::kAll : AgentsUse::kAuto;
  const std::vector<FieldError> errors = Validate(spec);
  if (!errors.empty()) return InvalidArgument(Escaped(errors[0].pointer), ": ", errors[0].detail);
  return spec;
}

}  // namespace broadside
