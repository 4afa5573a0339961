#pragma once

// A client's connection as one worker of the target holds it: a parser, the answers it owes in
// order, and what of the socket it waits for. Data only; the worker's thread owns it and acts on
// it.

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "cli/target/answers.h"
#include "cli/target/request_parser.h"
#include "cli/target/target_stats.h"
#include "common/core/limits.h"

namespace broadside::target {

// An answer that is owed, to be sent at `due` and after those before it.
struct OwedAnswer {
  SteadyTime due;
  const Answer* answer = nullptr;
  bool counted = false;  // to an ordinary request
  bool begun = false;    // sending began
  bool last = false;     // the connection ends after it
};

// First in, first out, with a bound; no allocation.
class AnswerQueue {
 public:
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == limits::kTargetPipelineMax; }
  size_t size() const { return size_; }
  OwedAnswer& operator[](size_t i) { return ring_[(first_ + i) % limits::kTargetPipelineMax]; }
  OwedAnswer& front() { return ring_[first_]; }
  void Push(const OwedAnswer& answer) { (*this)[size_++] = answer; }
  void Pop() {
    first_ = (first_ + 1) % limits::kTargetPipelineMax;
    --size_;
  }

 private:
  std::array<OwedAnswer, limits::kTargetPipelineMax> ring_;
  size_t first_ = 0;
  size_t size_ = 0;
};

struct Connection {
  // Whether another request may be taken: then the socket is read.
  bool Takes() const { return !closing && !peer_ended && !own_answer && !owed.full(); }

  int fd = -1;
  uint32_t generation = 0;  // tells this connection from an earlier one with the same descriptor
  uint32_t interest = 0;    // epoll events asked for
  RequestParser parser;
  std::string carry;   // read but not parsed: the start of a line, or requests beyond the bound
  SteadyTime read_at;  // of the last bytes
  AnswerQueue owed;
  size_t sent = 0;  // bytes of the front answer
  std::unique_ptr<Answer>
      own_answer;  // owed too, built for one request; the next one waits until it is sent
  std::optional<SteadyTime> timer;  // when the worker was told to look at it again
  bool paused = false;              // carry holds what Takes() forbade to parse
  bool blocked = false;             // the socket's buffer is full
  bool closing = false;             // no further request is taken
  bool linger =
      false;  // the client may still be sending: after the last answer, read until it ends
  bool lingering = false;
  bool peer_ended = false;  // the client ended its direction; it may wait for answers
};

}  // namespace broadside::target
