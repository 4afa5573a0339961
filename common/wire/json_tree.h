#pragma once

// JSON as a tree that keeps what checking a user's document needs and a DOM loses: repeated keys
// are seen, numbers keep their text, each value knows where it stands. Value types, no thread;
// linear in the size of the text.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/core/test_spec.h"

namespace broadside {

struct JsonMember;

struct JsonNode {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;                 // of a string, decoded; of a number, as written
  std::vector<JsonNode> items;      // of an array
  std::vector<JsonMember> members;  // of an object, in order, the first of each key
  size_t offset = 0;                // of the first byte of the value in the text
  size_t key_offset = 0;            // of the first byte of its key, in an object
};

struct JsonMember {
  std::string key;
  JsonNode value;
};

// The text is not JSON. `detail` is valid UTF-8, one line, and names no place.
struct JsonSyntaxError {
  size_t offset = 0;  // bytes from 0
  size_t line = 1;    // from 1
  size_t column = 1;  // from 1, in bytes
  std::string detail;
};

struct JsonDocument {
  JsonNode root;
  // Repeated keys, and what ended the reading.
  std::vector<FieldError> errors;
  // The reading ended at a number that no double holds, or at nesting beyond limits::kJsonDepthMax:
  // `root` is not to be used.
  bool incomplete = false;
};

std::variant<JsonDocument, JsonSyntaxError> ParseJson(std::string_view text);

// `pointer` with one more token; a key of hundreds of bytes is cut, so that errors stay readable.
std::string ChildPointer(std::string_view pointer, std::string_view key);
std::string ChildPointer(std::string_view pointer, size_t index);

// Line and column of a byte, both from 1.
std::pair<size_t, size_t> LineAndColumn(std::string_view text, size_t offset);

// At most limits::kFieldErrorsMax errors are kept; further ones are dropped.
void AddFieldError(std::string pointer, std::string detail, std::vector<FieldError>& errors);

}  // namespace broadside
