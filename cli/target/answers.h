#pragma once

// The bytes of the target's answers. Those to ordinary requests are built once and shared by all
// threads, so that an answer costs no allocation and no copy.

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/target/target_options.h"

namespace broadside {

struct Answer {
  int status = 200;
  std::string head;       // a small body follows in here
  std::string_view body;  // a large body; empty otherwise
  size_t size() const { return head.size() + body.size(); }
};

// What the answer says about the connection.
enum class Ending { kKeepAlive, kKeepAliveHttp10, kClose };

// An answer made for one request: control answers and errors.
Answer MakeAnswer(int status, std::string_view content_type, std::string_view body, bool head_only,
                  Ending ending, std::string_view extra_fields = "");

// Immutable after construction.
class Answers {
 public:
  explicit Answers(const TargetOptions& options);
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  // 200 with the body of the options, or 503 where `error`.
  const Answer& Get(bool error, bool head_only, Ending ending) const {
    return answers_[error][head_only][static_cast<size_t>(ending)];
  }

 private:
  std::string body_;
  Answer answers_[2][2][3];
};

}  // namespace broadside
