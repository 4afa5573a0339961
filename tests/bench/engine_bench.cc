// What a request costs the engine, against wrk in the same run.
//
//   engine_bench [seconds per window, 2] [passes, 3]
//
// Starts nginx (one worker on core 0, `return 200 "hello"`) on a free port of 127.0.0.1 and drives
// it from core 1: wrk with 50 connections, then the engine at fixed rates and at twice what wrk
// reached, in turn, window by window. Prints requests per client CPU-second, the ratio to wrk in
// the same pass (other load on the machine cancels out) and its median, and the send lag. Then the
// demo target on core 0 instead of nginx: the rate that saturates one shard, and the send lag at
// half of it, in this process's scheduling class. Needs two cores, nginx and wrk.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "agent/engine/socket_address.h"
#include "cli/target/demo_target.h"
#include "common/core/check.h"
#include "tests/unit/agent/engine/engine_harness.h"

namespace broadside {
namespace {

constexpr int kServerCore = 0;
constexpr int kClientCore = 1;
constexpr int64_t kWrkConnections = 50;
constexpr int64_t kConnections = 1000;  // the default; enough that a stall of the server opens some

struct Window {
  double requests = 0;
  double per_cpu_second = 0;
  double per_second = 0;
  std::string outcomes;
  std::array<double, 3> lag_us{};  // p50, p99, p99.9
  Nanos loop_delay{0};             // worst: how long other load on the machine kept the shard off
};

void PinTo(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  BS_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

pid_t Spawn(std::vector<std::string> command, int core, int stdout_fd) {
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    PinTo(core);
    if (stdout_fd >= 0) dup2(stdout_fd, STDOUT_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  return pid;
}

class Nginx {
 public:
  explicit Nginx(uint16_t port)
      : folder_(std::filesystem::temp_directory_path() /
                ("engine_bench." + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
    const std::string config = folder_ / "nginx.conf";
    std::ofstream(config) << "worker_processes 1; daemon off; pid " << folder_.string()
                          << "/pid; error_log /dev/null; events { worker_connections 4096; }\n"
                          << "http { access_log off; keepalive_requests 1000000000;\n"
                          << "server { listen 127.0.0.1:" << port
                          << "; location / { return 200 \"hello\"; } } }\n";
    pid_ = Spawn({"nginx", "-c", config, "-p", folder_}, kServerCore, -1);
  }
  ~Nginx() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }

 private:
  std::filesystem::path folder_;
  pid_t pid_ = -1;
};

bool Listens(uint16_t port) {
  const auto address = SocketAddress::FromLiteral("127.0.0.1", port);
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const bool connected = connect(fd, address->get(), address->size()) == 0;
    close(fd);
    if (connected) return true;
    // tidy: allow(sleep) a bench may poll for its server
    std::this_thread::sleep_for(Millis(20));
  }
  return false;
}

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

Window RunWrk(uint16_t port, int seconds) {
  int pipe_fds[2];
  BS_CHECK(pipe(pipe_fds) == 0);
  const pid_t pid = Spawn(
      {"wrk", "-t1", "-c" + std::to_string(kWrkConnections), "-d" + std::to_string(seconds) + "s",
       "http://127.0.0.1:" + std::to_string(port) + "/"},
      kClientCore, pipe_fds[1]);
  close(pipe_fds[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(pipe_fds[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  close(pipe_fds[0]);
  int status = 0;
  rusage usage{};
  wait4(pid, &status, 0, &usage);
  const size_t at = text.find(" requests in");
  BS_CHECK(at != std::string::npos) << text;
  Window window;
  window.requests = std::stod(text.substr(text.rfind('\n', at) + 1));
  window.per_second = window.requests / seconds;
  window.per_cpu_second = window.requests / (SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime));
  return window;
}

Window RunEngine(uint16_t port, int64_t rate, int64_t connections, int seconds) {
  const Nanos before = internal::ReadClock(CLOCK_PROCESS_CPUTIME_ID);
  TestSpec spec = SpecFor(port, rate, Millis(seconds * 1000));
  spec.connections.max_per_agent = connections;
  EngineHarness harness(spec);
  harness.GrantAll();
  Window window;
  harness.CollectUntil([&] {
    window.loop_delay = std::max(window.loop_delay, harness.stats().loop_delay);
    // tidy: allow(sleep) a bench collects as seldom as an agent does
    std::this_thread::sleep_for(Millis(250));
    return harness.totals().settled_through >= harness.last_segment();
  });
  const Nanos cpu = internal::ReadClock(CLOCK_PROCESS_CPUTIME_ID) - before;
  window.requests = static_cast<double>(harness.totals().done.completed);
  window.per_second = window.requests / seconds;
  window.per_cpu_second = window.requests / (static_cast<double>(cpu.count()) / 1e9);
  window.outcomes = harness.Outcomes();
  Histogram lag;
  lag.Merge(harness.totals().done.send_lag);
  const double quantiles[] = {0.5, 0.99, 0.999};
  for (size_t i = 0; i < 3; ++i) {
    const Nanos value = lag.Quantile(quantiles[i]).value_or(Nanos(0));
    window.lag_us[i] = static_cast<double>(value.count()) / 1e3;
  }
  return window;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Print(const std::string& name, const Window& window, double ratio) {
  std::printf("%-8s %12.0f %14.0f %8.2f %9.0f/%8.0f/%8.0f %8.1f ms  %s\n", name.c_str(),
              window.per_second, window.per_cpu_second, ratio, window.lag_us[0], window.lag_us[1],
              window.lag_us[2], static_cast<double>(window.loop_delay.count()) / 1e6,
              window.outcomes.c_str());
}

// The send lag at half of what one shard can, against the demo target on a thread of this process
// (so the figure per CPU-second includes the target's work and is left out).
void BenchHalfOfSaturation(int seconds, int passes) {
  PinTo(kServerCore);  // its thread inherits it
  DemoTarget target{TargetOptions{}};
  BS_CHECK(target.Start().ok());
  PinTo(kClientCore);
  constexpr int64_t kMoreThanEnough = 400'000;
  const auto print = [](const char* name, Window window) {
    window.per_cpu_second = 0;
    Print(name, window, 0);
  };
  std::printf("one shard against the demo target\n");
  for (int pass = 0; pass < passes; ++pass) {
    const Window full = RunEngine(target.port(), kMoreThanEnough, kWrkConnections, seconds);
    print("full", full);
    const auto half = static_cast<int64_t>(full.per_second / 2);
    print("half", RunEngine(target.port(), half, kConnections, seconds));
  }
}

int Main(int seconds, int passes) {
  const uint16_t port = FreePort();
  const Nginx nginx(port);
  if (!Listens(port)) {
    std::fprintf(stderr, "nginx does not answer on port %d\n", port);
    return 1;
  }
  PinTo(kClientCore);
  const std::vector<int64_t> rates = {1000, 5000, 20'000, 50'000, 0};  // 0: saturation
  const auto name = [](int64_t rate) { return rate == 0 ? "full" : std::to_string(rate); };
  std::vector<std::vector<double>> ratios(rates.size());
  std::printf("%-8s %12s %14s %8s %27s %11s  %s\n", "rate", "answers/s", "per CPU-s", "ratio",
              "send lag p50/p99/p99.9 us", "loop delay", "outcomes");
  for (int pass = 0; pass < passes; ++pass) {
    const Window wrk = RunWrk(port, seconds);
    std::printf("%-8s %12.0f %14.0f %8.2f\n", "wrk", wrk.per_second, wrk.per_cpu_second, 1.0);
    for (size_t i = 0; i < rates.size(); ++i) {
      const auto full = static_cast<int64_t>(2 * wrk.per_second);
      const Window window = rates[i] == 0 ? RunEngine(port, full, kWrkConnections, seconds)
                                          : RunEngine(port, rates[i], kConnections, seconds);
      const double ratio = window.per_cpu_second / wrk.per_cpu_second;
      ratios[i].push_back(ratio);
      Print(name(rates[i]), window, ratio);
    }
  }
  for (size_t i = 0; i < rates.size(); ++i) {
    std::printf("median ratio at %s: %.2f\n", name(rates[i]).c_str(), Median(ratios[i]));
  }
  BenchHalfOfSaturation(seconds, passes);
  return 0;
}

}  // namespace
}  // namespace broadside

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 2;
  const int passes = argc > 2 ? std::atoi(argv[2]) : 3;
  return broadside::Main(std::max(seconds, 1), std::max(passes, 1));
}
