#pragma once

// Random records for the tests of the store, and their comparison. Repeatable by the generator's
// seed.

#include <random>
#include <string>
#include <vector>

#include "controller/core/store_records.h"

namespace broadside {

DueSummary RandomDueSummary(std::mt19937_64& random);
DoneSummary RandomDoneSummary(std::mt19937_64& random);
// Every field, texts with NUL, quotes and bytes that are no UTF-8 included.
TestRecord RandomTestRecord(std::mt19937_64& random, const TestId& id);
// Fills what changes of a test.
void RandomiseResult(std::mt19937_64& random, TestRecord* test);
std::vector<Owner> RandomOwners(std::mt19937_64& random);
IntervalView RandomInterval(std::mt19937_64& random, int64_t k, uint64_t revision);
Change RandomChange(std::mt19937_64& random, uint64_t revision);
Incarnation RandomIncarnationOf(std::mt19937_64& random);

// Where the two differ, for people; empty when they are the same.
std::string Difference(const TestRecord& a, const TestRecord& b);
std::string Difference(const StoredTest& a, const StoredTest& b);
std::string Difference(const StoredState& a, const StoredState& b);

}  // namespace broadside
