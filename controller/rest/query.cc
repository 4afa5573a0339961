#include "controller/rest/query.h"

#include <algorithm>
#include <charconv>

#include "common/core/limits.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// In queries '+' is a space, as in forms.
std::optional<std::string> DecodeForm(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return PercentDecode(spaced);
}

}  // namespace

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

absl::StatusOr<QueryParameters> ParseQuery(std::string_view query,
                                           const std::vector<std::string>& known) {
  QueryParameters parameters;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const auto name = DecodeForm(part.substr(0, equals));
    const auto value =
        DecodeForm(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1));
    if (!name.has_value() || !value.has_value()) {
      return InvalidArgument("query: ", Quoted(part), " is not percent-encoded correctly");
    }
    if (std::find(known.begin(), known.end(), *name) == known.end()) {
      return InvalidArgument(
          "query parameter ", Quoted(*name), " is unknown; ",
          known.empty() ? "this call has none" : "this call has " + Listed(known));
    }
    if (!parameters.emplace(*name, *value).second) {
      return InvalidArgument("query parameter ", Quoted(*name), " is given twice");
    }
  }
  return parameters;
}

std::optional<uint64_t> ParseWhole(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

absl::StatusOr<int> LimitOf(const QueryParameters& query, int absent) {
  const auto found = query.find("limit");
  if (found == query.end()) return absent;
  const auto value = ParseWhole(found->second);
  if (!value.has_value() || *value < 1 || *value > limits::kPageItemsMax) {
    return InvalidArgument("limit: ", Quoted(found->second), " is no whole number from 1 to ",
                           limits::kPageItemsMax);
  }
  return static_cast<int>(*value);
}

absl::StatusOr<std::set<std::string>> ParseNames(std::string_view parameter, std::string_view text,
                                                 const std::vector<std::string>& known) {
  std::set<std::string> names;
  while (true) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string name(text.substr(0, comma));
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return InvalidArgument(parameter, ": ", Quoted(name), " is none of ", Listed(known));
    }
    if (!names.insert(name).second) {
      return InvalidArgument(parameter, ": ", Quoted(name), " is given twice");
    }
    if (comma == text.size()) return names;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace broadside
