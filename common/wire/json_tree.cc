#include "common/wire/json_tree.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

constexpr int kNumberOverflow = 406;  // nlohmann's id of out_of_range for "1e999"

// Builds the tree from nlohmann's events. The events carry no places, so a scanner follows the text
// token by token beside them: up to an event the text is known to be right, hence the scanner can
// be simple.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeBuilder(std::string_view text) : text_(text) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) at_ = kByteOrderMark.size();
  }

  JsonDocument TakeDocument() { return std::move(document_); }
  const std::optional<JsonSyntaxError>& syntax_error() const { return syntax_error_; }

  bool null() override { return AddScalar(JsonNode{}); }
  bool boolean(bool value) override {
    JsonNode node;
    node.kind = JsonNode::Kind::kBool;
    node.boolean = value;
    return AddScalar(std::move(node));
  }
  bool number_integer(number_integer_t) override { return AddNumber(); }
  bool number_unsigned(number_unsigned_t) override { return AddNumber(); }
  bool number_float(number_float_t, const string_t&) override { return AddNumber(); }
  bool string(string_t& value) override {
    JsonNode node;
    node.kind = JsonNode::Kind::kString;
    node.text = std::move(value);
    return AddScalar(std::move(node));
  }
  bool binary(binary_t&) override { return false; }  // not in JSON
  bool start_object(size_t) override { return Open(JsonNode::Kind::kObject); }
  bool start_array(size_t) override { return Open(JsonNode::Kind::kArray); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& value) override {
    Level& level = levels_.back();
    level.key_offset = TokenOffset();
    level.key = value;
    level.repeated = !level.keys.insert(value).second;
    if (level.repeated) AddFieldError(Pointer(), "is given twice", document_.errors);
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    if (error.id == kNumberOverflow) {
      AddFieldError(Pointer(), "is a number out of range", document_.errors);
      document_.incomplete = true;
      return false;
    }
    // The position counts the bytes read, so that of the offending one is one less.
    const size_t offset = std::min(position > 0 ? position - 1 : 0, text_.size());
    const auto [line, column] = LineAndColumn(text_, offset);
    syntax_error_ = JsonSyntaxError{offset, line, column, Detail(error.what())};
    return false;
  }

 private:
  // A container under construction.
  struct Level {
    JsonNode node;
    std::string key;  // of the member being read
    size_t key_offset = 0;
    bool repeated = false;  // the member is left out
    std::unordered_set<std::string> keys;
  };

  // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing
  // value - unexpected '}'; last read: '...'; expected ..."
  static std::string Detail(std::string_view what) {
    if (const size_t column = what.find(", column "); column != std::string_view::npos) {
      if (const size_t colon = what.find(": ", column); colon != std::string_view::npos) {
        what.remove_prefix(colon + 2);
      }
    }
    constexpr size_t kDetailBytesMax = 200;
    what = what.substr(0, std::min(what.find("; last read: "), kDetailBytesMax));
    return ReplaceUnprintable(what);
  }

  std::string Pointer() const {
    std::string pointer;
    for (const Level& level : levels_) {
      pointer = level.node.kind == JsonNode::Kind::kObject
                    ? ChildPointer(pointer, level.key)
                    : ChildPointer(pointer, level.node.items.size());
    }
    return pointer;
  }

  // Moves past the next token and returns it.
  std::string_view TakeToken() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n,:", at_), text_.size());
    const size_t begin = at_;
    if (begin == text_.size()) return {};
    if (text_[begin] == '"') {
      ++at_;
      while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
      at_ = std::min(at_ + 1, text_.size());
    } else if (std::string_view("{}[]").find(text_[begin]) != std::string_view::npos) {
      ++at_;
    } else {
      at_ = std::min(text_.find_first_of(" \t\r\n,:{}[]", at_), text_.size());
    }
    return text_.substr(begin, at_ - begin);
  }

  bool AddNumber() {
    const size_t before = at_;
    JsonNode node;
    node.kind = JsonNode::Kind::kNumber;
    node.text = std::string(TakeToken());
    at_ = before;  // AddScalar takes it again, for the offset
    return AddScalar(std::move(node));
  }

  bool AddScalar(JsonNode node) {
    node.offset = TokenOffset();
    return Add(std::move(node));
  }

  size_t TokenOffset() {
    const std::string_view token = TakeToken();
    return at_ - token.size();
  }

  bool Open(JsonNode::Kind kind) {
    if (levels_.size() >= limits::kJsonDepthMax) {
      AddFieldError(Pointer(), Concat("is nested deeper than ", limits::kJsonDepthMax, " levels"),
                    document_.errors);
      document_.incomplete = true;
      return false;
    }
    Level level;
    level.node.kind = kind;
    level.node.offset = TokenOffset();
    levels_.push_back(std::move(level));
    return true;
  }

  bool Close() {
    TakeToken();
    JsonNode node = std::move(levels_.back().node);
    levels_.pop_back();
    return Add(std::move(node));
  }

  bool Add(JsonNode node) {
    if (levels_.empty()) {
      document_.root = std::move(node);
      return true;
    }
    Level& level = levels_.back();
    if (level.node.kind == JsonNode::Kind::kArray) {
      level.node.items.push_back(std::move(node));
    } else if (!level.repeated) {
      node.key_offset = level.key_offset;
      level.node.members.push_back({std::move(level.key), std::move(node)});
    }
    return true;
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::vector<Level> levels_;
  JsonDocument document_;
  std::optional<JsonSyntaxError> syntax_error_;
};

}  // namespace

std::variant<JsonDocument, JsonSyntaxError> ParseJson(std::string_view text) {
  TreeBuilder builder(text);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  if (builder.syntax_error()) return *builder.syntax_error();
  return builder.TakeDocument();
}

std::string ChildPointer(std::string_view pointer, std::string_view key) {
  constexpr size_t kTokenBytesMax = 256;
  std::string child = Concat(pointer, "/");
  if (key.size() <= kTokenBytesMax) return child + EscapePointerToken(key);
  size_t cut = kTokenBytesMax;
  while (cut > 0 && (static_cast<uint8_t>(key[cut]) & 0xc0) == 0x80) --cut;
  return child + EscapePointerToken(key.substr(0, cut)) + "...";
}

std::string ChildPointer(std::string_view pointer, size_t index) {
  return Concat(pointer, "/", index);
}

std::pair<size_t, size_t> LineAndColumn(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto breaks = std::count(before.begin(), before.end(), '\n');
  return {static_cast<size_t>(breaks) + 1, before.size() - line_begin + 1};
}

void AddFieldError(std::string pointer, std::string detail, std::vector<FieldError>& errors) {
  if (errors.size() < limits::kFieldErrorsMax) {
    errors.push_back({std::move(pointer), std::move(detail)});
  }
}

}  // namespace broadside
