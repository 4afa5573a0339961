#include "tests/unit/common/wire/random_messages.h"

#include <array>
#include <memory>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "tests/unit/common/wire/random_spec.h"

namespace broadside {
namespace {

bool Coin(std::mt19937_64& random) { return Random(random, 2) == 0; }
Nanos RandomNanos(std::mt19937_64& random) {
  return Nanos(RandomOfAnySize(random, limits::kClockNanosMax));
}
Nanos RandomStamp(std::mt19937_64& random) {
  return Coin(random) ? RandomNanos(random) : -RandomNanos(random);
}
int64_t RandomThrough(std::mt19937_64& random) {
  return RandomOfAnySize(random, limits::kSegmentMax + 1) - 1;
}
TestId RandomTestId(std::mt19937_64& random) { return Concat("test-", Random(random, 1000)); }

SparseHistogram RandomHistogram(std::mt19937_64& random) {
  Histogram histogram;
  for (int64_t i = Random(random, 30); i > 0; --i) {
    histogram.RecordMany(Nanos(RandomOfAnySize(random, 300'000'000'000)),
                         static_cast<uint64_t>(1 + RandomOfAnySize(random, 10'000)));
  }
  return histogram.Sparse();
}

DueSummary RandomDue(std::mt19937_64& random) {
  DueSummary summary;
  for (size_t i = 0; i < kOutcomeCount; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (outcome == Outcome::kUnassigned || outcome == Outcome::kUnknown) continue;
    summary.outcomes[outcome] = static_cast<uint64_t>(RandomOfAnySize(random, limits::kCountMax));
  }
  for (uint64_t& count : summary.timeouts_by_phase) {
    count = static_cast<uint64_t>(RandomOfAnySize(random, limits::kCountMax));
  }
  return summary;
}

DoneSummary RandomDone(std::mt19937_64& random) {
  DoneSummary summary;
  summary.completed = static_cast<uint64_t>(RandomOfAnySize(random, limits::kCountMax));
  for (int64_t i = Random(random, 4); i > 0; --i) {
    summary.codes[static_cast<uint16_t>(100 + Random(random, 900))] = static_cast<uint64_t>(i);
    summary.versions[Concat("v", Random(random, 10))] = static_cast<uint64_t>(i);
  }
  summary.bytes_sent = static_cast<uint64_t>(RandomOfAnySize(random, int64_t{1} << 56));
  summary.bytes_received = static_cast<uint64_t>(RandomOfAnySize(random, int64_t{1} << 56));
  summary.resends = static_cast<uint64_t>(RandomOfAnySize(random, limits::kCountMax));
  summary.response_time = RandomHistogram(random);
  summary.service_time = RandomHistogram(random);
  summary.send_lag = RandomHistogram(random);
  return summary;
}

TestDelta RandomDelta(std::mt19937_64& random) {
  TestDelta delta;
  delta.test = RandomTestId(random);
  for (int64_t i = Random(random, 4); i > 0; --i) {
    delta.by_due[Random(random, limits::kSegmentMax)] = RandomDue(random);
    delta.by_done[Random(random, limits::kSegmentMax)] = RandomDone(random);
  }
  delta.settled_through = RandomThrough(random);
  delta.closed_through = RandomThrough(random);
  return delta;
}

Hello RandomHello(std::mt19937_64& random) {
  Hello hello;
  hello.protocol_minor = static_cast<uint32_t>(Random(random, 10));
  hello.incarnation = {random(), random()};
  hello.name = Concat("agent-\u20ac-", Random(random, 1000));
  hello.threads = static_cast<uint32_t>(1 + Random(random, limits::kShardsMax));
  hello.version = Coin(random) ? "0.1.0" : "";
  hello.store_uuid = Coin(random) ? "5a1d" : "";
  hello.epoch = random();
  for (int64_t i = Random(random, 4); i > 0; --i) {
    hello.tests.push_back({.test = RandomTestId(random),
                           .plan_through = RandomThrough(random),
                           .last_hash = random(),
                           .tau = TestTime(RandomStamp(random)),
                           .tau_error = RandomNanos(random)});
  }
  hello.draining = Coin(random);
  if (Coin(random)) hello.sent = BootTime(RandomStamp(random));
  return hello;
}

Beat RandomBeat(std::mt19937_64& random) {
  Beat beat;
  beat.agent_sent = BootTime(RandomStamp(random));
  beat.loop_delay = RandomNanos(random);
  beat.cpu_fraction = static_cast<double>(Random(random, 1'000)) / 999;
  beat.throttled_fraction = static_cast<double>(Random(random, 1'000)) / 999;
  beat.cursor_lag = RandomNanos(random);
  beat.clock_offset = RandomStamp(random);
  beat.clock_error = RandomNanos(random);
  beat.clock_known = Coin(random);
  beat.ports_exhausted = random();
  beat.descriptors_exhausted = random();
  beat.draining = Coin(random);
  if (Coin(random)) beat.capacity_rps = static_cast<double>(Random(random, 1'000'000)) / 7;
  for (int64_t i = Random(random, 4); i > 0; --i) {
    beat.plans.push_back({RandomTestId(random), RandomThrough(random)});
  }
  return beat;
}

Welcome RandomWelcome(std::mt19937_64& random) {
  return {.protocol_minor = static_cast<uint32_t>(Random(random, 10)),
          .store_uuid = "5a1d",
          .epoch = random(),
          .nonce = random(),
          .acked_seq = random(),
          .beat_interval = Millis(1 + Random(random, 60'000)),
          .report_interval = Millis(1 + Random(random, 60'000)),
          .silence = Millis(1 + Random(random, 240'000)),
          .version = "0.1.0"};
}

// The grants of some seconds of a real curve.
TestGrant RandomGrants(std::mt19937_64& random) {
  std::vector<Stage> stages;
  for (int64_t i = 1 + Random(random, 6); i > 0; --i) {
    stages.push_back({1 + RandomOfAnySize(random, 100'000'000),
                      RandomOfAnySize(random, limits::kMicroRateMax),
                      RandomOfAnySize(random, limits::kMicroRateMax)});
  }
  const Curve curve = Curve::FromStages(stages);
  TestGrant grants;
  grants.test = RandomTestId(random);
  int64_t k = Random(random, curve.SegmentCount());
  for (int64_t i = Random(random, 4); i > 0 && k < curve.SegmentCount(); --i, ++k) {
    Grant grant;
    grant.segment.k = k;
    grant.segment.slots = curve.SegmentSlots(k);
    grant.segment.pieces = curve.PiecesBetween(k * 1000, k * 1000 + 1000);
    grant.segment.kind = Coin(random) ? SegmentKind::kPlanned : SegmentKind::kBridge;
    const uint64_t one = random(), other = random();
    grant.arc = {std::min(one, other), std::max(one, other)};
    grants.grants.push_back(grant);
  }
  return grants;
}

void AddTests(std::mt19937_64& random, ControllerMessage& message) {
  for (int64_t i = Random(random, 3); i > 0; --i) {
    TestSpec spec = RandomSpec(random);
    spec.thresholds.clear();  // they do not travel
    TestStart start;
    start.test = RandomTestId(random);
    start.spec = std::make_shared<const TestSpec>(std::move(spec));
    start.t0 = BootTime(RandomStamp(random));
    start.cut = Coin(random);
    message.tests.push_back(std::move(start));
    message.grants.push_back(RandomGrants(random));
  }
}

}  // namespace

AgentMessage RandomAgentMessage(std::mt19937_64& random) {
  AgentMessage message;
  if (Random(random, 4) == 0) {
    message.hello = RandomHello(random);
    return message;
  }
  if (Coin(random)) message.beat = RandomBeat(random);
  if (Coin(random)) {
    message.report = Report{1 + random() / 2, {}};
    for (int64_t i = Random(random, 3); i > 0; --i) {
      message.report->tests.push_back(RandomDelta(random));
    }
  }
  for (int64_t i = Random(random, 3); i > 0; --i) message.cut_done.push_back(RandomTestId(random));
  return message;
}

ControllerMessage RandomControllerMessage(std::mt19937_64& random) {
  ControllerMessage message;
  if (Random(random, 4) == 0) {
    constexpr std::array kReasons = {RejectReason::kUnspecified, RejectReason::kBusy,
                                     RejectReason::kProtocol, RejectReason::kInvalid,
                                     RejectReason::kFleetFull};
    message.reject = Reject{kReasons[Random(random, std::ssize(kReasons))], "the reason",
                            Millis(Random(random, 3'600'000))};
  } else if (Coin(random)) {
    message.welcome = RandomWelcome(random);
  }
  AddTests(random, message);
  if (Coin(random)) message.ack = random();
  for (int64_t i = Random(random, 3); i > 0; --i) {
    message.cuts.push_back(RandomTestId(random));
    message.released.push_back({RandomTestId(random), RandomThrough(random)});
    message.finals.push_back(RandomTestId(random));
  }
  if (Coin(random)) {
    message.beat_reply = BeatReply{BootTime(RandomStamp(random)), BootTime(RandomStamp(random)),
                                   BootTime(RandomStamp(random))};
  }
  message.drain = Coin(random);
  message.may_leave = Coin(random);
  return message;
}

}  // namespace broadside
