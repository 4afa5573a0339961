#include "cli/target/request_parser.h"

#include <strings.h>

#include <algorithm>
#include <cstring>

#include "cli/target/http_chars.h"
#include "common/core/limits.h"

namespace broadside {

namespace {

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Decimal digits only, at most 18 of them, so that the value fits; -1 where the text is none.
int64_t ParseDecimal(std::string_view text) {
  if (text.empty() || text.size() > 18) return -1;
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// -1 where the character is no hexadecimal digit.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

RequestParser::Result RequestParser::Parse(std::string_view& input) {
  while (!complete_) {
    if (state_ == State::kBody || state_ == State::kChunkData) {
      const size_t skipped = std::min<uint64_t>(body_left_, input.size());
      input.remove_prefix(skipped);
      body_left_ -= skipped;
      request_.wire_bytes += skipped;
      if (body_left_ > 0) return Result::kNeedMore;
      complete_ = state_ == State::kBody;
      state_ = State::kChunkEnd;
      continue;
    }
    const void* newline = input.empty() ? nullptr : memchr(input.data(), '\n', input.size());
    const size_t length =
        newline == nullptr
            ? input.size()
            : static_cast<size_t>(static_cast<const char*>(newline) - input.data()) + 1;
    if (length > LineBytesMax()) {
      state_ == State::kChunkSize ? Bad(400, "a chunk line is too long")
                                  : Bad(431, "the header is larger than 64 KiB");
      return Result::kBad;
    }
    if (newline == nullptr) return Result::kNeedMore;
    const std::string_view line = input.substr(0, length);
    input.remove_prefix(length);
    request_.wire_bytes += length;
    if (state_ != State::kChunkSize && state_ != State::kChunkEnd) head_bytes_ += length;
    if (length < 2 || line[length - 2] != '\r') {
      Bad(400, "a line does not end with CR LF");
      return Result::kBad;
    }
    if (!OnLine(line.substr(0, length - 2))) return Result::kBad;
  }
  request_.keep_alive = !close_ && (!request_.http10 || keep_alive_asked_);
  return Result::kComplete;
}

size_t RequestParser::LineBytesMax() const {
  if (state_ == State::kChunkSize || state_ == State::kChunkEnd) {
    return limits::kTargetChunkLineBytesMax;
  }
  return limits::kTargetHeaderBytesMax - head_bytes_;
}

bool RequestParser::TakeContinue() {
  const bool head_read = state_ != State::kRequestLine && state_ != State::kFields;
  if (!continue_asked_ || !head_read) return false;
  continue_asked_ = false;
  return true;
}

bool RequestParser::Bad(int status, std::string_view reason) {
  bad_status_ = status;
  bad_reason_ = reason;
  return false;
}

bool RequestParser::OnLine(std::string_view line) {
  switch (state_) {
    case State::kRequestLine:
      // Empty lines before a request line are left over from sloppy clients (RFC 9112 section 2.2).
      return line.empty() || OnRequestLine(line);
    case State::kFields:
      return line.empty() ? OnHeadEnd() : OnField(line);
    case State::kChunkSize:
      return OnChunkSize(line);
    case State::kChunkEnd:
      if (!line.empty()) return Bad(400, "a chunk is longer than its size");
      state_ = State::kChunkSize;
      return true;
    case State::kTrailers:
      complete_ = line.empty();
      return true;
    default:
      return true;
  }
}

bool RequestParser::OnRequestLine(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0) {
    return Bad(400, "the request line is not METHOD TARGET VERSION");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!std::all_of(method.begin(), method.end(), IsTokenChar)) {
    return Bad(400, "the method has a forbidden character");
  }
  if (version == "HTTP/1.0") {
    request_.http10 = true;
  } else if (version != "HTTP/1.1") {
    return version.starts_with("HTTP/") ? Bad(505, "the version is neither HTTP/1.1 nor HTTP/1.0")
                                        : Bad(400, "the request line has no HTTP version");
  }
  if (method == "GET") request_.method = Method::kGet;
  if (method == "HEAD") request_.method = Method::kHead;
  if (method == "POST") request_.method = Method::kPost;
  state_ = State::kFields;
  return OnTarget(line.substr(first + 1, last - first - 1));
}

bool RequestParser::OnTarget(std::string_view target) {
  if (target.empty() || !std::all_of(target.begin(), target.end(), IsTargetChar)) {
    return Bad(400, "the request target is empty or has a forbidden character");
  }
  if (target.front() != '/') {
    // The absolute form, as sent to proxies: the path starts at the first slash behind the
    // authority.
    const size_t authority = target.find("://");
    if (authority == std::string_view::npos) return true;
    const size_t path = target.find('/', authority + 3);
    if (path == std::string_view::npos) return true;
    target.remove_prefix(path);
  }
  if (!target.starts_with("/__target/")) return true;
  const std::string_view path = target.substr(0, target.find('?'));
  request_.route = path == "/__target/stats"   ? Route::kStats
                   : path == "/__target/reset" ? Route::kReset
                                               : Route::kOtherControl;
  return true;
}

bool RequestParser::OnField(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Bad(400, "a header field has no colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = line.substr(colon + 1);
  if (name.empty() || !std::all_of(name.begin(), name.end(), IsTokenChar)) {
    return Bad(400, "the name of a header field is empty or has a forbidden character");
  }
  if (!std::all_of(value.begin(), value.end(), IsFieldChar)) {
    return Bad(400, "the value of a header field has a forbidden character");
  }
  return OnKnownField(name, Trim(value));
}

bool RequestParser::OnKnownField(std::string_view name, std::string_view value) {
  switch (name.size()) {  // most fields are told apart by their length alone
    case 4:
      if (!EqualsIgnoreCase(name, "Host")) return true;
      if (has_host_) return Bad(400, "there are two Host fields");
      has_host_ = true;
      return true;
    case 6:
      if (EqualsIgnoreCase(name, "Expect") && EqualsIgnoreCase(value, "100-continue")) {
        continue_asked_ = !request_.http10;
      }
      return true;
    case 10:
      if (EqualsIgnoreCase(name, "Connection")) OnConnection(value);
      return true;
    case 14:
      return !EqualsIgnoreCase(name, "Content-Length") || OnContentLength(value);
    case 16:
      if (!EqualsIgnoreCase(name, "X-Broadside-Slot")) return true;
      request_.has_slot = true;
      request_.slot = ParseDecimal(value);
      return true;
    case 17:
      return !EqualsIgnoreCase(name, "Transfer-Encoding") || OnTransferEncoding(value);
    default:
      return true;
  }
}

bool RequestParser::OnContentLength(std::string_view value) {
  const int64_t length = ParseDecimal(value);
  if (length < 0) return Bad(400, "Content-Length is no decimal number of at most 18 digits");
  if (has_length_ && body_left_ != static_cast<uint64_t>(length)) {
    return Bad(400, "there are two different Content-Length fields");
  }
  has_length_ = true;
  body_left_ = static_cast<uint64_t>(length);
  return true;
}

bool RequestParser::OnTransferEncoding(std::string_view value) {
  if (chunked_) return Bad(400, "there are two Transfer-Encoding fields");
  if (!EqualsIgnoreCase(value, "chunked")) return Bad(501, "Transfer-Encoding is not 'chunked'");
  if (request_.http10) return Bad(400, "Transfer-Encoding in HTTP/1.0");
  chunked_ = true;
  return true;
}

void RequestParser::OnConnection(std::string_view value) {
  while (true) {
    const size_t comma = value.find(',');
    const std::string_view option = Trim(value.substr(0, comma));
    if (EqualsIgnoreCase(option, "close")) close_ = true;
    if (EqualsIgnoreCase(option, "keep-alive")) keep_alive_asked_ = true;
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

bool RequestParser::OnHeadEnd() {
  if (!request_.http10 && !has_host_) return Bad(400, "there is no Host field");
  if (chunked_ && has_length_) return Bad(400, "both Content-Length and Transfer-Encoding");
  if (chunked_) {
    state_ = State::kChunkSize;
  } else if (body_left_ > 0) {
    state_ = State::kBody;
  } else {
    complete_ = true;
  }
  return true;
}

bool RequestParser::OnChunkSize(std::string_view line) {
  const std::string_view digits = Trim(line.substr(0, line.find(';')));
  if (digits.empty() || digits.size() > 15) return Bad(400, "a chunk size is empty or too long");
  body_left_ = 0;
  for (const char c : digits) {
    const int digit = HexDigit(c);
    if (digit < 0) return Bad(400, "a chunk size is no hexadecimal number");
    body_left_ = body_left_ * 16 + static_cast<uint64_t>(digit);
  }
  state_ = body_left_ == 0 ? State::kTrailers : State::kChunkData;
  return true;
}

}  // namespace broadside
