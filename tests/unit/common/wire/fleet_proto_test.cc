#include "common/wire/fleet_proto.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/wire/spec_proto.h"
#include "common/wire/summary_proto.h"
#include "tests/unit/common/wire/random_messages.h"
#include "tests/unit/common/wire/random_spec.h"

namespace broadside {
namespace {

// ControllerMessage has no ==: a TestStart points to its spec.
void ExpectEqual(const ControllerMessage& a, const ControllerMessage& b) {
  ASSERT_EQ(a.tests.size(), b.tests.size());
  for (size_t i = 0; i < a.tests.size(); ++i) {
    EXPECT_EQ(a.tests[i].test, b.tests[i].test);
    EXPECT_EQ(*a.tests[i].spec, *b.tests[i].spec);
    EXPECT_EQ(a.tests[i].t0, b.tests[i].t0);
    EXPECT_EQ(a.tests[i].cut, b.tests[i].cut);
  }
  EXPECT_EQ(a.welcome, b.welcome);
  EXPECT_EQ(a.reject, b.reject);
  EXPECT_EQ(a.grants, b.grants);
  EXPECT_EQ(a.ack, b.ack);
  EXPECT_EQ(a.cuts, b.cuts);
  EXPECT_EQ(a.released, b.released);
  EXPECT_EQ(a.finals, b.finals);
  EXPECT_EQ(a.beat_reply, b.beat_reply);
  EXPECT_EQ(a.drain, b.drain);
  EXPECT_EQ(a.may_leave, b.may_leave);
}

TEST(FleetProtoTest, BringsBackEveryAgentMessage) {
  constexpr uint32_t kSeed = 20261129;
  constexpr int kCases = 5'000;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    const AgentMessage message = RandomAgentMessage(random);
    v1::AttachRequest proto;
    ASSERT_TRUE(proto.ParseFromString(ToProto(message).SerializeAsString()));
    const absl::StatusOr<AgentMessage> back = FromProto(proto);
    ASSERT_TRUE(back.ok()) << "seed " << kSeed << " case " << i << " " << back.status();
    ASSERT_EQ(*back, message) << "seed " << kSeed << " case " << i;
  }
  RecordProperty("cases", kCases);
}

TEST(FleetProtoTest, BringsBackEveryControllerMessage) {
  constexpr uint32_t kSeed = 20261130;
  constexpr int kCases = 5'000;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    const ControllerMessage message = RandomControllerMessage(random);
    v1::AttachResponse proto;
    ASSERT_TRUE(proto.ParseFromString(ToProto(message).SerializeAsString()));
    const absl::StatusOr<ControllerMessage> back = FromProto(proto);
    ASSERT_TRUE(back.ok()) << "seed " << kSeed << " case " << i << " " << back.status();
    ExpectEqual(*back, message);
    ASSERT_FALSE(HasFailure()) << "seed " << kSeed << " case " << i;
  }
  RecordProperty("cases", kCases);
}

// Random bytes in valid messages: an error or a message that survives the way out and in again,
// never a crash.
template <typename Proto, typename Make>
int SurviveDamage(uint32_t seed, int cases, Make make) {
  const google::protobuf::LogSilencer silence;  // it prints a line for each text that is not UTF-8
  std::mt19937_64 random(seed);
  int accepted = 0;
  std::string good;
  for (int i = 0; i < cases; ++i) {
    if (i % 20 == 0) good = ToProto(make(random)).SerializeAsString();
    std::string bytes = good;
    for (int64_t j = 1 + Random(random, 3); j > 0; --j) Damage(random, bytes);
    Proto proto;
    if (!proto.ParseFromString(bytes)) continue;
    const auto message = FromProto(proto);
    if (!message.ok()) {
      EXPECT_EQ(message.status().code(), absl::StatusCode::kInvalidArgument);
      continue;
    }
    ++accepted;
    EXPECT_TRUE(FromProto(ToProto(*message)).ok()) << "seed " << seed << " case " << i;
  }
  return accepted;
}

TEST(FleetProtoTest, SurvivesDamagedMessages) {
  constexpr int kCases = 50'000;
  EXPECT_GT(SurviveDamage<v1::AttachRequest>(20261201, kCases, RandomAgentMessage), 0);
  EXPECT_GT(SurviveDamage<v1::AttachResponse>(20261202, kCases, RandomControllerMessage), 0);
  RecordProperty("cases", 2 * kCases);
}

