#pragma once

// Live progress on stderr: one line that is redrawn on a terminal, plain lines without one. Owned
// by one thread.

#include <string>

namespace broadside {

class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();  // ends the line
  void Show(const std::string& line);

 private:
  const bool quiet_;
  const bool terminal_;
  bool open_ = false;
};

// Colours are for a terminal, unless NO_COLOR is set.
bool ColorOn(int fd);

}  // namespace broadside
