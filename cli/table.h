#pragma once

// Lists for people: a header and rows, in columns as wide as their widest cell. Pure, no thread.

#include <string>
#include <vector>

namespace broadside {

class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;  // numbers
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns. What a terminal could take as an order becomes "?".
  void Add(std::vector<std::string> cells);
  // The header and the rows, each a line without spaces at its end.
  std::string Render() const;

 private:
  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace broadside
