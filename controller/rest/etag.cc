#include "controller/rest/etag.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_format.h"

namespace broadside {
namespace {

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string EtagOf(std::string_view body) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : body) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return absl::StrFormat("\"%016x\"", hash);
}

bool EtagMatches(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const size_t comma = std::min(if_none_match.find(','), if_none_match.size());
    std::string_view one = Trim(if_none_match.substr(0, comma));
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == etag) return true;
    if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
  }
  return false;
}

}  // namespace broadside
