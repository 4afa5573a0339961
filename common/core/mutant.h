#pragma once

// Deliberate bugs, to see that the simulator finds them: `if (BROADSIDE_MUTANT("name"))` is a
// constant false, and nothing of it is left, except in the one test-only program that is built with
// BROADSIDE_MUTANTS and chooses one at run time (tests/sim/mutants, `make test-mutants`). What each
// breaks is in the list there. Used from one thread.

#ifdef BROADSIDE_MUTANTS

#include <string_view>

namespace broadside {

inline std::string_view present_mutant;  // empty: none

}  // namespace broadside

#define BROADSIDE_MUTANT(name) (::broadside::present_mutant == (name))

#else

#define BROADSIDE_MUTANT(name) false

#endif
