#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace broadside {
namespace {

// Columns of the terminal on stderr; 80 for one that does not say. Asked each time, as it may be
// resized.
size_t TerminalWidth() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::End() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

void Progress::Show(const std::string& line) {
  if (quiet_) return;
  if (terminal_) {
    // A line that wraps could not be redrawn. Nothing in the last column, where terminals differ.
    const std::string_view shown = CutTo(line, TerminalWidth() - 1);
    std::fprintf(stderr, "\r\x1b[2K%.*s", static_cast<int>(shown.size()), shown.data());
    std::fflush(stderr);
    open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

void Progress::Say(const std::string& line) {
  End();
  std::fprintf(stderr, "%s\n", line.c_str());
}

std::string_view CutTo(std::string_view text, size_t width) {
  size_t end = 0;
  for (size_t characters = 0; end < text.size(); ++end) {
    if ((text[end] & 0xc0) == 0x80) continue;  // inside a character
    if (characters++ == width) break;
  }
  return text.substr(0, end);
}

bool ColorOn(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && isatty(fd) == 1;
}

}  // namespace broadside
