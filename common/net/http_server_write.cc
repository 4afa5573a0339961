// The writing half of a connection: whole answers and streamed ones.

#include <time.h>

#include <boost/asio/buffer.hpp>
#include <cstdio>

#include "common/net/clock.h"
#include "common/net/http_server_listener.h"

namespace broadside::internal {
namespace {

std::string HttpDate() {
  const time_t now = static_cast<time_t>(
      std::chrono::duration_cast<Seconds>(WallNow().time_since_epoch()).count());
  tm parts{};
  gmtime_r(&now, &parts);
  char text[64];
  // Not strftime's %a and %b: they follow the locale.
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::snprintf(text, sizeof text, "%s, %02d %s %d %02d:%02d:%02d GMT", kDays[parts.tm_wday],
                parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
  return text;
}

// A value with a line break would let its author write headers of his own.
void AppendHeader(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) head += (c == '\r' || c == '\n' || c == '\0') ? ' ' : c;
  head += "\r\n";
}

std::string Chunk(std::string_view data) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  std::string chunk = size;
  return chunk.append(data).append("\r\n");
}

}  // namespace

std::string HttpConnection::Head(const HttpResponse& response, bool chunked) const {
  std::string head = Concat("HTTP/1.1 ", response.status, " ", HttpReason(response.status), "\r\n");
  AppendHeader(head, "Date", HttpDate());
  if (!response.content_type.empty()) AppendHeader(head, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) AppendHeader(head, name, value);
  if (chunked) {
    AppendHeader(head, "Transfer-Encoding", "chunked");
  } else if (state_ != State::kStreaming && response.status != 204 && response.status != 304) {
    AppendHeader(head, "Content-Length", std::to_string(response.body.size()));
  }
  if (!keep_alive_) {
    AppendHeader(head, "Connection", "close");
  } else if (http_1_0_) {
    AppendHeader(head, "Connection", "keep-alive");
  }
  return head += "\r\n";
}

void HttpConnection::Answer(uint64_t exchange, HttpResponse response) {
  if (exchange != exchange_ || state_ != State::kAnswering) return;
  state_ = State::kWriting;
  output_ = Head(response, false);
  if (!head_only_ && response.status != 204 && response.status != 304) output_ += response.body;
  output_sent_ = 0;
  WriteMore();
}

void HttpConnection::WriteMore() {
  writing_ = true;
  Arm(listener_->options().write_timeout);
  socket_.async_write_some(
      boost::asio::buffer(output_.data() + output_sent_, output_.size() - output_sent_),
      [self = shared_from_this()](Error error, size_t bytes) { self->OnWritten(error, bytes); });
}

void HttpConnection::OnWritten(Error error, size_t bytes) {
  writing_ = false;
  if (state_ == State::kClosed) return;
  if (error) return Close();
  output_sent_ += bytes;
  if (output_sent_ < output_.size()) return WriteMore();
  output_.clear();
  Disarm();
  if (state_ != State::kStreaming) return AfterAnswer();
  stream_->waiting_bytes.fetch_sub(std::exchange(stream_in_output_, 0), std::memory_order_relaxed);
  FlushStream();
}

void HttpConnection::AfterAnswer() {
  // A large answer does not keep its memory while the connection is idle.
  output_.shrink_to_fit();
  if (keep_alive_) return WaitForRequest();
  if (!request_complete_ || input_.size() > 0) return Linger();
  ShutdownWrite();
  Close();
}

void HttpConnection::BeginStream(uint64_t exchange, HttpResponse head,
                                 std::shared_ptr<HttpStreamShared> shared,
                                 std::function<void()> closed) {
  if (exchange != exchange_ || state_ != State::kAnswering) {
    shared->closed.store(true, std::memory_order_release);
    if (closed) closed();
    return;
  }
  state_ = State::kStreaming;
  // Reading on is how the end of the client is seen, and what it reads cannot be given back: so
  // this is the last exchange.
  keep_alive_ = false;
  stream_ = std::move(shared);
  stream_closed_ = std::move(closed);
  output_ = Head(head, !http_1_0_);
  output_sent_ = 0;
  stream_ending_ = head_only_ || stopping_;
  stream_end_written_ = head_only_;
  WriteMore();
  WatchPeer();
}

void HttpConnection::StreamData(uint64_t exchange, std::string data) {
  if (exchange != exchange_ || state_ != State::kStreaming || stream_ending_) return;
  stream_waiting_ += data;
  FlushStream();
}

void HttpConnection::FlushStream() {
  if (writing_ || state_ != State::kStreaming) return;
  output_sent_ = 0;
  if (!stream_waiting_.empty()) {
    stream_in_output_ = stream_waiting_.size();
    output_ =
        http_1_0_ ? std::exchange(stream_waiting_, {}) : Chunk(std::exchange(stream_waiting_, {}));
    return WriteMore();
  }
  for (const auto& drained : std::exchange(stream_drained_, {})) drained();
  if (!stream_ending_) return;
  if (!http_1_0_ && !stream_end_written_) {
    stream_end_written_ = true;
    output_ = "0\r\n\r\n";
    return WriteMore();
  }
  ShutdownWrite();
  Close();
}

void HttpConnection::WhenDrained(uint64_t exchange, std::function<void()> drained) {
  if (exchange != exchange_ || state_ != State::kStreaming || stream_ending_) return;
  stream_drained_.push_back(std::move(drained));
  FlushStream();
}

void HttpConnection::EndStream(uint64_t exchange) {
  if (exchange != exchange_ || state_ != State::kStreaming) return;
  stream_->closed.store(true, std::memory_order_release);
  stream_ending_ = true;
  FlushStream();
}

void HttpConnection::CutStream(uint64_t exchange) {
  if (exchange == exchange_ && state_ == State::kStreaming) Close();
}

void HttpConnection::WatchPeer() {
  socket_.async_read_some(boost::asio::buffer(scratch_),
                          [self = shared_from_this()](Error error, size_t) {
                            if (self->state_ != State::kStreaming) return;
                            if (error) return self->Close();
                            self->WatchPeer();
                          });
}

}  // namespace broadside::internal