// Fields that nobody knows in a message and in all that it holds, as a later minor version would
// add them.
void AddUnknownFields(google::protobuf::Message& message, std::mt19937_64& random) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  google::protobuf::UnknownFieldSet& unknown = *reflection.MutableUnknownFields(&message);
  unknown.AddVarint(1000, static_cast<uint64_t>(Random(random, 1 << 20)));
  unknown.AddLengthDelimited(1001)->assign("later");
  unknown.AddFixed64(1002, 7);
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (field->is_map()) continue;
    if (!field->is_repeated()) {
      AddUnknownFields(*reflection.MutableMessage(&message, field), random);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      AddUnknownFields(*reflection.MutableRepeatedMessage(&message, field, i), random);
    }
  }
}

TEST(FleetProtoTest, MeansTheSameWithWhatALaterMinorVersionAdds) {
  constexpr uint32_t kSeed = 20261203;
  constexpr int kCases = 1'000;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < kCases; ++i) {
    const AgentMessage said = RandomAgentMessage(random);
    v1::AttachRequest request = ToProto(said);
    AddUnknownFields(request, random);
    v1::AttachRequest later;
    ASSERT_TRUE(later.ParseFromString(request.SerializeAsString()));
    const absl::StatusOr<AgentMessage> heard = FromProto(later);
    ASSERT_TRUE(heard.ok()) << "seed " << kSeed << " case " << i << " " << heard.status();
    ASSERT_EQ(*heard, said) << "seed " << kSeed << " case " << i;

    const ControllerMessage told = RandomControllerMessage(random);
    v1::AttachResponse response = ToProto(told);
    AddUnknownFields(response, random);
    v1::AttachResponse later_response;
    ASSERT_TRUE(later_response.ParseFromString(response.SerializeAsString()));
    const absl::StatusOr<ControllerMessage> back = FromProto(later_response);
    ASSERT_TRUE(back.ok()) << "seed " << kSeed << " case " << i << " " << back.status();
    ExpectEqual(*back, told);
    ASSERT_FALSE(HasFailure()) << "seed " << kSeed << " case " << i;
  }
  RecordProperty("cases", kCases);
}

v1::AttachRequest GoodHello() {
  AgentMessage message;
  message.hello = Hello{.incarnation = {1, 2}, .name = "a"};
  message.hello->tests.push_back({.test = "t"});
  return ToProto(message);
}

