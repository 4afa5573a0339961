#pragma once

// Reads HTTP/1.x requests from a byte stream, line by line, and keeps only what the demo target
// needs: nothing is allocated or copied. Bodies (Content-Length and chunked) are skipped. Strict
// where a lenient reading is ambiguous: bare LF, folded fields, two different lengths, a length
// beside chunked, no Host in HTTP/1.1 are bad requests. One per connection, owned by its worker's
// thread. A usual request of 5 fields costs some 100 ns.

#include <cstdint>
#include <string_view>

namespace broadside {

enum class Route : uint8_t { kOrdinary, kStats, kReset, kOtherControl };
enum class Method : uint8_t { kGet, kHead, kPost, kOther };

struct Request {
  Method method = Method::kOther;
  Route route = Route::kOrdinary;
  bool http10 = false;
  bool keep_alive = true;
  bool has_slot = false;    // X-Broadside-Slot was there
  int64_t slot = -1;        // -1: it was no decimal number of at most 18 digits
  uint64_t wire_bytes = 0;  // of head and body, as received
};

class RequestParser {
 public:
  enum class Result : uint8_t { kNeedMore, kComplete, kBad };

  // Reads on and removes what it read from the front of `input`. After kNeedMore, the rest (the
  // start of a line) must be given again with more bytes behind it. After kComplete or kBad, call
  // Reset before the next Parse.
  Result Parse(std::string_view& input);
  void Reset() { *this = RequestParser(); }

  // REQUIRES: the last result was kComplete.
  const Request& request() const { return request_; }
  // Whether the client waits for `100 Continue` before it sends the body; true once a request,
  // after kNeedMore.
  bool TakeContinue();
  // After kBad: the status to answer with (400, 431, 501, 505) and why.
  int bad_status() const { return bad_status_; }
  std::string_view bad_reason() const { return bad_reason_; }

 private:
  enum class State : uint8_t {
    kRequestLine,
    kFields,
    kBody,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers
  };

  bool Bad(int status, std::string_view reason);
  // Each handles one line without its CRLF; false when it is bad.
  bool OnLine(std::string_view line);
  bool OnRequestLine(std::string_view line);
  bool OnTarget(std::string_view target);
  bool OnField(std::string_view line);
  bool OnKnownField(std::string_view name, std::string_view value);
  bool OnContentLength(std::string_view value);
  bool OnTransferEncoding(std::string_view value);
  void OnConnection(std::string_view value);
  bool OnHeadEnd();
  bool OnChunkSize(std::string_view line);
  size_t LineBytesMax() const;

  State state_ = State::kRequestLine;
  bool complete_ = false;
  bool has_host_ = false;
  bool has_length_ = false;
  bool chunked_ = false;
  bool close_ = false;
  bool keep_alive_asked_ = false;
  bool continue_asked_ = false;
  uint64_t body_left_ = 0;   // of the body or the chunk
  uint64_t head_bytes_ = 0;  // of head and trailers
  Request request_;
  int bad_status_ = 0;
  std::string_view bad_reason_;
};

}  // namespace broadside
