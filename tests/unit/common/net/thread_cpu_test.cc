#include "common/net/thread_cpu.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

Nanos ThreadTime() { return internal::ReadClock(CLOCK_THREAD_CPUTIME_ID); }

TEST(ThreadCpuTest, TheFirstLookHasNothingToCompareWith) {
  ThreadCpu cpu;
  EXPECT_EQ(cpu.TakeFraction(), 0);
}

TEST(ThreadCpuTest, IsTheThreadsOwnTimeByTheTimeThatPassed) {
  ThreadCpu cpu;
  const BootTime began = BootNow();
  cpu.TakeFraction();
  const BootTime looked = BootNow();
  const Nanos used_before = ThreadTime();
  while (ThreadTime() - used_before < Millis(20)) {
  }
  const Nanos shortest = BootNow() - looked;
  const double fraction = cpu.TakeFraction();
  const Nanos longest = BootNow() - began;
  EXPECT_GE(fraction,
            static_cast<double>(Nanos(Millis(20)).count()) / static_cast<double>(longest.count()));
  // Half a millisecond for what is between the looks.
  EXPECT_LE(fraction, static_cast<double>((ThreadTime() - used_before + Nanos(500'000)).count()) /
                          static_cast<double>(shortest.count()));
}

}  // namespace
}  // namespace broadside
