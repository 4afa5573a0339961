#include "common/wire/json_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/core/limits.h"

namespace broadside {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

JsonDocument Parse(std::string_view text) {
  auto parsed = ParseJson(text);
  if (const auto* error = std::get_if<JsonSyntaxError>(&parsed)) {
    ADD_FAILURE() << text << ": " << error->detail;
    return {};
  }
  return std::get<JsonDocument>(std::move(parsed));
}

TEST(JsonTreeTest, KeepsTheTextOfNumbersAndThePlacesOfValues) {
  const std::string_view text =
      "{ \"a\\\"\" : [1.50, -2e3 ,\"x\"],\n\"b\":{\"c\":null}, \"d\":true }";
  const JsonDocument document = Parse(text);
  EXPECT_THAT(document.errors, IsEmpty());
  const auto& members = document.root.members;
  ASSERT_EQ(members.size(), 3u);
  EXPECT_EQ(members[0].key, "a\"");
  const JsonNode& list = members[0].value;
  ASSERT_EQ(list.items.size(), 3u);
  EXPECT_EQ(list.items[0].text, "1.50");
  EXPECT_EQ(list.items[1].text, "-2e3");
  EXPECT_EQ(list.items[2].text, "x");
  for (const JsonNode* node : {&list.items[0], &list.items[1]}) {
    EXPECT_EQ(text.substr(node->offset, node->text.size()), node->text);
  }
  EXPECT_EQ(text[list.offset], '[');
  EXPECT_EQ(text.substr(list.items[2].offset, 3), "\"x\"");
  EXPECT_EQ(text.substr(members[1].value.members[0].value.offset, 4), "null");
  EXPECT_EQ(text.substr(members[2].value.offset, 4), "true");
  EXPECT_TRUE(members[2].value.boolean);
}

TEST(JsonTreeTest, SkipsAByteOrderMark) {
  const JsonDocument document = Parse("\xef\xbb\xbf[7]");
  ASSERT_EQ(document.root.items.size(), 1u);
  EXPECT_EQ(document.root.items[0].text, "7");
  EXPECT_EQ(document.root.items[0].offset, 4u);
}

TEST(JsonTreeTest, SeesRepeatedKeysAndKeepsTheFirst) {
  const JsonDocument document =
      Parse(R"({"a":1,"b/~":[{"x":1,"x":{"y":2,"y":3}}],"a":2,"\u0061":3})");
  EXPECT_THAT(document.errors,
              ElementsAre(FieldError{"/b~1~0/0/x", "is given twice"},
                          FieldError{"/b~1~0/0/x/y", "is given twice"},
                          FieldError{"/a", "is given twice"}, FieldError{"/a", "is given twice"}));
  ASSERT_EQ(document.root.members.size(), 2u);
  EXPECT_EQ(document.root.members[0].value.text, "1");
}

TEST(JsonTreeTest, EndsAtNestingBeyondTheLimit) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_FALSE(Parse(nested(64)).incomplete);
  const JsonDocument document = Parse(nested(65));
  EXPECT_TRUE(document.incomplete);
  ASSERT_EQ(document.errors.size(), 1u);
  EXPECT_EQ(document.errors[0].detail, "is nested deeper than 64 levels");
  EXPECT_TRUE(Parse(std::string(1'000'000, '[')).incomplete);
}

TEST(JsonTreeTest, EndsAtANumberThatNoDoubleHolds) {
  const JsonDocument document = Parse(R"({"a":{"b":1e999}})");
  EXPECT_TRUE(document.incomplete);
  EXPECT_THAT(document.errors, ElementsAre(FieldError{"/a/b", "is a number out of range"}));
}

TEST(JsonTreeTest, SaysWhereTextIsNotJson) {
  const struct {
    std::string_view text;
    size_t offset, line, column;
    const char* detail;
  } kRows[] = {
      {"", 0, 1, 1, "syntax error while parsing value - unexpected end of input"},
      {"{\n  \"a\": 1,\n}", 12, 3, 1, "syntax error while parsing object key - unexpected '}'"},
      {"[1,]", 3, 1, 4, "syntax error while parsing value - unexpected ']'"},
      {"{} x", 3, 1, 4, "syntax error while parsing value - invalid literal"},
      {"{'a':1}", 1, 1, 2, "syntax error while parsing object key - invalid literal"},
      {"[NaN]", 1, 1, 2, "syntax error while parsing value - invalid literal"},
      {"[01]", 2, 1, 3, "syntax error while parsing array - unexpected number literal"},
      {"\"\xff\"", 1, 1, 2,
       "syntax error while parsing value - invalid string: ill-formed UTF-8 byte"},
      {"\"a\nb\"", 2, 1, 3,
       "syntax error while parsing value - invalid string: control character U+000A (LF) must be "
       "escaped "
       "to \\u000A or \\n"},
      {"// x\n{}", 0, 1, 1, "syntax error while parsing value - invalid literal"},
  };
  for (const auto& row : kRows) {
    const auto parsed = ParseJson(row.text);
    const auto* error = std::get_if<JsonSyntaxError>(&parsed);
    ASSERT_NE(error, nullptr) << row.text;
    EXPECT_TRUE(error->detail.starts_with(row.detail)) << row.text << ": " << error->detail;
    EXPECT_EQ(error->offset, row.offset) << row.text;
    EXPECT_EQ(error->line, row.line) << row.text;
    EXPECT_EQ(error->column, row.column) << row.text;
  }
}

TEST(JsonTreeTest, CutsLongKeysInPointersBetweenCodePoints) {
  EXPECT_EQ(ChildPointer("/a", std::string(256, 'x')), "/a/" + std::string(256, 'x'));
  EXPECT_EQ(ChildPointer("/a", std::string(257, 'x')), "/a/" + std::string(256, 'x') + "...");
  EXPECT_EQ(ChildPointer("", std::string(255, 'x') + "\u20ac"),
            "/" + std::string(255, 'x') + "...");
  EXPECT_EQ(ChildPointer("/a", size_t{3}), "/a/3");
}

TEST(JsonTreeTest, CountsLinesAndColumnsFromOne) {
  EXPECT_EQ(LineAndColumn("ab\ncd", 0), std::pair(size_t{1}, size_t{1}));
  EXPECT_EQ(LineAndColumn("ab\ncd", 2), std::pair(size_t{1}, size_t{3}));
  EXPECT_EQ(LineAndColumn("ab\ncd", 3), std::pair(size_t{2}, size_t{1}));
  EXPECT_EQ(LineAndColumn("ab\ncd", 99), std::pair(size_t{2}, size_t{3}));
}

}  // namespace
}  // namespace broadside
