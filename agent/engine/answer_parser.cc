#include "agent/engine/answer_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>

namespace broadside {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kProtocol = "HTTP/1.";
constexpr size_t kCarryKeptMax = 4096;  // a larger buffer is given back after the answer

// N of `timeout=N` in a list of parameters.
std::optional<int> TimeoutOf(std::string_view value) {
  constexpr std::string_view kName = "timeout=";
  const size_t at = value.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  const char* from = value.data() + at + kName.size();
  int seconds = 0;
  const auto parsed = std::from_chars(from, value.data() + value.size(), seconds);
  if (parsed.ec != std::errc{} || seconds < 0) return std::nullopt;
  return seconds;
}

}  // namespace

// Beast takes any three digits.
void AnswerParser::Beast::on_response_impl(int code, Text, int, Code& error) {
  if (code < limits::kStatusMin || code > limits::kStatusMax) error = http::error::bad_status;
  answer_.status_ = static_cast<uint16_t>(code);
}

void AnswerParser::Beast::on_field_impl(http::field name, Text text, Text value, Code&) {
  if (name == http::field::keep_alive) {
    answer_.idle_timeout_s_ = TimeoutOf({value.data(), value.size()});
  }
  const std::string_view wanted = answer_.version_name_;
  if (wanted.empty() || text.size() != wanted.size() ||
      !boost::beast::iequals(text, Text(wanted.data(), wanted.size()))) {
    return;
  }
  answer_.version_size_ = std::min(value.size(), answer_.version_.size());
  std::copy_n(value.data(), answer_.version_size_, answer_.version_.begin());
}

void AnswerParser::Start(bool answers_head, std::string_view version_name) {
  answers_head_ = answers_head;
  version_name_ = version_name;
  carry_.clear();
  if (carry_.capacity() > kCarryKeptMax) carry_.shrink_to_fit();
  leftover_ = keep_alive_ = false;
  Rebuild();
}

void AnswerParser::Rebuild() {
  beast_.emplace(*this);
  beast_->eager(true);
  beast_->body_limit(boost::none);
  beast_->header_limit(limits::kAnswerHeaderBytesMax);
  if (answers_head_) beast_->skip(true);
  begun_ = false;
  status_ = 0;
  version_size_ = 0;
  idle_timeout_s_.reset();
}

AnswerParser::Result AnswerParser::Put(std::string_view bytes) {
  size_t used = 0;
  if (carry_.empty()) {
    const Result result = Parse(bytes, &used);
    if (result == Result::kMore) carry_.assign(bytes.substr(used));
    return result;
  }
  carry_.append(bytes);
  const Result result = Parse(carry_, &used);
  if (result == Result::kMore) carry_.erase(0, used);
  return result;
}

AnswerParser::Result AnswerParser::Parse(std::string_view bytes, size_t* used) {
  while (*used < bytes.size()) {
    const std::string_view rest = bytes.substr(*used);
    if (!begun_) {
      // Beast looks at the first line only when the whole header is there.
      const size_t common = std::min(rest.size(), kProtocol.size());
      if (rest.substr(0, common) != kProtocol.substr(0, common)) return Result::kBad;
      begun_ = common == kProtocol.size();
    }
    boost::beast::error_code error;
    const size_t consumed = beast_->put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    *used += consumed;
    if (error == http::error::need_more) {
      // Chunk headers and trailers have no limit of Beast's own.
      return rest.size() - consumed > 2 * limits::kAnswerHeaderBytesMax ? Result::kBad
                                                                        : Result::kMore;
    }
    if (error) return Result::kBad;
    if (!beast_->is_done()) {
      if (consumed == 0) return Result::kMore;
      continue;
    }
    if (status_ / 100 == 1) {
      Rebuild();
      continue;
    }
    leftover_ = *used < bytes.size();
    keep_alive_ = beast_->keep_alive();
    return Result::kDone;
  }
  return Result::kMore;
}

AnswerParser::Result AnswerParser::PutEnd() {
  if (!begun_ || !beast_->got_some()) return Result::kCut;
  boost::beast::error_code error;
  beast_->put_eof(error);
  if (error) return Result::kCut;
  keep_alive_ = false;
  return Result::kDone;
}

}  // namespace broadside
