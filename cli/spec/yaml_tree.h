#pragma once

// YAML as the tree that JSON gives, with the place of each key and value. Pure, no thread;
// yaml-cpp's exceptions end here.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/wire/json_tree.h"

namespace broadside {

// What is wrong, and where: bytes from 0.
struct YamlError {
  size_t offset = 0;
  std::string detail;
};

// One document. Errors: text that is no YAML, repeated keys (all of them), keys that are no
// scalars, unknown tags, aliases to an unfinished anchor, nesting beyond limits::kJsonDepthMax,
// more than limits::kSpecNodesMax values or limits::kRequestBytesMax bytes after the expansion of
// aliases, several documents. REQUIRES: text is valid UTF-8.
std::variant<JsonNode, std::vector<YamlError>> ParseYaml(std::string_view text);

}  // namespace broadside
