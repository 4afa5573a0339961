// For each deliberate bug the lives of seed 1, 2, ... until one of them fails; a table of what
// caught it. Exit 1 when one survives.
//
//   sim_mutants [--seeds 1000] [name ...]

#include "tests/sim/mutants/mutants.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/mutant.h"
#include "common/core/status.h"
#include "tests/sim/world.h"

namespace broadside::sim {
namespace {

constexpr unsigned kHangSeconds = 120;

struct Catch {
  uint64_t seed = 0;  // 0: survived
  std::string check;
};

int out = -1;
uint64_t present_seed = 0;

void Say(const char* check) {
  char line[128];
  const int length = std::snprintf(line, sizeof line, "%llu %s",
                                   static_cast<unsigned long long>(present_seed), check);
  if (write(out, line, static_cast<size_t>(length)) < 0) std::abort();
}

// A failed BS_CHECK, or a life that does not go on.
void OnSignal(int signal) {
  Say(signal == SIGALRM ? "hang" : "invariant (BS_CHECK)");
  _exit(0);
}

// Two controllers on copies of one store, three agents that change sides and come back.
bool SplitBrainFails(uint64_t seed) {
  World world(seed);
  world.Begin(6);
  TestSpec spec;
  spec.name = "sim";
  spec.target.url = "http://127.0.0.1:8000/";
  spec.target.host = "127.0.0.1";
  spec.timeout = Millis(500);
  spec.agents.use = AgentsUse::kAll;
  spec.load.stages.push_back({20'000, 100 * kMicro, 100 * kMicro});
  world.At(Seconds(1), [&] { world.Start(spec); });
  world.At(Seconds(5), [&] { world.SplitBrain(false); });
  for (size_t i = 0; i < 3; ++i) {
    for (const size_t to : {1, 0}) {
      world.At(Seconds(to == 1 ? 6 : 12), [&world, i, to] {
        world.Route(i, to);
        world.BreakStream(i);
      });
    }
  }
  world.RunUntilPeace(Seconds(16));
  const bool failed = world.witness().Failed() || world.copy_witness().Failed();
  if (failed) Say(Concat(world.witness().check(), world.copy_witness().check()).c_str());
  return failed;
}

void Live(uint64_t seeds) {
  std::signal(SIGABRT, OnSignal);
  std::signal(SIGALRM, OnSignal);
  std::signal(SIGSEGV, OnSignal);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) std::abort();
  for (present_seed = 1; present_seed <= seeds; ++present_seed) {
    alarm(kHangSeconds);
    World world(present_seed);
    world.Run();
    if (world.witness().Failed()) return Say(world.witness().check().c_str());
    if (present_seed % 10 == 0 && SplitBrainFails(present_seed)) return;
  }
}

// In a process of its own, since a broken invariant ends it.
Catch Try(std::string_view mutant, uint64_t seeds) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    out = ends[1];
    present_mutant = mutant;
    Live(seeds);
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char buffer[256];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<size_t>(got));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  const size_t space = said.find(' ');
  if (space == std::string::npos) return {};
  return {std::strtoull(said.c_str(), nullptr, 10), said.substr(space + 1)};
}

int Main(const std::vector<std::string_view>& names, uint64_t seeds) {
  std::vector<uint64_t> first;
  size_t tried = 0;
  std::printf("| mutant | breaks | first seed | caught by |\n| --- | --- | ---: | --- |\n");
  for (const Mutant& mutant : kMutants) {
    if (!names.empty() && std::find(names.begin(), names.end(), mutant.name) == names.end())
      continue;
    ++tried;
    const Catch caught = Try(mutant.name, seeds);
    if (caught.seed != 0) first.push_back(caught.seed);
    std::printf("| `%s` | %s | %s | %s |\n", std::string(mutant.name).c_str(),
                std::string(mutant.breaks).c_str(),
                caught.seed == 0 ? "-" : std::to_string(caught.seed).c_str(),
                caught.seed == 0 ? "**survived**" : caught.check.c_str());
    std::fflush(stdout);
  }
  std::sort(first.begin(), first.end());
  const uint64_t median = first.empty() ? 0 : first[first.size() / 2];
  std::printf("\n%zu of %zu caught, the median by seed %llu\n", first.size(), tried,
              static_cast<unsigned long long>(median));
  return first.size() == tried ? 0 : 1;
}

}  // namespace
}  // namespace broadside::sim

int main(int argc, char** argv) {
  uint64_t seeds = 1000;
  std::vector<std::string_view> names;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
      seeds = std::strtoull(argv[++i], nullptr, 10);
    } else {
      names.emplace_back(argv[i]);
    }
  }
  return broadside::sim::Main(names, seeds);
}
