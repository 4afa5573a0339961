#pragma once

// Which characters HTTP/1.1 allows where (RFC 9110 section 5). Tables made at compile time: one
// load a character.

#include <array>
#include <cstdint>
#include <string_view>

namespace broadside {

namespace internal {
inline constexpr uint8_t kToken = 1;   // in method and field names
inline constexpr uint8_t kField = 2;   // in field values: visible, space, tab and above ASCII
inline constexpr uint8_t kTarget = 4;  // in a request target: visible and above ASCII

constexpr std::array<uint8_t, 256> MakeHttpChars() {
  std::array<uint8_t, 256> table{};
  for (size_t c = 0x21; c < 256; ++c) {
    if (c != 0x7f) table[c] = kField | kTarget;
  }
  table[' '] = kField;
  table['\t'] = kField;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<uint8_t>(c)] |= kToken;
  }
  return table;
}
inline constexpr std::array<uint8_t, 256> kHttpChars = MakeHttpChars();
}  // namespace internal

constexpr bool IsTokenChar(char c) {
  return (internal::kHttpChars[static_cast<uint8_t>(c)] & internal::kToken) != 0;
}
constexpr bool IsFieldChar(char c) {
  return (internal::kHttpChars[static_cast<uint8_t>(c)] & internal::kField) != 0;
}
constexpr bool IsTargetChar(char c) {
  return (internal::kHttpChars[static_cast<uint8_t>(c)] & internal::kTarget) != 0;
}

}  // namespace broadside
