#include "tests/unit/agent/engine/counted_new.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace {

std::atomic<uint64_t> counted{0};
thread_local bool marked = false;

void* CountAndAllocate(size_t size, size_t alignment) {
  if (marked) ++counted;
  // aligned_alloc wants a multiple of the alignment.
  const size_t whole = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

// The other forms of the standard library call these.
void* operator new(size_t size) { return CountAndAllocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(size_t size, std::align_val_t alignment) {
  return CountAndAllocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace broadside {

void CountNewOfThisThread() { marked = true; }
uint64_t CountedNew() { return counted; }

namespace {

TEST(CountedNewTest, OnlyMarkedThreadsCount) {
  const uint64_t before = CountedNew();
  std::thread([] { std::vector<int> unmarked(100); }).join();
  EXPECT_EQ(CountedNew(), before);
  std::thread([] {
    CountNewOfThisThread();
    const auto one = std::make_unique<std::string>(100, 'x');  // two calls
    EXPECT_EQ(one->size(), 100u);
  }).join();
  EXPECT_EQ(CountedNew(), before + 2);
}

}  // namespace
}  // namespace broadside
