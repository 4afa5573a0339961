#include "common/core/fleet_messages.h"

#include <string_view>

namespace broadside {
namespace {

constexpr size_t kHexDigits = 16;  // of one half

void AppendHex(uint64_t value, std::string& out) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 0xf];
}

std::optional<uint64_t> ParseHex(std::string_view digits) {
  uint64_t value = 0;
  for (char c : digits) {
    uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint64_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint64_t>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace

std::string ToString(const Incarnation& incarnation) {
  std::string text;
  text.reserve(2 * kHexDigits);
  AppendHex(incarnation.hi, text);
  AppendHex(incarnation.lo, text);
  return text;
}

std::optional<Incarnation> IncarnationFromString(std::string_view text) {
  if (text.size() != 2 * kHexDigits) return std::nullopt;
  const std::optional<uint64_t> hi = ParseHex(text.substr(0, kHexDigits));
  const std::optional<uint64_t> lo = ParseHex(text.substr(kHexDigits));
  if (!hi || !lo) return std::nullopt;
  return Incarnation{*hi, *lo};
}

}  // namespace broadside
