#pragma once

// Replaces the global operator new of this program by one that counts the calls of marked threads.

#include <cstdint>

namespace broadside {

// Counts the calls of this thread from now on.
void CountNewOfThisThread();
// Calls of all marked threads. Thread-safe.
uint64_t CountedNew();

}  // namespace broadside
