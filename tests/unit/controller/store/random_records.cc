#include "tests/unit/controller/store/random_records.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "tests/unit/common/wire/random_messages.h"
#include "tests/unit/common/wire/random_spec.h"

namespace broadside {
namespace {

bool Coin(std::mt19937_64& random) { return Random(random, 2) == 0; }
double RandomShare(std::mt19937_64& random) {
  return static_cast<double>(Random(random, 1001)) / 1000;
}
std::optional<double> MaybeShare(std::mt19937_64& random) {
  if (Coin(random)) return std::nullopt;
  return RandomShare(random);
}
WallTime RandomWall(std::mt19937_64& random) {
  return WallTime(Nanos(RandomOfAnySize(random, INT64_MAX)));
}
std::optional<WallTime> MaybeWall(std::mt19937_64& random) {
  if (Coin(random)) return std::nullopt;
  return RandomWall(random);
}
std::string RandomText(std::mt19937_64& random) {
  static const std::vector<std::string> kTexts = {
      "", "agent-1", "it's \"5\" > 3", "\u20ac", std::string("\0nul", 4), "\xff\xfe"};
  return kTexts[static_cast<size_t>(Random(random, static_cast<int64_t>(kTexts.size())))];
}

AgentView RandomAgent(std::mt19937_64& random) {
  AgentView agent;
  agent.name = RandomText(random);
  agent.incarnation = RandomIncarnationOf(random);
  agent.state = static_cast<AgentState>(Random(random, kAgentStateCount));
  agent.share = RandomShare(random);
  agent.threads = static_cast<uint32_t>(random());
  agent.version = RandomText(random);
  agent.capacity_rps = MaybeShare(random);
  agent.send_lag_p99_ms = MaybeShare(random);
  agent.clock_offset_ms = -RandomShare(random);
  agent.clock_error_ms = RandomShare(random);
  agent.clock_known = Coin(random);
  return agent;
}

bool Same(const std::vector<ThresholdView>& a, const std::vector<ThresholdView>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ThresholdView& x, const ThresholdView& y) {
                      return x.threshold == y.threshold && x.value == y.value && x.ok == y.ok;
                    });
}

// The first difference of two lists of the same length, by `differ(x, y)`.
template <typename T, typename Differ>
std::string FirstDifference(std::string_view what, const std::vector<T>& a, const std::vector<T>& b,
                            Differ differ) {
  if (a.size() != b.size()) return Concat(what, ": ", a.size(), " against ", b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const std::string difference = differ(a[i], b[i]);
    if (!difference.empty()) return Concat(what, "[", i, "].", difference);
  }
  return "";
}

// Names of the fields for which the two are not equal.
template <typename T, typename... Fields>
std::string Unequal(const T& a, const T& b, const std::pair<const char*, Fields T::*>&... fields) {
  std::string names;
  ((a.*fields.second == b.*fields.second ? void() : void(names += Concat(fields.first, " "))), ...);
  return names;
}

}  // namespace

Incarnation RandomIncarnationOf(std::mt19937_64& random) { return {random(), random()}; }

DueSummary RandomDueSummary(std::mt19937_64& random) {
  DueSummary summary;
  for (uint64_t& count : summary.outcomes.count)
    count = static_cast<uint64_t>(RandomOfAnySize(random, limits::kCountMax));
  for (uint64_t& count : summary.timeouts_by_phase)
    count = static_cast<uint64_t>(RandomOfAnySize(random, limits::kCountMax));
  return summary;
}

DoneSummary RandomDoneSummary(std::mt19937_64& random) {
  for (;;) {
    const AgentMessage message = RandomAgentMessage(random);
    if (!message.report) continue;
    for (const TestDelta& delta : message.report->tests) {
      if (!delta.by_done.empty()) return delta.by_done.begin()->second;
    }
  }
}

void RandomiseResult(std::mt19937_64& random, TestRecord* test) {
  test->planned = RandomOfAnySize(random, limits::kSlotsMax);
  test->due = RandomDueSummary(random);
  test->done = RandomDoneSummary(random);
  test->reason = RandomText(random);
  test->verdict.generator = static_cast<VerdictLevel>(Random(random, 3));
  test->verdict.reasons = {RandomText(random), RandomText(random)};
  test->health.agents_lost = static_cast<int64_t>(Random(random, 5));
  test->health.lost_first = {"a", std::string("\xff\0", 2)};
  test->health.clock_error_max = Nanos(static_cast<int64_t>(Random(random, 1'000'000)));
  test->health.controller_loop_delay_max = Nanos(static_cast<int64_t>(Random(random, 1'000'000)));
  test->health.ports_exhausted = Random(random, 9);
  test->quarantined = {{random(), random()}};
  test->lost = {{random(), random()}, {random(), random()}};
  test->thresholds.clear();
  for (const Threshold& threshold : test->spec->thresholds)
    test->thresholds.push_back({threshold, MaybeShare(random), Coin(random)});
  test->agents.clear();
  for (int64_t i = Random(random, 4); i > 0; --i) test->agents.push_back(RandomAgent(random));
}

