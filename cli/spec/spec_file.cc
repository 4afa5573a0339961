#include "cli/spec/spec_file.h"

#include <optional>
#include <utility>
#include <vector>

#include "cli/spec/yaml_tree.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

void WriteString(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= 0 && c < ' ') {
      out += "\\u00";
      out += "0123456789abcdef"[c >> 4];
      out += "0123456789abcdef"[c & 0xf];
    } else {
      out += c;
    }
  }
  out += '"';
}

void WriteJson(const JsonNode& node, std::string& out) {
  const char* separator = "";
  switch (node.kind) {
    case JsonNode::Kind::kNull:
      out += "null";
      break;
    case JsonNode::Kind::kBool:
      out += node.boolean ? "true" : "false";
      break;
    case JsonNode::Kind::kNumber:
      out += node.text;
      break;
    case JsonNode::Kind::kString:
      WriteString(node.text, out);
      break;
    case JsonNode::Kind::kArray:
      out += '[';
      for (const JsonNode& item : node.items) {
        out += std::exchange(separator, ",");
        WriteJson(item, out);
      }
      out += ']';
      break;
    case JsonNode::Kind::kObject:
      out += '{';
      for (const auto& [key, value] : node.members) {
        out += std::exchange(separator, ",");
        WriteString(key, out);
        out += ':';
        WriteJson(value, out);
      }
      out += '}';
      break;
  }
}

std::string At(std::string_view name, std::string_view text, size_t offset,
               std::string_view detail) {
  const auto [line, column] = LineAndColumn(text, offset);
  return Concat(name, ":", line, ":", column, ": ", detail);
}

// Where the deepest part of `pointer` that exists stands: a member at its key.
size_t OffsetOf(const JsonNode& root, std::string_view pointer) {
  const JsonNode* node = &root;
  size_t offset = root.offset;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    const JsonNode* child = nullptr;
    for (const auto& [key, value] : node->members) {
      if (EscapePointerToken(key) != token) continue;
      child = &value;
      offset = value.key_offset;
    }
    for (size_t i = 0; i < node->items.size() && child == nullptr; ++i) {
      if (Concat(i) != token) continue;
      child = &node->items[i];
      offset = child->offset;
    }
    if (child == nullptr) break;
    node = child;
  }
  return offset;
}

// Offset of the first byte that is in no code point.
std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    if (!NextCodePoint(rest)) return text.size() - rest.size();
  }
  return std::nullopt;
}

bool LooksLikeJson(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());
  }
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

// Begins as only JSON is commonly written: {"
bool HasQuotedKey(std::string_view text) {
  const size_t brace = text.find('{');
  const size_t next = brace == std::string_view::npos
                          ? std::string_view::npos
                          : text.find_first_not_of(" \t\r\n", brace + 1);
  return next != std::string_view::npos && text[next] == '"';
}

}  // namespace

SpecFile::SpecFile(std::string name, std::string text, JsonNode root)
    : name_(std::move(name)), text_(std::move(text)), root_(std::move(root)) {
  WriteJson(root_, json_);
}

std::string SpecFile::Describe(const FieldError& error) const {
  const std::string detail =
      error.pointer.empty() ? error.detail : Concat(Escaped(error.pointer), ": ", error.detail);
  return At(name_, text_, OffsetOf(root_, error.pointer), detail);
}

absl::StatusOr<SpecFile> LoadSpecFile(std::string_view text, std::string_view file_name) {
  if (text.size() > limits::kRequestBytesMax) {
    return InvalidArgument(file_name, ": ", text.size(), " bytes exceed ",
                           limits::kRequestBytesMax);
  }
  if (const std::optional<size_t> offset = FindInvalidUtf8(text)) {
    return InvalidArgument(At(file_name, text, *offset, "is not valid UTF-8"));
  }
  const bool named_json = file_name.ends_with(".json");
  std::optional<std::string> json_error;
  if (named_json || LooksLikeJson(text)) {
    auto parsed = ParseJson(text);
    if (auto* document = std::get_if<JsonDocument>(&parsed)) {
      SpecFile file{std::string(file_name), std::string(text), std::move(document->root)};
      std::vector<std::string> lines;
      for (const FieldError& error : document->errors) lines.push_back(file.Describe(error));
      if (lines.empty()) return file;
      std::string message = lines[0];
      for (size_t i = 1; i < lines.size(); ++i) message += "\n" + lines[i];
      return InvalidArgument(message);
    }
    const JsonSyntaxError& error = std::get<JsonSyntaxError>(parsed);
    json_error = At(file_name, text, error.offset, error.detail);
    if (named_json) return InvalidArgument(*json_error);
  }
  auto parsed = ParseYaml(text);
  if (auto* root = std::get_if<JsonNode>(&parsed)) {
    return SpecFile(std::string(file_name), std::string(text), std::move(*root));
  }
  // YAML's words about text that was meant as JSON would mislead.
  if (json_error.has_value() && HasQuotedKey(text)) return InvalidArgument(*json_error);
  std::string message;
  for (const YamlError& error : std::get<std::vector<YamlError>>(parsed)) {
    if (!message.empty()) message += "\n";
    message += At(file_name, text, error.offset, error.detail);
  }
  return InvalidArgument(message);
}

absl::StatusOr<TestSpec> ParseSpecFile(const SpecFile& file) {
  auto parsed = ParseTestSpec(file.json());
  if (auto* spec = std::get_if<TestSpec>(&parsed)) return std::move(*spec);
  const SpecProblem& problem = std::get<SpecProblem>(parsed);
  if (problem.IsSyntax())
    return Internal("the spec's own JSON does not parse: ", problem.ToString());
  std::string message;
  for (const FieldError& error : problem.fields()) {
    if (!message.empty()) message += "\n";
    message += file.Describe(error);
  }
  return InvalidArgument(message);
}

}  // namespace broadside
