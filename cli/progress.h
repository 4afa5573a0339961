#pragma once

// Live progress on stderr: one line that is redrawn on a terminal, cut to its width; plain lines
// without one. Owned by one thread.

#include <string>
#include <string_view>

namespace broadside {

class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress() { End(); }
  void Show(const std::string& line);
  void End();  // ends the line
  // A message that stays, also when there is no progress.
  void Say(const std::string& line);

 private:
  const bool quiet_;
  const bool terminal_;
  bool open_ = false;
};

// The first `width` characters of UTF-8 text.
std::string_view CutTo(std::string_view text, size_t width);

// Colours are for a terminal, unless NO_COLOR is set.
bool ColorOn(int fd);

}  // namespace broadside