TestRecord RandomTestRecord(std::mt19937_64& random, const TestId& id) {
  TestRecord test;
  test.id = id;
  test.idempotency_key = RandomText(random);
  test.body_hash = random();
  test.spec = std::make_shared<const TestSpec>(RandomSpec(random));
  test.state = static_cast<TestState>(Random(random, 3));  // not ended
  test.created_at = RandomWall(random);
  test.started_at = MaybeWall(random);
  test.ended_at = MaybeWall(random);
  test.t0 = BootTime(Nanos(-RandomOfAnySize(random, INT64_MAX)));
  for (int64_t i = Random(random, 4); i > 0; --i) {
    test.pieces.push_back({RandomOfAnySize(random, INT64_MAX), RandomOfAnySize(random, INT64_MAX),
                           RandomOfAnySize(random, INT64_MAX), RandomOfAnySize(random, INT64_MAX),
                           RandomOfAnySize(random, INT64_MAX)});
  }
  test.begun_through = Random(random, limits::kSegmentMax) - 1;
  for (int64_t i = Random(random, 6); i > 0; --i)
    test.open.push_back(10'000'000 + test.open.size());
  RandomiseResult(random, &test);
  return test;
}

std::vector<Owner> RandomOwners(std::mt19937_64& random) {
  std::vector<Owner> owners;
  for (int64_t i = Random(random, 5); i > 0; --i) {
    const uint64_t lo = random();
    owners.push_back({RandomIncarnationOf(random),
                      RandomText(random),
                      static_cast<uint32_t>(random()),
                      {lo, lo + random() % (UINT64_MAX - lo + (lo == 0 ? 0 : 1))}});
  }
  return owners;
}

IntervalView RandomInterval(std::mt19937_64& random, int64_t k, uint64_t revision) {
  IntervalView interval;
  interval.k = k;
  interval.revision = revision;
  interval.planned = RandomOfAnySize(random, limits::kSlotsMax);
  interval.due = RandomDueSummary(random);
  interval.done = RandomDoneSummary(random);
  interval.settled = Coin(random);
  interval.closed = Coin(random);
  interval.closed_completed = random();
  interval.coverage = RandomShare(random);
  return interval;
}

Change RandomChange(std::mt19937_64& random, uint64_t revision) {
  return {revision, static_cast<ChangeKind>(Random(random, 8)), RandomWall(random),
          RandomText(random)};
}

std::string Difference(const TestRecord& a, const TestRecord& b) {
  std::string names = Unequal(
      a, b, std::pair("id", &TestRecord::id), std::pair("key", &TestRecord::idempotency_key),
      std::pair("body_hash", &TestRecord::body_hash), std::pair("state", &TestRecord::state),
      std::pair("reason", &TestRecord::reason),
      std::pair("stopped_after", &TestRecord::stopped_after),
      std::pair("created_at", &TestRecord::created_at),
      std::pair("started_at", &TestRecord::started_at),
      std::pair("ended_at", &TestRecord::ended_at), std::pair("t0", &TestRecord::t0),
      std::pair("pieces", &TestRecord::pieces),
      std::pair("appended_through", &TestRecord::appended_through),
      std::pair("begun_through", &TestRecord::begun_through), std::pair("open", &TestRecord::open),
      std::pair("revision", &TestRecord::revision), std::pair("planned", &TestRecord::planned),
      std::pair("due", &TestRecord::due), std::pair("done", &TestRecord::done),
      std::pair("verdict", &TestRecord::verdict), std::pair("health", &TestRecord::health),
      std::pair("quarantined", &TestRecord::quarantined), std::pair("lost", &TestRecord::lost),
      std::pair("agents", &TestRecord::agents));
  if (*a.spec != *b.spec) names += "spec ";
  if (!Same(a.thresholds, b.thresholds)) names += "thresholds ";
  return names;
}

std::string Difference(const StoredTest& a, const StoredTest& b) {
  std::string found = Difference(a.test, b.test);
  if (found.empty()) {
    found = FirstDifference("partitions", a.partitions, b.partitions,
                            [](const PartitionRecord& x, const PartitionRecord& y) {
                              return Unequal(x, y, std::pair("test", &PartitionRecord::test),
                                             std::pair("number", &PartitionRecord::number),
                                             std::pair("owners", &PartitionRecord::owners));
                            });
  }
  if (found.empty()) {
    found = FirstDifference("segments", a.segments, b.segments,
                            [](const SegmentRecord& x, const SegmentRecord& y) {
                              return Unequal(x, y, std::pair("test", &SegmentRecord::test),
                                             std::pair("k", &SegmentRecord::k),
                                             std::pair("slots", &SegmentRecord::slots),
                                             std::pair("partition", &SegmentRecord::partition),
                                             std::pair("kind", &SegmentRecord::kind));
                            });
  }
  if (found.empty()) {
    found = FirstDifference("intervals", a.intervals, b.intervals,
                            [](const IntervalRecord& x, const IntervalRecord& y) {
                              return Unequal(x, y, std::pair("test", &IntervalRecord::test),
                                             std::pair("interval", &IntervalRecord::interval));
                            });
  }
  return found;
}

std::string Difference(const StoredState& a, const StoredState& b) {
  std::string found =
      FirstDifference("unended", a.unended, b.unended,
                      [](const StoredTest& x, const StoredTest& y) { return Difference(x, y); });
  if (found.empty()) {
    found =
        FirstDifference("ended", a.ended, b.ended,
                        [](const TestRecord& x, const TestRecord& y) { return Difference(x, y); });
  }
  if (found.empty() && a.acked != b.acked) found = "acked";
  if (found.empty()) {
    found = FirstDifference(
        "ledger", a.ledger, b.ledger, [](const StoredLedgerEntry& x, const StoredLedgerEntry& y) {
          return Unequal(x, y, std::pair("incarnation", &StoredLedgerEntry::incarnation),
                         std::pair("test", &StoredLedgerEntry::test),
                         std::pair("settled", &StoredLedgerEntry::settled_through),
                         std::pair("reported", &StoredLedgerEntry::reported));
        });
  }
  return found;
}

}  // namespace broadside
