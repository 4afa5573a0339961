#pragma once

// Virtual time and chance: a queue of things to happen, in the order of their time and then of
// their scheduling, and the one source of randomness. The same seed gives the same run.
// Single-threaded.

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <utility>
#include <vector>

#include "common/core/time.h"

namespace broadside::sim {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // In [low, high].
  int64_t Between(int64_t low, int64_t high) {
    const auto span = static_cast<uint64_t>(high - low) + 1;
    return low + static_cast<int64_t>(engine_() % span);
  }
  Nanos Between(Nanos low, Nanos high) { return Nanos(Between(low.count(), high.count())); }
  bool Chance(double p) { return static_cast<double>(engine_() >> 11) * 0x1p-53 < p; }
  size_t Index(size_t size) { return static_cast<size_t>(engine_() % size); }
  uint64_t Bits() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

class Timeline {
 public:
  // Since the beginning of the run.
  Nanos now() const { return now_; }

  // At `at`, or next if that has passed.
  void At(Nanos at, std::function<void()> what) {
    queue_.push({at < now_ ? now_ : at, next_++, std::move(what)});
  }
  void After(Nanos delay, std::function<void()> what) { At(now_ + delay, std::move(what)); }

  // The next thing happens; false when there is none up to `until`, which it then is.
  bool Step(Nanos until) {
    if (queue_.empty() || queue_.top().at > until) {
      now_ = until;
      return false;
    }
    // The queue gives only const access; the entry is gone after the next line.
    std::function<void()> what = std::move(const_cast<Entry&>(queue_.top()).what);
    now_ = queue_.top().at;
    queue_.pop();
    what();
    return true;
  }

 private:
  struct Entry {
    Nanos at;
    uint64_t number;
    std::function<void()> what;
    bool operator<(const Entry& other) const {
      return std::pair(at, number) > std::pair(other.at, other.number);
    }
  };
  Nanos now_{0};
  uint64_t next_ = 0;
  std::priority_queue<Entry> queue_;
};

}  // namespace broadside::sim
