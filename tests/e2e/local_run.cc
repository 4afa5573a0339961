#include "tests/e2e/local_run.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <utility>

namespace broadside {

TestSpec SpecOf(std::vector<Stage> stages) {
  TestSpec spec;
  spec.name = "e2e";
  spec.load.stages = std::move(stages);
  spec.agents.use = AgentsUse::kAll;
  return spec;
}

std::shared_ptr<const TestView> RunTarget(TestSpec spec, const LocalRunOptions& options) {
  std::promise<void> ended;
  bool told = false;  // of home alone
  Embedded embedded(
      {.agents = options.agents, .threads = options.threads, .slot_header = options.slot_header},
      [&] {
        if (!std::exchange(told, true)) ended.set_value();
      });
  const absl::Status running = embedded.Start({std::move(spec), [](const FieldError& field) {
                                                 return field.pointer + ": " + field.detail;
                                               }});
  EXPECT_TRUE(running.ok()) << running;
  if (!running.ok()) return std::make_shared<const TestView>();
  ended.get_future().wait();
  return embedded.view();
}

LocalRunResult RunLocally(TestSpec spec, const LocalRunOptions& options) {
  DemoTarget target(options.target);
  const absl::Status started = target.Start();
  EXPECT_TRUE(started.ok()) << started;
  if (!started.ok()) return {std::make_shared<const TestView>(), {}};
  spec.target.host = "127.0.0.1";
  spec.target.port = target.port();
  spec.target.url = "http://127.0.0.1:" + std::to_string(target.port()) + "/";
  LocalRunResult result;
  result.test = RunTarget(std::move(spec), options);
  result.target = target.stats();
  return result;
}

std::vector<double> WindowCounts(const TargetStats& stats, Nanos width, size_t windows) {
  std::vector<double> counts(windows, 0);
  const auto bins_each = static_cast<size_t>(width / kTargetBin);
  for (size_t i = 0; i < stats.bins.size(); ++i) {
    if (i / bins_each < windows) counts[i / bins_each] += stats.bins[i];
  }
  return counts;
}

}  // namespace broadside
