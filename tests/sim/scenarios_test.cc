// Lives with a name: what is known to be hard, a few seeds each, with the checks of every life.

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>

#include "tests/sim/world.h"

namespace broadside::sim {
namespace {

constexpr uint64_t kSeeds = 10;

TestSpec Steady(int64_t seconds, int64_t rps) {
  TestSpec spec;
  spec.name = "scenario";
  spec.target.url = "http://127.0.0.1:8000/";
  spec.target.host = "127.0.0.1";
  spec.timeout = Millis(1000);
  spec.max_lateness = Millis(500);
  spec.agents.use = AgentsUse::kAll;
  spec.load.stages.push_back({seconds * 1000, rps * kMicro, rps * kMicro});
  return spec;
}

enum class Loss : uint8_t { kNone, kAllowed };

// `script` says what happens; faults are over at 25 s. Without a death nothing may be unknown.
void Play(int agents, Loss loss, const std::function<void(World&)>& script) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world(seed);
    world.Begin(agents);
    world.At(Seconds(1), [&] { world.Start(Steady(35, 200)); });
    script(world);
    world.RunUntilPeace(Seconds(25));
    ASSERT_FALSE(world.witness().Failed()) << "seed " << seed << ": " << world.witness().Story();
    ASSERT_GT(world.witness().fired(), 1000u) << "seed " << seed;
    if (loss == Loss::kNone) {
      ASSERT_EQ(world.witness().unknown(), 0u) << "seed " << seed;
    }
  }
}

// Every agent is drained and replaced, one a second, while the test runs: nothing is lost.
TEST(SimScenarioTest, RollingUpgrade) {
  Play(8, Loss::kNone, [](World& world) {
    for (size_t i = 0; i < 8; ++i) {
      const auto at = Seconds(5 + static_cast<int64_t>(i));
      world.At(at, [&world] { world.AddAgent(); });
      world.At(at + Millis(500), [&world, i] { world.Sigterm(i); });
    }
    // The controller too.
    world.At(Seconds(14), [&world] { world.RestartController(); });
  });
}

// Half of the fleet has two minutes' notice in the cloud, and none here.
TEST(SimScenarioTest, SpotReclaimOfHalfTheFleet) {
  Play(8, Loss::kAllowed, [](World& world) {
    world.At(Seconds(8), [&world] {
      for (size_t i = 0; i < 4; ++i) {
        if (i % 2 == 0) world.Sigterm(i);
        world.At(world.now() + Millis(1500), [&world, i] { world.Crash(i, Seconds(4)); });
      }
    });
  });
}

// Agents are cut off one after another and come back in the same order, so that the partition moves
// through the fleet like a clog through a pipe.
TEST(SimScenarioTest, SwizzleClog) {
  Play(6, Loss::kNone, [](World& world) {
    for (size_t i = 0; i < 6; ++i) {
      const auto at = Seconds(4) + Millis(700) * static_cast<int64_t>(i);
      world.At(at, [&world, i] { world.CutOff(i, Seconds(4)); });
      world.At(at + Seconds(9), [&world, i] { world.BlockOneWay(i, i % 2 == 0, Seconds(3)); });
    }
  });
}

TEST(SimScenarioTest, FlappingController) {
  Play(4, Loss::kNone,
       [](World& world) { world.At(Seconds(5), [&world] { world.FlapController(8); }); });
}

// A copy of the store, and a controller on it: nobody protects from that, but no agent serves both,
// and neither makes its agents send a slot twice.
TEST(SimScenarioTest, SplitBrainOfTwoControllersOnCopiesOfOneStore) {
  for (const bool same_epoch : {false, true}) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      World world(seed);
      world.Begin(6);
      world.At(Seconds(1), [&] { world.Start(Steady(35, 200)); });
      world.At(Seconds(8), [&] { world.SplitBrain(same_epoch); });
      for (size_t i = 0; i < 3; ++i) {
        world.At(Seconds(10) + Millis(600) * static_cast<int64_t>(i), [&world, i] {
          world.Route(i, 1);
          world.BreakStream(i);
        });
        world.At(Seconds(18), [&world, i] {
          world.Route(i, 0);
          world.BreakStream(i);
        });
      }
      world.RunUntilPeace(Seconds(25));
      ASSERT_FALSE(world.witness().Failed()) << "seed " << seed << ": " << world.witness().Story();
      ASSERT_FALSE(world.copy_witness().Failed())
          << "seed " << seed << ", the copy: " << world.copy_witness().Story();
    }
  }
}

// It reads its stream ever later: its grants come too late and are skipped, or its outbox is full.
TEST(SimScenarioTest, SlowConsumer) {
  Play(3, Loss::kNone, [](World& world) {
    world.witness().AllowClockError(Seconds(3));
    world.At(Seconds(4), [&world] { world.ReadSlowly(0, Seconds(15)); });
  });
}

// The disk fails again and again: read-only, and back by the way that every restart takes.
TEST(SimScenarioTest, AStoreThatFailsAgainAndAgain) {
  Play(4, Loss::kNone, [](World& world) {
    for (int64_t s = 5; s < 20; s += 4)
      world.At(Seconds(s), [&world] { world.FailStore(Millis(1200)); });
  });
}

// The controller dies, and its agents are paused over its return.
TEST(SimScenarioTest, EverybodyIsPausedWhileTheControllerRestarts) {
  Play(4, Loss::kNone, [](World& world) {
    world.At(Seconds(7), [&world] { world.KillController(Seconds(2)); });
    world.At(Seconds(8), [&world] {
      for (size_t i = 0; i < 4; ++i) world.Freeze(i, Seconds(3));
    });
  });
}

// Stopped while half of the fleet cannot hear it: `stopped` is said when it is certain.
TEST(SimScenarioTest, StoppedWhileHalfTheFleetIsCutOff) {
  Play(6, Loss::kNone, [](World& world) {
    world.At(Seconds(14), [&world] {
      for (size_t i = 0; i < 3; ++i) world.CutOff(i, Seconds(4));
    });
    world.At(Seconds(15), [&world] { world.Stop("t1"); });
  });
}

// Live rate changes around restarts: the plan that is handed out never changes.
TEST(SimScenarioTest, RateChangesAroundARestart) {
  Play(4, Loss::kNone, [](World& world) {
    for (int64_t s = 5; s < 20; ++s)
      world.At(Seconds(s), [&world, s] { world.ChangeRate("t1", (50 + 10 * s) * kMicro); });
    world.At(Seconds(9), [&world] { world.KillController(Seconds(1)); });
    world.At(Seconds(15), [&world] { world.RestartController(); });
  });
}

}  // namespace
}  // namespace broadside::sim