v1::AttachRequest GoodReport() {
  AgentMessage message;
  message.beat = Beat{};
  message.beat->plans.push_back({"t", 3});
  TestDelta delta;
  delta.test = "t";
  delta.by_due[3].outcomes[Outcome::kOk] = 2;
  delta.by_due[4].outcomes[Outcome::kOk] = 1;
  Histogram histogram;
  histogram.Record(
      Millis(1));  // bucket 1284: (20 + log2 0.001) * 128 = 1284.4, of which the whole part
  histogram.Record(Millis(2));
  delta.by_done[3].response_time = histogram.Sparse();
  message.report = Report{7, {delta}};
  return ToProto(message);
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

template <typename Proto>
Proto ParsedHex(std::string_view hex) {
  Proto proto;
  EXPECT_TRUE(proto.ParseFromString(FromHex(hex)));
  return proto;
}

// The bytes that an agent and a controller of protocol 1.0 sent. Whatever later versions add, these
// go on meaning the same; never changed, only added to.
constexpr std::string_view kHelloOfOneZero =
    "0a2908011a100000000000000001000000000000000222016128014a0e0a017410ffffffffffffffffff"
    "01";
constexpr std::string_view kReportOfOneZero =
    "120762050a017410031a4e0807124a0a017412050803120102120508041201011a2108034219080218c0"
    "8db70120c0843d2880897a3204840a80013a0201014a00520020ffffffffffffffffff0128ffffffffff"
    "ffffffff01";
constexpr std::string_view kWelcomeOfOneZero =
    "0a1b08011a017520042805300638f40340f40348d00f5205302e312e30222a0a01741225186421050000"
    "0000000000290900000000000000320d10e8072080c2d72f2880c2d72f38012807";

TEST(FleetProtoTest, ReadsWhatProtocolOneZeroWrote) {
  AgentMessage hello = *FromProto(GoodHello());
  hello.hello->protocol_minor = 0;
  EXPECT_EQ(*FromProto(ParsedHex<v1::AttachRequest>(kHelloOfOneZero)), hello);
  EXPECT_EQ(*FromProto(ParsedHex<v1::AttachRequest>(kReportOfOneZero)), *FromProto(GoodReport()));

  ControllerMessage message;
  message.welcome = Welcome{.protocol_minor = 0,
                            .store_uuid = "u",
                            .epoch = 4,
                            .nonce = 5,
                            .acked_seq = 6,
                            .version = "0.1.0"};
  const Segment segment{
      .k = 0,
      .slots = {0, 100},
      .pieces = {{.duration_ms = 1000, .rate_from = 100'000'000, .rate_to = 100'000'000}}};
  message.grants.push_back({"t", {{segment, {5, 9}}}});
  message.ack = 7;
  ExpectEqual(*FromProto(ParsedHex<v1::AttachResponse>(kWelcomeOfOneZero)), message);
}

struct RequestRow {
  std::function<void(v1::AttachRequest&)> change;
  const char* error;
};

void ExpectRefused(const v1::AttachRequest& good, const std::vector<RequestRow>& rows) {
  ASSERT_TRUE(FromProto(good).ok());
  for (const RequestRow& row : rows) {
    v1::AttachRequest proto = good;
    row.change(proto);
    EXPECT_EQ(ToStd(FromProto(proto).status().message()), row.error);
  }
}

TEST(FleetProtoTest, RefusesABadHello) {
  using Request = v1::AttachRequest;
  ExpectRefused(
      GoodHello(),
      {
          {[](Request& r) { r.mutable_hello()->set_incarnation("short"); },
           "hello.incarnation: 5 bytes, not 16"},
          {[](Request& r) { r.mutable_hello()->set_name(""); }, "hello.name: is empty"},
          {[](Request& r) { r.mutable_hello()->set_name(std::string(254, 'x')); },
           "hello.name: 254 bytes exceed 253"},
          {[](Request& r) { r.mutable_hello()->set_name("a\nb"); },
           "hello.name: \"a\\x0ab\" is not printable"},
          {[](Request& r) { r.mutable_hello()->set_threads(0); }, "hello.threads: 0 is below 1"},
          {[](Request& r) { r.mutable_hello()->set_threads(257); },
           "hello.threads: 257 exceeds 256"},
          {[](Request& r) { r.mutable_hello()->mutable_tests(0)->set_test(""); },
           "hello.tests[0].test: is empty"},
          {[](Request& r) { r.mutable_hello()->mutable_tests(0)->set_plan_through(-2); },
           "hello.tests[0].plan_through: -2 is below -1"},
          {[](Request& r) { r.mutable_hello()->mutable_tests(0)->set_tau_ns(INT64_MIN); },
           "hello.tests[0].tau_ns: -9223372036854775808 is below -2305843009213693952"},
          {[](Request& r) {
             for (int i = 0; i < 64; ++i) *r.mutable_hello()->add_tests() = r.hello().tests(0);
           },
           "hello.tests: 65 entries exceed 64"},
          {[](Request& r) { r.mutable_beat(); }, "hello: is not alone in its message"},
      });
}

TEST(FleetProtoTest, RefusesABadReport) {
  using Request = v1::AttachRequest;
  const auto delta = [](Request& r) { return r.mutable_report()->mutable_tests(0); };
  const auto histogram = [delta](Request& r) {
    return delta(r)->mutable_by_done(0)->mutable_response_time();
  };
  ExpectRefused(
      GoodReport(),
      {
          {[](Request& r) { r.mutable_report()->set_seq(0); }, "report.seq: 0 is below 1"},
          {[=](Request& r) { delta(r)->set_test(std::string(65, 'x')); },
           "report.tests[0].test: 65 bytes exceed 64"},
          {[=](Request& r) { delta(r)->set_settled_through(-2); },
           "report.tests[0].settled_through: -2 is below -1"},
          {[=](Request& r) { delta(r)->mutable_by_due(1)->set_interval(3); },
           "report.tests[0].by_due[1].interval: 3 follows 3"},
          {[=](Request& r) { delta(r)->mutable_by_due(0)->set_interval(-1); },
           "report.tests[0].by_due[0].interval: -1 is below 0"},
          {[=](Request& r) {
             for (int i = 0; i < 14; ++i) delta(r)->mutable_by_due(0)->add_outcomes(0);
           },
           "report.tests[0].by_due[0].outcomes: 15 entries exceed 14"},
          {[=](Request& r) { delta(r)->mutable_by_due(0)->set_outcomes(0, UINT64_MAX); },
           "report.tests[0].by_due[0].outcomes: 18446744073709551615 exceeds 10000000000000"},
          {[=](Request& r) {
             while (delta(r)->by_due(0).outcomes_size() < 13)
               delta(r)->mutable_by_due(0)->add_outcomes(1);
           },
           "report.tests[0].by_due: interval 3 has unassigned, which only the controller books"},
          {[=](Request& r) { (*delta(r)->mutable_by_done(0)->mutable_codes())[99] = 1; },
           "report.tests[0].by_done[0].codes: 99 is below 100"},
          {[=](Request& r) {
             for (int i = 0; i < 18; ++i) {
               (*delta(r)->mutable_by_done(0)->mutable_versions())[Concat(i)] = 1;
             }
           },
           "report.tests[0].by_done[0].versions: 18 entries exceed 17"},
          {[=](Request& r) { histogram(r)->set_bucket_deltas(1, 0); },
           "report.tests[0].by_done[0].response_time.bucket_deltas: bucket 1284 comes twice"},
          {[=](Request& r) { histogram(r)->set_bucket_deltas(0, 3584); },
           "report.tests[0].by_done[0].response_time.bucket_deltas: bucket 3584 exceeds 3583"},
          {[=](Request& r) { histogram(r)->set_bucket_deltas(1, UINT32_MAX); },
           "report.tests[0].by_done[0].response_time.bucket_deltas: bucket 4294968579 exceeds "
           "3583"},
          {[=](Request& r) { histogram(r)->add_bucket_counts(1); },
           "report.tests[0].by_done[0].response_time.bucket_counts: 3 entries for 2 buckets"},
          {[=](Request& r) { histogram(r)->set_count(3); },
           "report.tests[0].by_done[0].response_time.count: 3 samples do not agree with the "
           "buckets, or "
           "1000000 to 2000000 ns is no range"},
          {[=](Request& r) { histogram(r)->set_sum_ns(-1); },
           "report.tests[0].by_done[0].response_time.sum_ns: -1 is below 0"},
          {[](Request& r) { r.mutable_beat()->set_cpu_fraction(-0.5); },
           "beat.cpu_fraction: -0.5 is no fraction"},
          {[](Request& r) { r.mutable_beat()->set_cpu_fraction(std::nan("")); },
           "beat.cpu_fraction: nan is no fraction"},
          {[](Request& r) { r.mutable_beat()->set_loop_delay_ns(-1); },
           "beat.loop_delay_ns: -1 is below 0"},
          {[](Request& r) { r.mutable_beat()->mutable_plans(0)->set_test(""); },
           "beat.plans[0].test: is empty"},
          {[](Request& r) { r.add_cut_done(""); }, "cut_done: is empty"},
      });
}

v1::Grant GoodGrant() {
  // 1000 rps for 3 s: segment 1 has the slots 1000 to 2000.
  const Curve curve = Curve::FromStages({{3000, 1000 * kMicro, 1000 * kMicro}});
  Grant grant;
  grant.segment = {1, curve.SegmentSlots(1), curve.PiecesBetween(1000, 2000),
                   SegmentKind::kPlanned};
  v1::Grant proto;
  ToProto(grant, &proto);
  return proto;
}

TEST(FleetProtoTest, RefusesABadGrant) {
  const struct {
    std::function<void(v1::Grant&)> change;
    const char* error;
  } kRows[] = {
      {[](v1::Grant& g) { g.set_k(-1); }, "k: -1 is below 0"},
      {[](v1::Grant& g) { g.set_slot_from(2001); }, "slot_until: 2000 is below 2001"},
      {[](v1::Grant& g) { g.set_slot_until(INT64_MAX); },
       "slot_until: 9223372036854775807 exceeds 9000000000000"},
      {[](v1::Grant& g) { g.set_arc_lo(5), g.set_arc_last(4); }, "arc_last: 4 is below 5"},
      {[](v1::Grant& g) { g.clear_pieces(); }, "pieces: none for 1000 slots"},
      {[](v1::Grant& g) { g.mutable_pieces(0)->set_duration_ms(0); },
       "pieces[0].duration_ms: 0 is below 1"},
      {[](v1::Grant& g) { g.mutable_pieces(0)->set_rate_to(-1); },
       "pieces[0].rate_to: -1 is below 0"},
      {[](v1::Grant& g) { g.mutable_pieces(0)->set_c0(9'000'000'000'000'000'000); },
       "pieces[0].c0: 9000000000000000000 leads to more than 9000000000000000000"},
      {[](v1::Grant& g) { *g.add_pieces() = g.pieces(0); },
       "pieces[1]: does not begin where the piece before it ends"},
      {[](v1::Grant& g) { g.set_k(9); }, "pieces: 0 to 3000 ms are outside of segment 9"},
      {[](v1::Grant& g) { g.set_slot_until(3001); }, "pieces: do not hold the slots 1000 to 3001"},
      {[](v1::Grant& g) {
         for (int i = 0; i < 1001; ++i) *g.add_pieces() = g.pieces(0);
       },
       "pieces: 1002 entries exceed 1001"},
  };
  ASSERT_TRUE(FromProto(GoodGrant()).ok()) << FromProto(GoodGrant()).status();
  for (const auto& row : kRows) {
    v1::Grant proto = GoodGrant();
    row.change(proto);
    EXPECT_EQ(ToStd(FromProto(proto).status().message()), row.error);
  }
}

TEST(FleetProtoTest, ToleratesWhatALaterMinorVersionCouldAdd) {
  v1::Grant grant = GoodGrant();
  grant.set_kind(static_cast<v1::SegmentKind>(99));
  EXPECT_EQ(FromProto(grant).value().segment.kind, SegmentKind::kPlanned);
  v1::AttachResponse response;
  response.mutable_reject()->set_reason(static_cast<v1::RejectReason>(99));
  EXPECT_EQ(FromProto(response).value().reject->reason, RejectReason::kUnspecified);
}

TEST(FleetProtoTest, RefusesABadControllerMessage) {
  using Response = v1::AttachResponse;
  std::mt19937_64 random(1);
  const TestSpec spec = RandomSpec(random);
  const struct {
    std::function<void(Response&)> change;
    const char* error;
  } kRows[] = {
      {[](Response& r) { r.mutable_welcome(), r.mutable_reject(); },
       "reject: comes with a welcome"},
      {[](Response& r) { r.mutable_welcome()->set_beat_interval_ms(0); },
       "welcome.beat_interval_ms: 0 is below 1"},
      {[](Response& r) { r.mutable_reject()->set_retry_after_ms(-1); },
       "reject.retry_after_ms: -1 is below 0"},
      {[&](Response& r) { *r.add_tests()->mutable_spec() = ToProto(spec); },
       "tests[0].test: is empty"},
      {[&](Response& r) {
         r.add_tests()->set_test("t");
         *r.mutable_tests(0)->mutable_spec() = ToProto(spec);
         r.mutable_tests(0)->mutable_spec()->set_timeout_ms(0);
       },
       "tests[0].spec./timeout: 0 ms is below 1 ms"},
      {[](Response& r) {
         r.add_grants()->set_test("t");
         *r.mutable_grants(0)->add_grants() = GoodGrant();
         *r.mutable_grants(0)->add_grants() = GoodGrant();
       },
       "grants[0].grants[1].k: 1 follows 1"},
      {[](Response& r) { r.add_cuts(""); }, "cuts[0].test: is empty"},
      {[](Response& r) {
         r.add_released()->set_test("t");
         r.mutable_released(0)->set_through(-2);
       },
       "released[0].through: -2 is below -1"},
      {[](Response& r) { r.mutable_beat_reply()->set_controller_sent_ns(INT64_MAX); },
       "beat_reply.controller_sent_ns: 9223372036854775807 exceeds 2305843009213693952"},
  };
  for (const auto& row : kRows) {
    Response proto;
    row.change(proto);
    EXPECT_EQ(ToStd(FromProto(proto).status().message()), row.error);
  }
}

TEST(SpecProtoTest, RefusesAModelThatItDoesNotKnow) {
  std::mt19937_64 random(1);
  v1::TestSpec proto = ToProto(RandomSpec(random));
  proto.mutable_load()->set_model(static_cast<v1::LoadModel>(3));
  EXPECT_EQ(FromProto(proto).status().message(), "/load/model: 3 is not known");
  proto.mutable_load()->set_model(v1::LOAD_MODEL_OPEN);
  proto.mutable_load()->clear_arrivals();
  EXPECT_EQ(FromProto(proto).status().message(), "/load/arrivals: 0 is not known");
  proto.mutable_load()->set_arrivals(v1::ARRIVALS_EVEN);
  proto.mutable_target()->set_port(65536);
  EXPECT_EQ(FromProto(proto).status().message(), "/target/url: port 65536 exceeds 65535");
}

// A version header may hold any bytes; a strict reader would refuse the whole report.
TEST(SummaryProtoTest, CarriesVersionsThatAreNotUtf8AsText) {
  DoneSummary summary;
  summary.versions = {{"v\xff", 2}, {"v\xfe", 3}, {"w", 4}};
  v1::DoneSummary proto;
  ToProto(summary, 5, &proto);
  v1::DoneSummary parsed;
  ASSERT_TRUE(parsed.ParseFromString(proto.SerializeAsString()));
  const VersionCounts expected = {{"v?", 5}, {"w", 4}};
  EXPECT_EQ(FromProto(parsed).value().versions, expected);
}

}  // namespace
}  // namespace broadside
