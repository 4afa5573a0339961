#pragma once

// Spelling suggestions for words that a user got wrong. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace broadside {

// Edits (insert, delete, replace, swap of neighbours) between two words.
size_t EditDistance(std::string_view a, std::string_view b);

// The candidate nearest to `word`, if it is near enough to be meant (a third of its length, at
// least 2 edits); else empty.
std::string Suggest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace broadside
