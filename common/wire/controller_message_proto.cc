#include <memory>
#include <utility>

#include "common/core/check.h"
#include "common/core/limits.h"
#include "common/wire/field_check.h"
#include "common/wire/fleet_proto.h"
#include "common/wire/spec_proto.h"

namespace broadside {
namespace {

using internal::CheckSize;
using internal::CheckStamp;
using internal::CheckTestId;
using internal::CheckText;
using internal::CheckThrough;
using internal::CheckWithin;
using internal::FirstError;
using internal::Under;

constexpr int64_t kIntervalMsMax = 60'000;  // between beats or reports
constexpr int64_t kRetryMsMax = 3'600'000;

void WelcomeToProto(const Welcome& welcome, v1::Welcome* proto) {
  proto->set_protocol_major(welcome.protocol_major);
  proto->set_protocol_minor(welcome.protocol_minor);
  proto->set_store_uuid(welcome.store_uuid);
  proto->set_epoch(welcome.epoch);
  proto->set_nonce(welcome.nonce);
  proto->set_acked_seq(welcome.acked_seq);
  proto->set_beat_interval_ms(welcome.beat_interval.count());
  proto->set_report_interval_ms(welcome.report_interval.count());
  proto->set_silence_ms(welcome.silence.count());
  proto->set_version(welcome.version);
}

absl::StatusOr<Welcome> WelcomeFromProto(const v1::Welcome& proto) {
  absl::Status s = FirstError(
      CheckText("store_uuid", proto.store_uuid(), limits::kVersionTextBytesMax),
      CheckWithin("beat_interval_ms", proto.beat_interval_ms(), 1, kIntervalMsMax),
      CheckWithin("report_interval_ms", proto.report_interval_ms(), 1, kIntervalMsMax),
      CheckWithin("silence_ms", proto.silence_ms(), 1, limits::kSilenceBeats * kIntervalMsMax),
      CheckText("version", proto.version(), limits::kVersionTextBytesMax));
  if (!s.ok()) return s;
  Welcome welcome;
  welcome.protocol_major = proto.protocol_major();
  welcome.protocol_minor = proto.protocol_minor();
  welcome.store_uuid = proto.store_uuid();
  welcome.epoch = proto.epoch();
  welcome.nonce = proto.nonce();
  welcome.acked_seq = proto.acked_seq();
  welcome.beat_interval = Millis(proto.beat_interval_ms());
  welcome.report_interval = Millis(proto.report_interval_ms());
  welcome.silence = Millis(proto.silence_ms());
  welcome.version = proto.version();
  return welcome;
}

// The numbers of both enums are the same.
static_assert(static_cast<int>(RejectReason::kFleetFull) == v1::REJECT_REASON_FLEET_FULL);

void RejectToProto(const Reject& reject, v1::Reject* proto) {
  proto->set_reason(static_cast<v1::RejectReason>(reject.reason));
  proto->set_detail(reject.detail);
  proto->set_retry_after_ms(reject.retry_after.count());
}

absl::StatusOr<Reject> RejectFromProto(const v1::Reject& proto) {
  absl::Status s =
      FirstError(CheckText("detail", proto.detail(), limits::kDetailBytesMax),
                 CheckWithin("retry_after_ms", proto.retry_after_ms(), 0, kRetryMsMax));
  if (!s.ok()) return s;
  Reject reject;
  if (v1::RejectReason_IsValid(proto.reason()))
    reject.reason = static_cast<RejectReason>(proto.reason());
  reject.detail = proto.detail();
  reject.retry_after = Millis(proto.retry_after_ms());
  return reject;
}

absl::StatusOr<TestStart> TestStartFromProto(const v1::TestStart& proto) {
  absl::Status s =
      FirstError(CheckTestId("test", proto.test()), CheckStamp("t0_ns", proto.t0_ns()));
  if (!s.ok()) return s;
  absl::StatusOr<TestSpec> spec = FromProto(proto.spec());
  if (!spec.ok()) return Under("spec", spec.status());
  TestStart start;
  start.test = proto.test();
  start.spec = std::make_shared<const TestSpec>(*std::move(spec));
  start.t0 = BootTime(Nanos(proto.t0_ns()));
  start.cut = proto.cut();
  return start;
}

absl::StatusOr<TestGrant> TestGrantFromProto(const v1::TestGrant& proto) {
  absl::Status s = FirstError(CheckTestId("test", proto.test()),
                              CheckSize("grants", proto.grants_size(), limits::kSegmentMax));
  if (!s.ok()) return s;
  TestGrant grants;
  grants.test = proto.test();
  grants.grants.reserve(static_cast<size_t>(proto.grants_size()));
  for (int i = 0; i < proto.grants_size(); ++i) {
    absl::StatusOr<Grant> grant = FromProto(proto.grants(i));
    if (!grant.ok()) return Under("grants", i, grant.status());
    if (i > 0 && grant->segment.k <= grants.grants.back().segment.k) {
      return InvalidArgument("grants[", i, "].k: ", grant->segment.k, " follows ",
                             grants.grants.back().segment.k);
    }
    grants.grants.push_back(*std::move(grant));
  }
  return grants;
}

absl::StatusOr<Released> ReleasedFromProto(const v1::Released& proto) {
  absl::Status s =
      FirstError(CheckTestId("test", proto.test()), CheckThrough("through", proto.through()));
  if (!s.ok()) return s;
  return Released{proto.test(), proto.through()};
}

absl::StatusOr<BeatReply> BeatReplyFromProto(const v1::BeatReply& proto) {
  absl::Status s = FirstError(CheckStamp("agent_sent_ns", proto.agent_sent_ns()),
                              CheckStamp("controller_received_ns", proto.controller_received_ns()),
                              CheckStamp("controller_sent_ns", proto.controller_sent_ns()));
  if (!s.ok()) return s;
  return BeatReply{BootTime(Nanos(proto.agent_sent_ns())),
                   BootTime(Nanos(proto.controller_received_ns())),
                   BootTime(Nanos(proto.controller_sent_ns()))};
}

absl::StatusOr<TestId> TestIdFromProto(const std::string& id) {
  if (absl::Status s = CheckTestId("test", id); !s.ok()) return s;
  return id;
}

// Reads each of `protos` with `read`; an error names its place.
template <typename Protos, typename Value, typename Read>
absl::Status ReadAll(std::string_view field, const Protos& protos, Read read,
                     std::vector<Value>& out) {
  absl::Status s = CheckSize(field, protos.size(), limits::kTestsInMessageMax);
  if (!s.ok()) return s;
  for (int i = 0; i < protos.size(); ++i) {
    absl::StatusOr<Value> value = read(protos[i]);
    if (!value.ok()) return Under(field, i, value.status());
    out.push_back(*std::move(value));
  }
  return absl::OkStatus();
}

template <typename Proto, typename Value, typename Read>
absl::Status ReadOne(std::string_view field, const Proto& proto, Read read,
                     std::optional<Value>& out) {
  absl::StatusOr<Value> value = read(proto);
  if (!value.ok()) return Under(field, value.status());
  out = *std::move(value);
  return absl::OkStatus();
}

void TestsToProto(const ControllerMessage& message, v1::AttachResponse& proto) {
  for (const TestStart& start : message.tests) {
    BS_CHECK(start.spec != nullptr) << start.test;
    v1::TestStart* to = proto.add_tests();
    to->set_test(start.test);
    *to->mutable_spec() = ToProto(*start.spec);
    to->set_t0_ns(start.t0.time_since_epoch().count());
    to->set_cut(start.cut);
  }
  for (const TestGrant& grants : message.grants) {
    v1::TestGrant* to = proto.add_grants();
    to->set_test(grants.test);
    for (const Grant& grant : grants.grants) ToProto(grant, to->add_grants());
  }
}

}  // namespace

v1::AttachResponse ToProto(const ControllerMessage& message) {
  v1::AttachResponse proto;
  if (message.welcome) WelcomeToProto(*message.welcome, proto.mutable_welcome());
  if (message.reject) RejectToProto(*message.reject, proto.mutable_reject());
  TestsToProto(message, proto);
  if (message.ack) proto.set_ack(*message.ack);
  for (const TestId& test : message.cuts) proto.add_cuts(test);
  for (const Released& released : message.released) {
    v1::Released* to = proto.add_released();
    to->set_test(released.test);
    to->set_through(released.through);
  }
  for (const TestId& test : message.finals) proto.add_finals(test);
  if (message.beat_reply) {
    v1::BeatReply* to = proto.mutable_beat_reply();
    to->set_agent_sent_ns(message.beat_reply->agent_sent.time_since_epoch().count());
    to->set_controller_received_ns(
        message.beat_reply->controller_received.time_since_epoch().count());
    to->set_controller_sent_ns(message.beat_reply->controller_sent.time_since_epoch().count());
  }
  proto.set_drain(message.drain);
  proto.set_may_leave(message.may_leave);
  return proto;
}

absl::StatusOr<ControllerMessage> FromProto(const v1::AttachResponse& proto) {
  if (proto.has_welcome() && proto.has_reject()) {
    return InvalidArgument("reject: comes with a welcome");
  }
  ControllerMessage message;
  absl::Status s;
  if (proto.has_welcome()) {
    s = ReadOne("welcome", proto.welcome(), WelcomeFromProto, message.welcome);
  }
  if (proto.has_reject()) s = ReadOne("reject", proto.reject(), RejectFromProto, message.reject);
  if (s.ok()) s = ReadAll("tests", proto.tests(), TestStartFromProto, message.tests);
  if (s.ok()) s = ReadAll("grants", proto.grants(), TestGrantFromProto, message.grants);
  if (s.ok()) s = ReadAll("cuts", proto.cuts(), TestIdFromProto, message.cuts);
  if (s.ok()) s = ReadAll("released", proto.released(), ReleasedFromProto, message.released);
  if (s.ok()) s = ReadAll("finals", proto.finals(), TestIdFromProto, message.finals);
  if (s.ok() && proto.has_beat_reply()) {
    s = ReadOne("beat_reply", proto.beat_reply(), BeatReplyFromProto, message.beat_reply);
  }
  if (!s.ok()) return s;
  if (proto.has_ack()) message.ack = proto.ack();
  message.drain = proto.drain();
  message.may_leave = proto.may_leave();
  return message;
}

}  // namespace broadside
