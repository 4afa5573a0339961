#include "controller/rest/body.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/wire/json_tree.h"
#include "common/wire/spec_json.h"

namespace broadside {
namespace {

Problem ToProblem(const SpecProblem& problem) {
  if (problem.IsSyntax()) return {400, "the body is no JSON: " + problem.ToString(), {}};
  std::string detail = problem.ToString();
  const size_t further = problem.fields().size() - 1;
  if (further > 0) detail += Concat(" (and ", further, " more)");
  return {422, std::move(detail), problem.fields()};
}

template <typename T>
std::variant<T, Problem> OrProblem(std::variant<T, SpecProblem> parsed) {
  if (auto* value = std::get_if<T>(&parsed)) return std::move(*value);
  return ToProblem(std::get<SpecProblem>(parsed));
}

// FNV-1a over a canonical form: a tag for each value, its text behind its length, members in the
// order of their keys.
class CanonicalHash {
 public:
  void Add(const JsonNode& node) {
    AddByte(static_cast<uint8_t>(node.kind));
    AddByte(node.boolean ? 1 : 0);
    AddText(node.text);
    AddNumber(node.items.size());
    for (const JsonNode& item : node.items) Add(item);
    std::vector<const JsonMember*> members;
    for (const auto& member : node.members) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const auto* a, const auto* b) { return a->key < b->key; });
    AddNumber(members.size());
    for (const auto* member : members) {
      AddText(member->key);
      Add(member->value);
    }
  }
  uint64_t value() const { return value_; }

 private:
  void AddByte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3u; }
  void AddNumber(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) AddByte(static_cast<uint8_t>(number >> shift));
  }
  void AddText(std::string_view text) {
    AddNumber(text.size());
    for (const char c : text) AddByte(static_cast<uint8_t>(c));
  }

  uint64_t value_ = 0xcbf29ce484222325u;
};

}  // namespace

std::variant<TestSpec, Problem> ReadSpec(std::string_view body) {
  return OrProblem(ParseTestSpec(body));
}

std::variant<MicroRate, Problem> ReadRateChange(std::string_view body) {
  return OrProblem(ParseRateChange(body));
}

uint64_t BodyHash(std::string_view body) {
  const auto parsed = ParseJson(body);
  const auto* document = std::get_if<JsonDocument>(&parsed);
  if (document == nullptr) return 0;
  CanonicalHash hash;
  hash.Add(document->root);
  return hash.value();
}

}  // namespace broadside
