#include "common/core/utf8.h"

namespace broadside {
namespace {

// Length of the sequence that begins with `lead`, and the smallest code point that needs it; 0 for
// no lead byte.
struct Form {
  size_t length;
  char32_t smallest;
};

constexpr Form FormOf(uint8_t lead) {
  if (lead < 0x80) return {1, 0};
  if (lead >= 0xc2 && lead <= 0xdf) return {2, 0x80};
  if (lead >= 0xe0 && lead <= 0xef) return {3, 0x800};
  if (lead >= 0xf0 && lead <= 0xf4) return {4, 0x10000};
  return {0, 0};
}

// `text` with "?" for what `keep` does not want, and for each byte that is in no code point.
template <typename Keep>
std::string Replace(std::string_view text, Keep keep) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const std::optional<char32_t> code_point = NextCodePoint(text);
    if (!code_point) text.remove_prefix(1);
    if (code_point && keep(*code_point)) {
      out += before.substr(0, before.size() - text.size());
    } else {
      out += '?';
    }
  }
  return out;
}

// Takes the first code point, or the first byte of none, off `text` and appends it to `out`.
void AppendEscaped(std::string_view& text, std::string& out) {
  std::string_view rest = text;
  const std::optional<char32_t> code_point = NextCodePoint(rest);
  const size_t length = code_point ? text.size() - rest.size() : 1;
  const bool plain = code_point && IsPrintable(*code_point);
  for (const char c : text.substr(0, length)) {
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    out += "\\x";
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 0xf];
  }
  text.remove_prefix(length);
}

}  // namespace

std::optional<char32_t> NextCodePoint(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const auto lead = static_cast<uint8_t>(text[0]);
  const Form form = FormOf(lead);
  if (form.length == 0 || text.size() < form.length) return std::nullopt;
  constexpr uint8_t kLeadBits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t code_point = lead & kLeadBits[form.length];
  for (size_t i = 1; i < form.length; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    code_point = code_point << 6 | (byte & 0x3f);
  }
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < form.smallest || code_point > 0x10ffff || surrogate) return std::nullopt;
  text.remove_prefix(form.length);
  return code_point;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    if (!NextCodePoint(text)) return false;
  }
  return true;
}

bool IsPrintable(char32_t c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return false;
  if (c == 0x2028 || c == 0x2029) return false;
  if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) return false;
  if ((c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef)) return false;
  return true;
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  return Replace(text, [](char32_t) { return true; });
}

std::string ReplaceUnprintable(std::string_view text) { return Replace(text, IsPrintable); }

std::string Escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) AppendEscaped(text, out);
  return out;
}

std::string Quoted(std::string_view text, size_t bytes_max) {
  std::string out = "\"";
  const size_t whole = text.size();
  while (!text.empty() && whole - text.size() < bytes_max) {
    if (text[0] == '"' || text[0] == '\\') out += '\\';
    AppendEscaped(text, out);
  }
  out += text.empty() ? "\"" : "...\"";
  return out;
}

}  // namespace broadside
