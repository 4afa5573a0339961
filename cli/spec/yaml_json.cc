#include "cli/spec/yaml_json.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/spec/spec_file.h"
#include "common/core/limits.h"
#include "common/core/status.h"

namespace broadside {
namespace {

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// "~" and "/" of a key as RFC 6901 wants them.
std::string PointerToken(const std::string& key) {
  std::string token;
  for (const char c : key) {
    if (c == '~') {
      token += "~0";
    } else if (c == '/') {
      token += "~1";
    } else {
      token += c;
    }
  }
  return token;
}

TextPosition PositionOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

bool AllDigits(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

class Converter {
 public:
  // Appends the JSON of the node; false when an error was noted.
  bool Add(const YAML::Node& node, const std::string& pointer, int depth) {
    if (depth > limits::kJsonDepthMax)
      return Fail(node, Concat("nested more than ", limits::kJsonDepthMax, " deep"));
    if (++nodes_ > kSpecFileNodesMax)
      return Fail(node, Concat("more than ", kSpecFileNodesMax, " values"));
    result_.positions.try_emplace(pointer, PositionOf(node.Mark()));
    switch (node.Type()) {
      case YAML::NodeType::Map:
        return AddMap(node, pointer, depth);
      case YAML::NodeType::Sequence:
        return AddSequence(node, pointer, depth);
      case YAML::NodeType::Scalar:
        return AddScalar(node);
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        result_.json += "null";
        return true;
    }
    return true;
  }
  YamlJson Take() { return std::move(result_); }
  const std::string& error() const { return error_; }

 private:
  bool AddMap(const YAML::Node& node, const std::string& pointer, int depth) {
    result_.json += '{';
    bool first = true;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return Fail(entry.first, "a key must be a plain text");
      if (!first) result_.json += ',';
      first = false;
      const std::string key = entry.first.Scalar();
      result_.json += Quoted(key) + ":";
      const std::string child = pointer + "/" + PointerToken(key);
      result_.positions.try_emplace(child, PositionOf(entry.first.Mark()));
      if (!Add(entry.second, child, depth + 1)) return false;
    }
    result_.json += '}';
    return true;
  }

  bool AddSequence(const YAML::Node& node, const std::string& pointer, int depth) {
    result_.json += '[';
    for (size_t i = 0; i < node.size(); ++i) {
      if (i > 0) result_.json += ',';
      if (!Add(node[i], Concat(pointer, "/", i), depth + 1)) return false;
    }
    result_.json += ']';
    return true;
  }

  bool AddScalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    const bool plain = node.Tag() == "?";
    if (!plain && node.Tag() != "!" && !node.Tag().empty())
      return Fail(node, Concat("the tag ", node.Tag(), " is not supported"));
    if (plain && (text == "true" || text == "True" || text == "TRUE")) {
      result_.json += "true";
    } else if (plain && (text == "false" || text == "False" || text == "FALSE")) {
      result_.json += "false";
    } else if (const std::string number = plain ? JsonNumberOf(text) : ""; !number.empty()) {
      result_.json += number;
    } else {
      result_.json += Quoted(text);
    }
    return true;
  }

  bool Fail(const YAML::Node& node, const std::string& what) {
    const TextPosition at = PositionOf(node.Mark());
    error_ = Concat(at.line, ":", at.column, ": ", what);
    return false;
  }

  YamlJson result_;
  std::string error_;
  int nodes_ = 0;
};

// 0x and 0o numbers of the core schema, as decimal text.
std::string BasedNumber(std::string_view digits, int base) {
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return error == std::errc() && end == digits.data() + digits.size() ? Concat(value) : "";
}

}  // namespace

std::string JsonNumberOf(std::string_view scalar) {
  if (scalar.starts_with("0x") && AllDigits(scalar.substr(2), "0123456789abcdefABCDEF"))
    return BasedNumber(scalar.substr(2), 16);
  if (scalar.starts_with("0o") && AllDigits(scalar.substr(2), "01234567"))
    return BasedNumber(scalar.substr(2), 8);
  std::string sign;
  if (scalar.starts_with("-")) sign = "-";
  if (scalar.starts_with("-") || scalar.starts_with("+")) scalar.remove_prefix(1);
  const size_t exponent_at = scalar.find_first_of("eE");
  const std::string_view mantissa = scalar.substr(0, exponent_at);
  std::string exponent;
  if (exponent_at != std::string_view::npos) {
    std::string_view digits = scalar.substr(exponent_at + 1);
    if (digits.starts_with("-") || digits.starts_with("+")) digits.remove_prefix(1);
    if (!AllDigits(digits, "0123456789")) return "";
    exponent = scalar.substr(exponent_at);
  }
  const size_t point = mantissa.find('.');
  std::string_view whole = mantissa.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? "" : mantissa.substr(point + 1);
  if (!whole.empty() && !AllDigits(whole, "0123456789")) return "";
  if (!fraction.empty() && !AllDigits(fraction, "0123456789")) return "";
  if (whole.empty() && fraction.empty()) return "";
  // JSON wants no leading zeros, and digits on both sides of the point.
  while (whole.size() > 1 && whole.front() == '0') whole.remove_prefix(1);
  std::string number = sign + (whole.empty() ? "0" : std::string(whole));
  if (!fraction.empty()) number += "." + std::string(fraction);
  return number + exponent;
}

absl::StatusOr<YamlJson> YamlToJson(std::string_view yaml) {
  // yaml-cpp reports by exceptions: they end here.
  try {
    const YAML::Node root = YAML::Load(std::string(yaml));
    Converter converter;
    if (!converter.Add(root, "", 0)) return InvalidArgument(converter.error());
    return converter.Take();
  } catch (const YAML::Exception& error) {
    const TextPosition at = PositionOf(error.mark);
    return InvalidArgument(at.line, ":", at.column, ": ", error.msg);
  }
}

}  // namespace broadside
