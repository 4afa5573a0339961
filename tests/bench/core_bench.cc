// Nanoseconds per operation of what runs once for each slot, and of what the controller does once
// for each grant. Prints one table; each row is the best of seven runs of some 50 ms, as other load
// on the machine only ever adds.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <vector>

#include "common/core/arc.h"
#include "common/core/curve.h"
#include "common/core/histogram.h"

namespace broadside {
namespace {

constexpr MicroRate kRps = 1'000'000;
constexpr int kRuns = 7;

// Keeps a result from being optimised away.
volatile int64_t sink = 0;

// `run(count)` does `count` operations and returns something that depends on all of them.
template <typename Run>
void Measure(const char* name, int64_t count, Run run) {
  double best_ns = 1e18;
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    sink = run(count);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best_ns = std::min(best_ns, took.count() / static_cast<double>(count));
  }
  std::printf("%-58s %9.2f\n", name, best_ns);
}

uint64_t Mix(uint64_t& state) {
  state += 0x9e3779b97f4a7c15ull;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// Slots 0, step, 2 * step ... of the curve by one cursor.
void MeasureCursor(const char* name, const Curve& curve, int64_t step, int64_t count) {
  Measure(name, count, [&](int64_t n) {
    DueCursor cursor(curve.pieces());
    int64_t sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += cursor.Due(i * step).time_since_epoch().count();
    return sum;
  });
}

void MeasureDue(const char* name, const Curve& curve) {
  const int64_t total = curve.TotalSlots();
  Measure(name, 300'000, [&](int64_t n) {
    uint64_t state = 1;
    int64_t sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      const auto slot = static_cast<Slot>(Mix(state) % static_cast<uint64_t>(total));
      sum += curve.Due(slot).time_since_epoch().count();
    }
    return sum;
  });
}

void CurveRows() {
  const Curve constant = Curve::FromStages({{86'400'000, 1'000'000 * kRps, 1'000'000 * kRps}});
  const Curve ramp = Curve::FromStages({{86'400'000, 100'000 * kRps, 1'000'000 * kRps}});
  MeasureCursor("DueCursor::Due, 1,000,000 rps, every slot", constant, 1, 20'000'000);
  MeasureCursor("DueCursor::Due, 1,000,000 rps, one slot a millisecond", constant, 1000, 2'000'000);
  MeasureCursor("DueCursor::Due, 1,000,000 rps, one slot in 10 ms", constant, 10'000, 2'000'000);
  MeasureCursor("DueCursor::Due, ramp over 24 h, every slot", ramp, 1, 20'000'000);
  MeasureCursor("DueCursor::Due, ramp over 24 h, one slot in 10 ms", ramp, 1000, 500'000);
  MeasureDue("Curve::Due, constant rate, at random", constant);
  MeasureDue("Curve::Due, ramp over 24 h, at random", ramp);
}

void ArcRows() {
  const uint64_t offset = ArcOffset("bench");
  for (const uint32_t owners : {4u, 1000u}) {
    const Arc arc = *DivideArc(Arc{}, std::vector<uint32_t>(owners, 1))[1];
    char name[64];
    std::snprintf(name, sizeof(name), "ArcWalker::Next, 1 of %u owners", owners);
    Measure(name, 20'000'000, [&](int64_t n) {
      ArcWalker walker(arc, offset);
      walker.Seek(0);
      for (int64_t i = 0; i < n; ++i) walker.Next();
      return walker.slot();
    });
    std::snprintf(name, sizeof(name), "ArcWalker::Seek, 1 of %u owners, at random", owners);
    Measure(name, 500'000, [&](int64_t n) {
      ArcWalker walker(arc, offset);
      uint64_t state = 1;
      int64_t sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += walker.Seek(static_cast<Slot>(Mix(state) >> 22));
      return sum;
    });
    std::snprintf(name, sizeof(name), "CountSlots, 1 of %u owners, a million slots", owners);
    Measure(name, 50'000, [&](int64_t n) {
      uint64_t state = 1;
      int64_t sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        const auto from = static_cast<Slot>(Mix(state) >> 22);
        sum += CountSlots(arc, offset, {from, from + 1'000'000});
      }
      return sum;
    });
  }
}

void HistogramRows() {
  // Latencies around 5 ms, as of a service, and values over the whole range.
  std::vector<Nanos> service(4096), any(4096);
  uint64_t state = 1;
  for (size_t i = 0; i < service.size(); ++i) {
    service[i] = Nanos(static_cast<int64_t>(3'000'000 + (Mix(state) % 2000) * (Mix(state) % 2000)));
    any[i] = Nanos(static_cast<int64_t>(Mix(state) >> (26 + Mix(state) % 30)));
  }
  const auto record = [](const std::vector<Nanos>& values) {
    return [&values](int64_t n) {
      Histogram histogram;
      for (int64_t i = 0; i < n; ++i) histogram.Record(values[static_cast<size_t>(i) % 4096]);
      return histogram.sum_nanos();
    };
  };
  Measure("Histogram::Record, latencies of 3 to 7 ms", 10'000'000, record(service));
  Measure("Histogram::Record, 10 ns to 256 s", 10'000'000, record(any));
  Histogram histogram;
  for (const Nanos value : service) histogram.Record(value);
  const SparseHistogram sparse = histogram.Sparse();
  Measure("Histogram::Sparse", 20'000, [&](int64_t n) {
    int64_t sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::ssize(histogram.Sparse().buckets);
    return sum;
  });
  char name[64];
  std::snprintf(name, sizeof(name), "Histogram::Merge of a sparse one with %zu buckets",
                sparse.buckets.size());
  Measure(name, 100'000, [&](int64_t n) {
    for (int64_t i = 0; i < n; ++i) histogram.Merge(sparse);
    return static_cast<int64_t>(histogram.count());
  });
}

}  // namespace
}  // namespace broadside

int main() {
  std::printf("%-58s %9s\n", "operation", "ns");
  broadside::CurveRows();
  broadside::ArcRows();
  broadside::HistogramRows();
  return 0;
}
