#include "cli/spec/yaml_scalar.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "common/core/status.h"

namespace broadside {
namespace {

template <size_t kSize>
bool IsOneOf(std::string_view text, const std::string_view (&words)[kSize]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

std::string_view TakeDigits(std::string_view& text) {
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

// The exponent with its "e"; nothing if it has no digits.
std::optional<std::string> TakeExponent(std::string_view& text) {
  std::string exponent = "e";
  text.remove_prefix(1);
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') exponent += '-';
    text.remove_prefix(1);
  }
  const std::string_view digits = TakeDigits(text);
  if (digits.empty()) return std::nullopt;
  return exponent + std::string(digits);
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?  in JSON's spelling.
std::optional<std::string> Decimal(std::string_view text) {
  std::string json;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') json += '-';
    text.remove_prefix(1);
  }
  std::string_view whole = TakeDigits(text);
  std::string_view fraction;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    fraction = TakeDigits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  json += whole.empty() ? std::string_view("0") : whole;
  if (!fraction.empty()) json += Concat(".", fraction);
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    const std::optional<std::string> exponent = TakeExponent(text);
    if (!exponent) return std::nullopt;
    json += *exponent;
  }
  if (!text.empty()) return std::nullopt;
  return json;
}

// 0x1F and 0o17, which have no sign.
std::optional<std::string> OtherBase(std::string_view text) {
  const std::string_view prefix = text.substr(0, 2);
  const int base = prefix == "0x" ? 16 : prefix == "0o" ? 8 : 0;
  if (base == 0) return std::nullopt;
  text.remove_prefix(2);
  uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return Concat(value);
}

}  // namespace

absl::StatusOr<JsonNode> PlainScalar(std::string_view text) {
  JsonNode node;
  node.kind = JsonNode::Kind::kString;
  node.text = std::string(text);
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) {
    node.kind = JsonNode::Kind::kNull;
  } else if (IsOneOf(text, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
    node.kind = JsonNode::Kind::kBool;
    node.boolean = text[0] == 't' || text[0] == 'T';
  } else if (IsOneOf(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf",
                            "-.INF", ".nan", ".NaN", ".NAN"})) {
    return InvalidArgument(text, " is no finite number");
  } else {
    std::optional<std::string> number = Decimal(text);
    if (!number) number = OtherBase(text);
    if (number) {
      node.kind = JsonNode::Kind::kNumber;
      node.text = *std::move(number);
    }
  }
  return node;
}

}  // namespace broadside
