#include <cmath>
#include <utility>

#include "common/core/limits.h"
#include "common/wire/field_check.h"
#include "common/wire/fleet_proto.h"
#include "common/wire/summary_proto.h"

namespace broadside {
namespace {

using internal::CheckNanos;
using internal::CheckSize;
using internal::CheckStamp;
using internal::CheckTestId;
using internal::CheckText;
using internal::CheckThrough;
using internal::CheckWithin;
using internal::FirstError;
using internal::Under;

constexpr size_t kIncarnationBytes = 16;

// Big endian, so that the bytes read as ToString(incarnation).
std::string IncarnationBytes(const Incarnation& incarnation) {
  std::string bytes;
  for (uint64_t half : {incarnation.hi, incarnation.lo}) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(half >> shift & 0xff);
  }
  return bytes;
}

absl::Status ReadIncarnation(const std::string& bytes, Incarnation& incarnation) {
  if (bytes.size() != kIncarnationBytes) {
    return InvalidArgument("incarnation: ", bytes.size(), " bytes, not ", kIncarnationBytes);
  }
  for (size_t i = 0; i < kIncarnationBytes; ++i) {
    uint64_t& half = i < kIncarnationBytes / 2 ? incarnation.hi : incarnation.lo;
    half = half << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return absl::OkStatus();
}

void HelloToProto(const Hello& hello, v1::Hello* proto) {
  proto->set_protocol_major(hello.protocol_major);
  proto->set_protocol_minor(hello.protocol_minor);
  proto->set_incarnation(IncarnationBytes(hello.incarnation));
  proto->set_name(hello.name);
  proto->set_threads(hello.threads);
  proto->set_version(hello.version);
  proto->set_store_uuid(hello.store_uuid);
  proto->set_epoch(hello.epoch);
  for (const HeldTest& held : hello.tests) {
    v1::HeldTest* to = proto->add_tests();
    to->set_test(held.test);
    to->set_plan_through(held.plan_through);
    to->set_last_hash(held.last_hash);
    to->set_tau_ns(held.tau.time_since_epoch().count());
    to->set_tau_error_ns(held.tau_error.count());
  }
  proto->set_draining(hello.draining);
  if (hello.sent.has_value()) proto->set_sent_ns(hello.sent->time_since_epoch().count());
}

absl::StatusOr<HeldTest> HeldTestFromProto(const v1::HeldTest& proto) {
  absl::Status s = FirstError(
      CheckTestId("test", proto.test()), CheckThrough("plan_through", proto.plan_through()),
      CheckStamp("tau_ns", proto.tau_ns()), CheckNanos("tau_error_ns", proto.tau_error_ns()));
  if (!s.ok()) return s;
  HeldTest held;
  held.test = proto.test();
  held.plan_through = proto.plan_through();
  held.last_hash = proto.last_hash();
  held.tau = TestTime(Nanos(proto.tau_ns()));
  held.tau_error = Nanos(proto.tau_error_ns());
  return held;
}

absl::StatusOr<Hello> HelloFromProto(const v1::Hello& proto) {
  Hello hello;
  absl::Status s =
      FirstError(ReadIncarnation(proto.incarnation(), hello.incarnation),
                 proto.name().empty() ? InvalidArgument("name: is empty") : absl::OkStatus(),
                 CheckText("name", proto.name(), limits::kAgentNameBytesMax),
                 CheckWithin("threads", proto.threads(), 1, limits::kShardsMax),
                 CheckText("version", proto.version(), limits::kVersionTextBytesMax),
                 CheckText("store_uuid", proto.store_uuid(), limits::kVersionTextBytesMax),
                 CheckSize("tests", proto.tests_size(), limits::kTestsInMessageMax),
                 CheckStamp("sent_ns", proto.sent_ns()));
  if (!s.ok()) return s;
  hello.protocol_major = proto.protocol_major();
  hello.protocol_minor = proto.protocol_minor();
  hello.name = proto.name();
  hello.threads = proto.threads();
  hello.version = proto.version();
  hello.store_uuid = proto.store_uuid();
  hello.epoch = proto.epoch();
  for (int i = 0; i < proto.tests_size(); ++i) {
    absl::StatusOr<HeldTest> held = HeldTestFromProto(proto.tests(i));
    if (!held.ok()) return Under("tests", i, held.status());
    hello.tests.push_back(*std::move(held));
  }
  hello.draining = proto.draining();
  if (proto.has_sent_ns()) hello.sent = BootTime(Nanos(proto.sent_ns()));
  return hello;
}

void BeatToProto(const Beat& beat, v1::Beat* proto) {
  proto->set_agent_sent_ns(beat.agent_sent.time_since_epoch().count());
  proto->set_loop_delay_ns(beat.loop_delay.count());
  proto->set_cpu_fraction(beat.cpu_fraction);
  proto->set_throttled_fraction(beat.throttled_fraction);
  proto->set_cursor_lag_ns(beat.cursor_lag.count());
  proto->set_clock_offset_ns(beat.clock_offset.count());
  proto->set_clock_error_ns(beat.clock_error.count());
  proto->set_clock_known(beat.clock_known);
  proto->set_ports_exhausted(beat.ports_exhausted);
  proto->set_descriptors_exhausted(beat.descriptors_exhausted);
  proto->set_draining(beat.draining);
  if (beat.capacity_rps) proto->set_capacity_rps(*beat.capacity_rps);
  for (const Beat::Plan& plan : beat.plans) {
    v1::PlanPosition* to = proto->add_plans();
    to->set_test(plan.test);
    to->set_plan_through(plan.plan_through);
  }
}

// Measured fractions may come out a little above 1, since the clocks that they are made from
// differ; more is no measurement.
absl::Status CheckFraction(std::string_view field, double value) {
  constexpr double kFractionMax = 1000;
  if (std::isfinite(value) && value >= 0 && value <= kFractionMax) return absl::OkStatus();
  return InvalidArgument(field, ": ", value, " is no fraction");
}

absl::Status CheckRate(std::string_view field, double value) {
  if (std::isfinite(value) && value >= 0) return absl::OkStatus();
  return InvalidArgument(field, ": ", value, " is no rate");
}

absl::Status CheckBeat(const v1::Beat& proto) {
  return FirstError(CheckStamp("agent_sent_ns", proto.agent_sent_ns()),
                    CheckNanos("loop_delay_ns", proto.loop_delay_ns()),
                    CheckFraction("cpu_fraction", proto.cpu_fraction()),
                    CheckFraction("throttled_fraction", proto.throttled_fraction()),
                    CheckNanos("cursor_lag_ns", proto.cursor_lag_ns()),
                    CheckStamp("clock_offset_ns", proto.clock_offset_ns()),
                    CheckNanos("clock_error_ns", proto.clock_error_ns()),
                    CheckRate("capacity_rps", proto.capacity_rps()),
                    CheckSize("plans", proto.plans_size(), limits::kTestsInMessageMax));
}

absl::StatusOr<Beat> BeatFromProto(const v1::Beat& proto) {
  if (absl::Status s = CheckBeat(proto); !s.ok()) return s;
  Beat beat;
  beat.agent_sent = BootTime(Nanos(proto.agent_sent_ns()));
  beat.loop_delay = Nanos(proto.loop_delay_ns());
  beat.cpu_fraction = proto.cpu_fraction();
  beat.throttled_fraction = proto.throttled_fraction();
  beat.cursor_lag = Nanos(proto.cursor_lag_ns());
  beat.clock_offset = Nanos(proto.clock_offset_ns());
  beat.clock_error = Nanos(proto.clock_error_ns());
  beat.clock_known = proto.clock_known();
  beat.ports_exhausted = proto.ports_exhausted();
  beat.descriptors_exhausted = proto.descriptors_exhausted();
  beat.draining = proto.draining();
  if (proto.has_capacity_rps()) beat.capacity_rps = proto.capacity_rps();
  for (int i = 0; i < proto.plans_size(); ++i) {
    const v1::PlanPosition& plan = proto.plans(i);
    absl::Status s = FirstError(CheckTestId("test", plan.test()),
                                CheckThrough("plan_through", plan.plan_through()));
    if (!s.ok()) return Under("plans", i, s);
    beat.plans.push_back({plan.test(), plan.plan_through()});
  }
  return beat;
}

// An agent has no say about slots that it never had.
absl::Status CheckBookedByAgent(const TestDelta& delta) {
  for (const auto& [interval, summary] : delta.by_due) {
    for (Outcome outcome : {Outcome::kUnassigned, Outcome::kUnknown}) {
      if (summary.outcomes[outcome] != 0) {
        return InvalidArgument("by_due: interval ", interval, " has ", OutcomeName(outcome),
                               ", which only the controller books");
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Report> ReportFromProto(const v1::Report& proto) {
  if (proto.seq() == 0) return InvalidArgument("seq: 0 is below 1");
  absl::Status s = CheckSize("tests", proto.tests_size(), limits::kTestsInMessageMax);
  if (!s.ok()) return s;
  Report report;
  report.seq = proto.seq();
  report.tests.reserve(static_cast<size_t>(proto.tests_size()));
  for (int i = 0; i < proto.tests_size(); ++i) {
    absl::StatusOr<TestDelta> delta = FromProto(proto.tests(i));
    if (!delta.ok()) return Under("tests", i, delta.status());
    if (s = CheckBookedByAgent(*delta); !s.ok()) return Under("tests", i, s);
    report.tests.push_back(*std::move(delta));
  }
  return report;
}

}  // namespace

v1::AttachRequest ToProto(const AgentMessage& message) {
  v1::AttachRequest proto;
  if (message.hello) HelloToProto(*message.hello, proto.mutable_hello());
  if (message.beat) BeatToProto(*message.beat, proto.mutable_beat());
  if (message.report) {
    proto.mutable_report()->set_seq(message.report->seq);
    for (const TestDelta& delta : message.report->tests) {
      ToProto(delta, proto.mutable_report()->add_tests());
    }
  }
  for (const TestId& test : message.cut_done) proto.add_cut_done(test);
  return proto;
}

absl::StatusOr<AgentMessage> FromProto(const v1::AttachRequest& proto) {
  AgentMessage message;
  if (proto.has_hello()) {
    if (proto.has_beat() || proto.has_report() || proto.cut_done_size() > 0) {
      return InvalidArgument("hello: is not alone in its message");
    }
    absl::StatusOr<Hello> hello = HelloFromProto(proto.hello());
    if (!hello.ok()) return Under("hello", hello.status());
    message.hello = *std::move(hello);
  }
  if (proto.has_beat()) {
    absl::StatusOr<Beat> beat = BeatFromProto(proto.beat());
    if (!beat.ok()) return Under("beat", beat.status());
    message.beat = *std::move(beat);
  }
  if (proto.has_report()) {
    absl::StatusOr<Report> report = ReportFromProto(proto.report());
    if (!report.ok()) return Under("report", report.status());
    message.report = *std::move(report);
  }
  absl::Status s = CheckSize("cut_done", proto.cut_done_size(), limits::kTestsInMessageMax);
  for (int i = 0; s.ok() && i < proto.cut_done_size(); ++i) {
    s = CheckTestId("cut_done", proto.cut_done(i));
    message.cut_done.push_back(proto.cut_done(i));
  }
  if (!s.ok()) return s;
  return message;
}

}  // namespace broadside
