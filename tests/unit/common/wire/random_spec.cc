#include "tests/unit/common/wire/random_spec.h"

#include <array>
#include <string_view>

#include "common/core/limits.h"
#include "common/core/status.h"

namespace broadside {
namespace {

template <typename List>
const auto& OneOf(std::mt19937_64& random, const List& list) {
  return list[static_cast<size_t>(Random(random, static_cast<int64_t>(list.size())))];
}

Target RandomTarget(std::mt19937_64& random) {
  Target target;
  struct Place {
    std::string_view text, host;
  };
  constexpr std::array<Place, 4> kHosts = {
      {{"svc.shop", "svc.shop"}, {"[::1]", "::1"}, {"10.0.0.1", "10.0.0.1"}, {"a_b-c", "a_b-c"}}};
  constexpr std::array<std::string_view, 5> kPaths = {"/", "/cart", "/a%2Fb?x=1&y=%20", "/?",
                                                      "/;v=1"};
  const Place& place = OneOf(random, kHosts);
  target.host = std::string(place.host);
  target.path = std::string(OneOf(random, kPaths));
  target.url = Concat("http://", place.text);
  if (Random(random, 2) == 0) {
    target.port = static_cast<uint16_t>(1 + Random(random, 65535));
    target.url += Concat(":", target.port);
  }
  if (target.path != "/" || Random(random, 2) == 0) target.url += target.path;
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "POST", "HEAD", "PURGE", "x-own"};
  target.method = std::string(OneOf(random, kMethods));
  for (int64_t i = Random(random, 4); i > 0; --i) {
    target.headers.emplace_back(
        Concat("X-", i),
        OneOf(random, std::array<std::string_view, 4>{"", "a", "\t\"\\ \u20ac", "*/*;q=0.1"}));
  }
  for (int64_t i = Random(random, 20); i > 0; --i) {
    target.body += static_cast<char>(Random(random, Random(random, 2) == 0 ? 256 : 128));
  }
  if (Random(random, 2) == 0) target.version_header = "X-Version";
  return target;
}

Stage RandomStage(std::mt19937_64& random) {
  Stage stage;
  stage.duration_ms = 1 + RandomOfAnySize(random, 100'000'000);
  stage.rate_from = RandomOfAnySize(random, limits::kMicroRateMax);
  stage.rate_to =
      Random(random, 2) == 0 ? stage.rate_from : RandomOfAnySize(random, limits::kMicroRateMax);
  return stage;
}

void AddThresholds(std::mt19937_64& random, TestSpec& spec) {
  struct Kind {
    ThresholdMetric metric;
    std::string_view expression;
  };
  constexpr std::array<Kind, 5> kKinds = {{{ThresholdMetric::kResponseTime, "p(99.9) < 200.5"},
                                           {ThresholdMetric::kServiceTime, "med<=1"},
                                           {ThresholdMetric::kSendLag, "max!=3"},
                                           {ThresholdMetric::kFailed, "rate<0.01"},
                                           {ThresholdMetric::kRequests, "count>=10"}}};
  for (const Kind& kind : kKinds) {
    for (int64_t i = Random(random, 3); i > 0; --i) {
      Threshold threshold = ParseThreshold(kind.metric, kind.expression).value();
      threshold.abort_on_fail = Random(random, 2) == 0;
      threshold.delay_abort_eval = Millis(RandomOfAnySize(random, 100'000'000));
      spec.thresholds.push_back(threshold);
    }
  }
}

}  // namespace

int64_t Random(std::mt19937_64& random, int64_t bound) {
  return static_cast<int64_t>(random() % static_cast<uint64_t>(bound));
}

int64_t RandomOfAnySize(std::mt19937_64& random, int64_t max) {
  const auto value = static_cast<int64_t>(random() % (static_cast<uint64_t>(max) + 1));
  return value >> Random(random, 63);
}

TestSpec RandomSpec(std::mt19937_64& random) {
  TestSpec spec;
  constexpr std::array<std::string_view, 4> kNames = {"checkout", " ", "\u20ac \U0001F680",
                                                      "a\"b\\c/d"};
  spec.name = std::string(OneOf(random, kNames));
  spec.target = RandomTarget(random);
  for (int64_t i = 1 + Random(random, 5); i > 0; --i)
    spec.load.stages.push_back(RandomStage(random));
  spec.timeout = Millis(1 + RandomOfAnySize(random, limits::kTimeoutMax.count() - 1));
  spec.max_lateness = Millis(1 + RandomOfAnySize(random, limits::kMaxLatenessMax.count() - 1));
  spec.connections.max_per_agent = 1 + RandomOfAnySize(random, limits::kConnectionsPerAgentMax - 1);
  spec.connections.keepalive = Random(random, 2) == 0;
  spec.connections.max_age = Millis(100 + RandomOfAnySize(random, 86'000'000));
  spec.connections.resend_idle_closed = Random(random, 2) == 0;
  AddThresholds(random, spec);
  spec.agents.min = 1 + RandomOfAnySize(random, limits::kAgentsMinMax - 1);
  spec.agents.use = Random(random, 2) == 0 ? AgentsUse::kAuto : AgentsUse::kAll;
  return spec;
}

void Damage(std::mt19937_64& random, std::string& bytes) {
  const auto at = static_cast<size_t>(Random(random, static_cast<int64_t>(bytes.size()) + 1));
  const auto length = static_cast<size_t>(Random(random, 8));
  constexpr std::string_view kLoud = "{}[],:\"\\0123456789.-eE\x00\x7f\xc3\xff";
  switch (Random(random, 5)) {
    case 0:
      if (at < bytes.size()) bytes[at] = static_cast<char>(Random(random, 256));
      break;
    case 1:
      if (at < bytes.size()) bytes[at] = OneOf(random, kLoud);
      break;
    case 2:
      bytes.insert(at, 1, OneOf(random, kLoud));
      break;
    case 3:
      bytes.erase(at, length);
      break;
    default:
      bytes.insert(at,
                   bytes.substr(static_cast<size_t>(Random(random, 1 + static_cast<int64_t>(at))),
                                4 * length));
  }
}

}  // namespace broadside
