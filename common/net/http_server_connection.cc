#include "common/net/http_server_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <string_view>

#include "common/net/http_server_listener.h"

namespace broadside::internal {

namespace http = boost::beast::http;

namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view View(boost::core::string_view text) { return {text.data(), text.size()}; }

// Splits the request target; the absolute form ("http://host/path"), which clients send to proxies,
// loses its authority.
void SplitTarget(std::string_view target, HttpRequest& request) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const size_t slash = target.find_first_of("/?", scheme.size());
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    break;
  }
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  if (request.path.empty()) request.path = "/";
}

HttpRequest ToRequest(http::request<http::string_body> message) {
  HttpRequest request;
  request.method = View(message.method_string());
  SplitTarget(View(message.target()), request);
  for (const auto& field : message) {
    request.headers.emplace_back(Lower(View(field.name_string())), View(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

}  // namespace

HttpConnection::HttpConnection(boost::asio::ip::tcp::socket socket,
                               std::shared_ptr<HttpListener> listener)
    : listener_(std::move(listener)), socket_(std::move(socket)), timer_(listener_->executor()) {}

void HttpConnection::WaitForRequest() {
  state_ = State::kIdle;
  request_complete_ = false;
  if (stopping_) return Close();
  if (input_.size() > 0) return ReadHead();
  Arm(listener_->options().idle_timeout);
  // A wait before the read tells when the first byte came, from which on the client has
  // read_timeout.
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](Error error) {
                       if (self->state_ != State::kIdle) return;
                       if (error) return self->Close();
                       self->ReadHead();
                     });
}

void HttpConnection::ReadHead() {
  state_ = State::kReading;
  ++exchange_;
  head_only_ = false;
  keep_alive_ = false;
  http_1_0_ = false;
  Arm(listener_->options().read_timeout);
  parser_.emplace();
  // Beast counts header_limit in 32 bits.
  parser_->header_limit(static_cast<uint32_t>(listener_->options().header_bytes_max));
  parser_->body_limit(listener_->options().body_bytes_max);
  http::async_read_header(
      socket_, input_, *parser_,
      [self = shared_from_this()](Error error, size_t) { self->OnHead(error); });
}

void HttpConnection::OnHead(Error error) {
  if (state_ != State::kReading) return;
  if (error) return OnReadError(error);
  const auto& message = parser_->get();
  http_1_0_ = message.version() < 11;
  head_only_ = message.method() == http::verb::head;
  if (message.version() != 10 && message.version() != 11) {
    return Refuse(505, "this server speaks HTTP/1.0 and HTTP/1.1");
  }
  if (!http_1_0_ && message.count(http::field::host) != 1) {
    return Refuse(400, "an HTTP/1.1 request has exactly one Host header");
  }
  if (!http_1_0_ && Lower(View(message[http::field::expect])) == "100-continue") {
    boost::asio::async_write(socket_, boost::asio::buffer(kContinue),
                             [self = shared_from_this()](Error write_error, size_t) {
                               if (self->state_ != State::kReading) return;
                               if (write_error) return self->Close();
                               self->ReadBody();
                             });
    return;
  }
  ReadBody();
}

void HttpConnection::ReadBody() {
  http::async_read(socket_, input_, *parser_,
                   [self = shared_from_this()](Error error, size_t) { self->OnRequest(error); });
}

void HttpConnection::OnRequest(Error error) {
  if (state_ != State::kReading) return;
  if (error) return OnReadError(error);
  state_ = State::kAnswering;
  request_complete_ = true;
  keep_alive_ = parser_->get().keep_alive();
  Disarm();
  HttpRequest request = ToRequest(parser_->release());
  parser_.reset();
  listener_->Handle(std::move(request), shared_from_this(), exchange_);
}

void HttpConnection::OnReadError(Error error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Refuse(431, Concat("the request header is larger than ",
                              listener_->options().header_bytes_max, " bytes"));
  }
  if (error == http::error::body_limit) {
    return Refuse(413, Concat("the request body is larger than ",
                              listener_->options().body_bytes_max, " bytes"));
  }
  const bool gone = error == http::error::end_of_stream || error == http::error::partial_message;
  static const auto& http_category = make_error_code(http::error::bad_method).category();
  if (gone || error.category() != http_category) return Close();
  Refuse(400, Concat("not an HTTP/1.1 request: ", error.message()));
}

// Answers before the request was read to its end, or instead of the handler; the connection ends
// with it.
void HttpConnection::Refuse(int status, std::string_view detail) {
  state_ = State::kAnswering;
  keep_alive_ = false;
  Answer(exchange_, HttpProblem(status, detail));
}

void HttpConnection::ShutdownWrite() {
  Error ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

void HttpConnection::Linger() {
  state_ = State::kLingering;
  ShutdownWrite();
  Arm(listener_->options().stop_grace);
  ReadAndDrop();
}

void HttpConnection::ReadAndDrop() {
  socket_.async_read_some(boost::asio::buffer(scratch_),
                          [self = shared_from_this()](Error error, size_t) {
                            if (self->state_ != State::kLingering) return;
                            if (error) return self->Close();
                            self->ReadAndDrop();
                          });
}

void HttpConnection::Stop() {
  stopping_ = true;
  keep_alive_ = false;
  switch (state_) {
    case State::kIdle:
    case State::kReading:
    case State::kLingering:
      return Close();
    case State::kStreaming:
      return EndStream(exchange_);
    case State::kAnswering:
    case State::kWriting:
    case State::kClosed:
      return;
  }
}

void HttpConnection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  const auto self = shared_from_this();
  Error ignored;
  socket_.close(ignored);
  Disarm();
  if (stream_ != nullptr) stream_->closed.store(true, std::memory_order_release);
  stream_drained_.clear();
  if (stream_closed_) std::exchange(stream_closed_, nullptr)();
  listener_->Remove(self);
}

void HttpConnection::Arm(Millis timeout) {
  const uint64_t round = ++timer_round_;
  timer_.expires_after(timeout);
  timer_.async_wait([self = shared_from_this(), round](Error error) {
    // A wait whose time had come before it was cancelled arrives without an error; the round tells.
    if (error || round != self->timer_round_) return;
    self->OnDeadline();
  });
}

void HttpConnection::Disarm() {
  ++timer_round_;
  timer_.cancel();
}

void HttpConnection::OnDeadline() {
  if (state_ == State::kReading) {
    // The pending read must not take what comes while the answer is written; its handler sees the
    // new state.
    Error ignored;
    socket_.cancel(ignored);
    return Refuse(408, "the request took too long to arrive");
  }
  Close();
}

}  // namespace broadside::internal
