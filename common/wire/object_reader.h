#pragma once

// Reads the members of one JSON object, and collects every error with its JSON pointer instead of
// stopping at the first. Holds references to the node and to the errors; one thread.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/time.h"
#include "common/wire/json_tree.h"

namespace broadside {

enum class Need : uint8_t { kOptional, kRequired };

class ObjectReader {
 public:
  // Members whose key is none of `known` are errors, as is a node that is no object (it then has no
  // members, and no missing ones).
  ObjectReader(const JsonNode& node, std::string pointer,
               std::initializer_list<std::string_view> known, std::vector<FieldError>& errors);

  // The member, or null. An absent one that is required is an error with the pointer that it would
  // have.
  const JsonNode* Find(std::string_view key, Need need = Need::kOptional);
  bool Has(std::string_view key) const;

  // The member's value; nothing if it is absent or wrong (which is an error).
  std::optional<std::string> String(std::string_view key, Need need = Need::kOptional);
  std::optional<bool> Bool(std::string_view key);
  // A whole number, also as "5.0" or "5e3". `max` is named when 64 bits do not hold it; ranges are
  // Validate's.
  std::optional<int64_t> Integer(std::string_view key, int64_t max, Need need = Need::kOptional);
  // A duration string at `key`, or whole milliseconds at `key`_ms; not both.
  std::optional<Millis> Duration(std::string_view key, Millis max, Need need = Need::kOptional);

  void Error(std::string_view key, std::string detail);
  std::string PointerTo(std::string_view key) const { return ChildPointer(pointer_, key); }
  // False when the node is no object.
  bool ok() const { return ok_; }

 private:
  const JsonNode& node_;
  const std::string pointer_;
  std::vector<FieldError>& errors_;
  bool ok_;
};

// A value in an error message: the text of a scalar, "an object", "an array".
std::string Describe(const JsonNode& node);

// "must be a string, not 5".
std::string WrongType(std::string_view expected, const JsonNode& node);

}  // namespace broadside
