#pragma once

// Random valid specs, and random damage to texts and messages, for the property tests of
// common/wire. Repeatable by the generator's seed.

#include <random>
#include <string>

#include "common/core/test_spec.h"

namespace broadside {

// Below `bound`.
int64_t Random(std::mt19937_64& random, int64_t bound);
// Of any size up to `max`, small ones as often as large ones.
int64_t RandomOfAnySize(std::mt19937_64& random, int64_t max);

// Valid as Validate has it, thresholds grouped by metric as a document has them.
TestSpec RandomSpec(std::mt19937_64& random);

// Changes, inserts, removes or repeats some bytes.
void Damage(std::mt19937_64& random, std::string& bytes);

}  // namespace broadside
