#pragma once

// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure, no
// thread, linear.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace broadside {

// Takes the first code point off `text`; nothing, and `text` as it was, if it does not begin with a
// whole valid one.
std::optional<char32_t> NextCodePoint(std::string_view& text);

bool IsValidUtf8(std::string_view text);

// False for what a terminal or a log could take as an order or as a line end: control characters
// (C0, DEL, C1), line and paragraph separators, marks that turn the writing direction, and
// non-characters.
bool IsPrintable(char32_t code_point);

// `text` with "?" for each byte that is in no code point.
std::string ReplaceInvalidUtf8(std::string_view text);
// `text` with "?" also for each code point that is not printable.
std::string ReplaceUnprintable(std::string_view text);

// `text` in one line for an error message: unprintable and invalid bytes as \xNN.
std::string Escaped(std::string_view text);
// The same in double quotes, with a backslash before quotes and backslashes, and cut after
// `bytes_max` bytes with "...".
std::string Quoted(std::string_view text, size_t bytes_max = 80);

}  // namespace broadside
