#include "common/wire/object_reader.h"

#include <algorithm>

#include "common/core/status.h"
#include "common/core/utf8.h"
#include "common/wire/decimal.h"
#include "common/wire/duration.h"

namespace broadside {
namespace {

std::string Join(std::initializer_list<std::string_view> words) {
  std::string joined;
  for (std::string_view word : words) {
    if (!joined.empty()) joined += ", ";
    joined += word;
  }
  return joined;
}

}  // namespace

std::string Describe(const JsonNode& node) {
  switch (node.kind) {
    case JsonNode::Kind::kNull:
      return "null";
    case JsonNode::Kind::kBool:
      return node.boolean ? "true" : "false";
    case JsonNode::Kind::kNumber:
      return node.text.size() <= 60 ? node.text : node.text.substr(0, 60) + "...";
    case JsonNode::Kind::kString:
      return Quoted(node.text);
    case JsonNode::Kind::kArray:
      return "an array";
    case JsonNode::Kind::kObject:
      return "an object";
  }
  return "";
}

std::string WrongType(std::string_view expected, const JsonNode& node) {
  return Concat("must be ", expected, ", not ", Describe(node));
}

ObjectReader::ObjectReader(const JsonNode& node, std::string pointer,
                           std::initializer_list<std::string_view> known,
                           std::vector<FieldError>& errors)
    : node_(node),
      pointer_(std::move(pointer)),
      errors_(errors),
      ok_(node.kind == JsonNode::Kind::kObject) {
  if (!ok_) AddFieldError(pointer_, WrongType("an object", node), errors_);
  for (const auto& [key, value] : node.members) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      Error(key, Concat("is not a known key (known: ", Join(known), ")"));
    }
  }
}

const JsonNode* ObjectReader::Find(std::string_view key, Need need) {
  for (const auto& [name, value] : node_.members) {
    if (name == key) return &value;
  }
  if (need == Need::kRequired && ok_) Error(key, "is missing");
  return nullptr;
}

bool ObjectReader::Has(std::string_view key) const {
  return std::any_of(node_.members.begin(), node_.members.end(),
                     [key](const auto& member) { return member.key == key; });
}

std::optional<std::string> ObjectReader::String(std::string_view key, Need need) {
  const JsonNode* node = Find(key, need);
  if (node == nullptr) return std::nullopt;
  if (node->kind == JsonNode::Kind::kString) return node->text;
  Error(key, WrongType("a string", *node));
  return std::nullopt;
}

std::optional<bool> ObjectReader::Bool(std::string_view key) {
  const JsonNode* node = Find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == JsonNode::Kind::kBool) return node->boolean;
  Error(key, WrongType("true or false", *node));
  return std::nullopt;
}

std::optional<int64_t> ObjectReader::Integer(std::string_view key, int64_t max, Need need) {
  const JsonNode* node = Find(key, need);
  if (node == nullptr) return std::nullopt;
  std::variant<int64_t, DecimalError> parsed = DecimalError::kNotANumber;
  if (node->kind == JsonNode::Kind::kNumber) parsed = ParseDecimal(node->text, 0);
  if (const auto* value = std::get_if<int64_t>(&parsed)) return *value;
  switch (std::get<DecimalError>(parsed)) {
    case DecimalError::kTooSmall:
      Error(key, Concat(Describe(*node), " is below 0"));
      break;
    case DecimalError::kTooLarge:
      Error(key, Concat(Describe(*node), " exceeds ", max));
      break;
    default:
      Error(key, WrongType("a whole number", *node));
  }
  return std::nullopt;
}

std::optional<Millis> ObjectReader::Duration(std::string_view key, Millis max, Need need) {
  const std::string key_ms = Concat(key, "_ms");
  if (Has(key_ms)) {
    if (Has(key)) {
      Error(key_ms, Concat("is given together with ", key));
      return std::nullopt;
    }
    const std::optional<int64_t> ms = Integer(key_ms, max.count());
    return ms ? std::optional(Millis(*ms)) : std::nullopt;
  }
  const JsonNode* node = Find(key, need);
  if (node == nullptr) return std::nullopt;
  if (node->kind != JsonNode::Kind::kString) {
    Error(key, Concat(WrongType("a duration such as \"30s\"", *node), " (milliseconds go into ",
                      key_ms, ")"));
    return std::nullopt;
  }
  const absl::StatusOr<Millis> duration = ParseDuration(node->text);
  if (duration.ok()) return *duration;
  Error(key, std::string(ToStd(duration.status().message())));
  return std::nullopt;
}

void ObjectReader::Error(std::string_view key, std::string detail) {
  AddFieldError(PointerTo(key), std::move(detail), errors_);
}

}  // namespace broadside
