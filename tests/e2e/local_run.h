#pragma once

// One whole test on loopback: a demo target, and a controller with agents in this process over the
// in-process channel. Blocks until the test has ended.

#include <memory>
#include <vector>

#include "cli/embedded.h"
#include "cli/target/demo_target.h"
#include "common/core/test_spec.h"

namespace broadside {

struct LocalRunOptions {
  int agents = 1;
  int threads = 1;          // of each agent
  TargetOptions target;     // its port is chosen
  bool slot_header = true;  // so that the target can tell that every slot came once
};

struct LocalRunResult {
  std::shared_ptr<const TestView> test;
  TargetStats target;
};

// A spec with these stages and all agents in use; the URL is filled in by RunLocally.
TestSpec SpecOf(std::vector<Stage> stages);

// Fails the current test and returns what there is when something does not come up.
LocalRunResult RunLocally(TestSpec spec, const LocalRunOptions& options);

// The same against a target that is there already, or not.
std::shared_ptr<const TestView> RunTarget(TestSpec spec, const LocalRunOptions& options);

// What the target received in each window of `width` from its first request on, in the same length
// as the curve.
std::vector<double> WindowCounts(const TargetStats& stats, Nanos width, size_t windows);

}  // namespace broadside
