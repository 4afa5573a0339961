#pragma once

// Reads HTTP/1 answers from a stream of bytes and drops their bodies. A wrapper around Beast's
// basic_parser, which has no reset: it is rebuilt in place for each answer, without allocation.
//
// 1xx answers are skipped. Bodies end by Content-Length, chunks or the end of the connection, and
// may have any length; HEAD, 204 and 304 have none. What is no HTTP/1, has a status outside
// kStatusMin to kStatusMax, two different lengths or a header over kAnswerHeaderBytesMax (limits.h)
// is bad. Bytes of a header that arrives in pieces are
// carried over by the parser.
//
// Owned by one connection. An answer of 5 fields costs about 0.3 us.

#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/limits.h"

namespace broadside {

class AnswerParser {
 public:
  enum class Result : uint8_t {
    kMore,  // the answer is not complete
    kDone,  // it is
    kBad,   // these bytes are no HTTP/1 answer
    kCut,   // PutEnd only: the connection ended within the answer
  };

  // Begins an answer. `version_name` is the header whose value version() gives (empty for none); it
  // must outlive the answer.
  void Start(bool answers_head, std::string_view version_name);
  Result Put(std::string_view bytes);
  // The peer ended the connection.
  Result PutEnd();

  // Of a complete answer.
  uint16_t status() const { return status_; }
  // Whether the connection can carry another exchange: the answer allows it, and nothing followed
  // it.
  bool reusable() const { return keep_alive_ && !leftover_; }
  // Of `Keep-Alive: timeout=N`, in seconds.
  std::optional<int> idle_timeout_s() const { return idle_timeout_s_; }
  std::string_view version() const { return {version_.data(), version_size_}; }

 private:
  class Beast final : public boost::beast::http::basic_parser<false> {
   public:
    explicit Beast(AnswerParser& answer) : answer_(answer) {}

   private:
    using Code = boost::beast::error_code;
    using Text = boost::beast::string_view;
    void on_request_impl(boost::beast::http::verb, Text, Text, int, Code&) override {}
    void on_response_impl(int code, Text, int, Code& error) override;
    void on_field_impl(boost::beast::http::field name, Text text, Text value, Code&) override;
    void on_header_impl(Code&) override {}
    void on_body_init_impl(const boost::optional<uint64_t>&, Code&) override {}
    size_t on_body_impl(Text body, Code&) override { return body.size(); }
    void on_chunk_header_impl(uint64_t, Text, Code&) override {}
    size_t on_chunk_body_impl(uint64_t, Text body, Code&) override { return body.size(); }
    void on_finish_impl(Code&) override {}

    AnswerParser& answer_;
  };

  void Rebuild();
  Result Parse(std::string_view bytes, size_t* used);

  std::optional<Beast> beast_;
  std::string carry_;  // bytes not yet used; empty in the common case
  std::string_view version_name_;
  std::array<char, limits::kVersionBytesMax> version_{};
  size_t version_size_ = 0;
  std::optional<int> idle_timeout_s_;
  uint16_t status_ = 0;
  bool answers_head_ = false;
  bool begun_ = false;  // the first bytes were seen to be HTTP/1
  bool keep_alive_ = false;
  bool leftover_ = false;
};

}  // namespace broadside
