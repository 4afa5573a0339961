#pragma once

// BS_CHECK(condition) << values;  A broken invariant: prints file, line, condition and values to
// stderr and aborts. Always on. For what can be expected to happen, return a status instead.

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace broadside::internal {

class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition) {
    text_ << file << ":" << line << ": check failed: " << condition << " ";
  }
  [[noreturn]] ~CheckFailure() {
    text_ << "\n";
    std::fputs(text_.str().c_str(), stderr);
    std::abort();
  }
  std::ostream& stream() { return text_; }

 private:
  std::ostringstream text_;
};

struct Voidify {
  void operator&(std::ostream&) const {}
};

}  // namespace broadside::internal

#define BS_CHECK(condition)                        \
  (condition) ? static_cast<void>(0)               \
              : ::broadside::internal::Voidify{} & \
                    ::broadside::internal::CheckFailure(__FILE__, __LINE__, #condition).stream()
