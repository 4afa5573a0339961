#include "controller/rest/encoding.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"

namespace broadside {
namespace {

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

bool Is(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return absl::ascii_tolower(a) == b; });
}

// "q=0", "q=0.000": not acceptable.
bool IsZeroWeight(std::string_view parameter) {
  if (parameter.size() < 3 || !Is(parameter.substr(0, 2), "q=")) return false;
  return parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<bool> gzip;
  std::optional<bool> any;
  while (!accept_encoding.empty()) {
    const size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view entry = accept_encoding.substr(0, comma);
    const size_t semicolon = std::min(entry.find(';'), entry.size());
    const std::string_view coding = Trim(entry.substr(0, semicolon));
    const std::string_view weight =
        semicolon == entry.size() ? std::string_view() : Trim(entry.substr(semicolon + 1));
    if (Is(coding, "gzip")) gzip = !IsZeroWeight(weight);
    if (coding == "*") any = !IsZeroWeight(weight);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
  }
  return gzip.value_or(any.value_or(false));
}

}  // namespace broadside
