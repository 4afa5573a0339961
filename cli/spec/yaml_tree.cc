#include "cli/spec/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_set>

#include "cli/spec/yaml_scalar.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// What a tree takes: aliases multiply both.
struct Weight {
  size_t nodes = 0;
  size_t bytes = 0;  // of texts and keys
};

void AddWeight(const JsonNode& node, Weight& weight) {
  ++weight.nodes;
  weight.bytes += node.text.size();
  for (const JsonNode& item : node.items) AddWeight(item, weight);
  for (const auto& [key, value] : node.members) {
    weight.bytes += key.size();
    AddWeight(value, weight);
  }
}

// Whether a tab is in the indentation of the line at `offset`.
bool LineBeginsWithTab(std::string_view text, size_t offset) {
  const size_t begin = text.substr(0, offset).rfind('\n') + 1;  // 0 in the first line
  const std::string_view line = text.substr(begin);
  return line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

// Builds the tree from yaml-cpp's events. The parser cannot be stopped from here, so after an error
// that makes the rest meaningless the events are ignored.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(size_t text_begin) : text_begin_(text_begin) {}

  JsonNode TakeRoot() { return std::move(root_); }
  std::vector<YamlError>& errors() { return errors_; }
  void AddError(size_t offset, std::string detail) {
    if (errors_.size() < limits::kFieldErrorsMax) errors_.push_back({offset, std::move(detail)});
  }
  size_t OffsetOf(const YAML::Mark& mark) const {
    return text_begin_ + static_cast<size_t>(mark.pos < 0 ? 0 : mark.pos);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    AddScalar(mark, anchor, JsonNode{}, "");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (stopped_) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      Stop(mark, "alias to an anchor that is not finished");
    } else if (Count(mark, found->second.weight)) {
      Add(mark, found->second.node, "an alias");
    }
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (stopped_) return;
    JsonNode node;
    node.kind = JsonNode::Kind::kString;
    node.text = value;
    const bool is_key = ExpectsKey();
    const bool is_text = tag == "!" || tag == Concat(kTagPrefix, "str");
    if (!is_text && !IsPlainTag(tag)) {
      Stop(mark, Concat("tag ", Quoted(tag), " is not supported"));
      return;
    }
    if (!is_text && !is_key) {
      absl::StatusOr<JsonNode> plain = PlainScalar(value);
      if (plain.ok()) {
        node = *std::move(plain);
      } else {
        AddError(OffsetOf(mark), std::string(ToStd(plain.status().message())));
      }
    }
    AddScalar(mark, anchor, std::move(node), value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor, JsonNode::Kind::kArray);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor, JsonNode::Kind::kObject);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Anchored {
    JsonNode node;
    Weight weight;
  };
  // A container under construction.
  struct Level {
    YAML::Mark mark;
    YAML::anchor_t anchor = YAML::NullAnchor;
    JsonNode node;
    bool has_key = false;  // a key waits for its value
    bool repeated = false;
    std::string key;
    size_t key_offset = 0;
    std::unordered_set<std::string> keys;
  };

  static bool IsPlainTag(std::string_view tag) {
    for (const char* name : {"int", "float", "bool", "null"}) {
      if (tag == Concat(kTagPrefix, name)) return true;
    }
    return tag.empty() || tag == "?";
  }

  bool ExpectsKey() const {
    return !levels_.empty() && levels_.back().node.kind == JsonNode::Kind::kObject &&
           !levels_.back().has_key;
  }

  void Stop(const YAML::Mark& mark, std::string detail) {
    stopped_ = true;
    AddError(OffsetOf(mark), std::move(detail));
  }

  bool Count(const YAML::Mark& mark, const Weight& weight) {
    total_.nodes += weight.nodes;
    total_.bytes += weight.bytes;
    if (total_.nodes > limits::kSpecNodesMax) {
      Stop(mark, Concat("more than ", limits::kSpecNodesMax, " values, aliases expanded"));
    } else if (total_.bytes > limits::kRequestBytesMax) {
      Stop(mark, Concat("more than ", limits::kRequestBytesMax, " bytes, aliases expanded"));
    }
    return !stopped_;
  }

  void AddScalar(const YAML::Mark& mark, YAML::anchor_t anchor, JsonNode node,
                 const std::string& key) {
    if (stopped_) return;
    node.offset = OffsetOf(mark);
    const Weight weight{1, node.text.size()};
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, weight};
    if (ExpectsKey() && node.kind == JsonNode::Kind::kString) {
      TakeKey(mark, key);
    } else if (Count(mark, weight)) {
      Add(mark, std::move(node), "null");
    }
  }

  void TakeKey(const YAML::Mark& mark, const std::string& key) {
    Level& level = levels_.back();
    level.has_key = true;
    level.key = key;
    level.key_offset = OffsetOf(mark);
    level.repeated = !level.keys.insert(key).second;
    if (level.repeated) AddError(level.key_offset, Concat("key ", Quoted(key), " is given twice"));
  }

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, JsonNode::Kind kind) {
    if (stopped_ || !Count(mark, Weight{1, 0})) return;
    if (ExpectsKey()) {
      Stop(mark, "a key is no scalar");
    } else if (levels_.size() >= limits::kJsonDepthMax) {
      Stop(mark, Concat("is nested deeper than ", limits::kJsonDepthMax, " levels"));
    } else {
      Level level;
      level.mark = mark;
      level.anchor = anchor;
      level.node.kind = kind;
      level.node.offset = OffsetOf(mark);
      levels_.push_back(std::move(level));
    }
  }

  void Close() {
    if (stopped_) return;
    Level level = std::move(levels_.back());
    levels_.pop_back();
    if (level.anchor != YAML::NullAnchor) {
      // The copy that is kept counts too.
      Weight weight;
      AddWeight(level.node, weight);
      if (!Count(level.mark, weight)) return;
      anchors_[level.anchor] = {level.node, weight};
    }
    Add(level.mark, std::move(level.node), "a collection");
  }

  // Puts a value where it belongs; `what` names it where a key is expected.
  void Add(const YAML::Mark& mark, JsonNode node, const char* what) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == JsonNode::Kind::kArray) {
      level.node.items.push_back(std::move(node));
    } else if (!level.has_key) {
      Stop(mark, Concat(what, " is no key"));
    } else {
      node.key_offset = level.key_offset;
      level.has_key = false;
      if (!level.repeated) level.node.members.push_back({std::move(level.key), std::move(node)});
    }
  }

  const size_t text_begin_;
  JsonNode root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  Weight total_;
  bool stopped_ = false;
  std::vector<YamlError> errors_;
};

}  // namespace

std::variant<JsonNode, std::vector<YamlError>> ParseYaml(std::string_view text) {
  const bool marked = text.substr(0, kByteOrderMark.size()) == kByteOrderMark;
  TreeBuilder builder(marked ? kByteOrderMark.size() : 0);
  std::istringstream in{std::string(text)};
  try {
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) builder.AddError(0, "is empty");
    TreeBuilder second(0);
    if (builder.errors().empty() && parser.HandleNextDocument(second)) {
      builder.AddError(second.TakeRoot().offset, "is a second document; one is allowed");
    }
  } catch (const YAML::Exception& error) {
    const size_t offset = builder.OffsetOf(error.mark);
    // Nothing else that is invisible breaks a file, and yaml-cpp does not name it.
    const char* hint =
        LineBeginsWithTab(text, offset) ? " (YAML is indented by spaces, not tabs)" : "";
    builder.AddError(offset, Concat(ReplaceUnprintable(error.msg), hint));
  }
  if (!builder.errors().empty()) return std::move(builder.errors());
  return builder.TakeRoot();
}

}  // namespace broadside
