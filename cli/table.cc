#include "cli/table.h"

#include <algorithm>
#include <utility>

#include "common/core/check.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

// Characters, as far as one takes one place on a terminal.
size_t Places(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

void Table::Add(std::vector<std::string> cells) {
  BS_CHECK(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = ReplaceUnprintable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::Render() const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = Places(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, Places(row[i]));
    widths.push_back(width);
  }
  std::string text;
  const auto add = [&](size_t i, const std::string& cell) {
    const std::string padding(widths[i] - Places(cell), ' ');
    if (i > 0) text += "  ";
    text += columns_[i].right ? padding + cell : cell + padding;
  };
  const auto end = [&text] {
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  };
  for (size_t i = 0; i < columns_.size(); ++i) add(i, columns_[i].title);
  end();
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) add(i, row[i]);
    end();
  }
  return text;
}

}  // namespace broadside
