#pragma once

// One connection of the HTTP server; internal to common/net/http_server.h.
//
// Everything here lives on the server's io thread, except the handles behind
// HttpResponder and HttpStream. Those hold weak pointers that are locked on the io thread only, so
// that a handle that outlives the server never destroys a socket after its loop.
//
// States: idle -> reading -> answering -> (writing | streaming) -> idle or lingering -> closed. One
// exchange at a time: pipelined requests wait in the buffer. Lingering reads and drops what the
// client still sends after an answer that came before the end of its request: closing at once would
// send RST, and the client would lose the answer.

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/net/http_server.h"
#include "common/net/io_gate.h"

namespace broadside::internal {

class HttpConnection;
class HttpListener;

// What a streamed answer shares between its writers and its connection.
struct HttpStreamShared {
  std::atomic<size_t> waiting_bytes{0};  // written, not yet taken by the kernel
  std::atomic<bool> closed{false};
};

// Behind HttpStream: its destruction ends the stream.
class HttpStreamState {
 public:
  HttpStreamState(std::shared_ptr<IoGate> gate, std::weak_ptr<HttpConnection> connection,
                  uint64_t exchange, size_t bytes_max);
  ~HttpStreamState() { End(); }
  HttpStreamState(const HttpStreamState&) = delete;
  HttpStreamState& operator=(const HttpStreamState&) = delete;
  bool Write(std::string data);
  void WhenDrained(std::function<void()> drained);
  void End();
  bool closed() const { return shared_->closed.load(std::memory_order_acquire); }
  const std::shared_ptr<HttpStreamShared>& shared() const { return shared_; }

 private:
  const std::shared_ptr<IoGate> gate_;
  const std::weak_ptr<HttpConnection> connection_;
  const uint64_t exchange_;
  const size_t bytes_max_;
  const std::shared_ptr<HttpStreamShared> shared_ = std::make_shared<HttpStreamShared>();
};

// Behind HttpResponder: its destruction without an answer is a 500.
class HttpAnswer {
 public:
  HttpAnswer(std::shared_ptr<IoGate> gate, std::weak_ptr<HttpConnection> connection,
             uint64_t exchange, size_t stream_bytes_max);
  ~HttpAnswer();
  HttpAnswer(const HttpAnswer&) = delete;
  HttpAnswer& operator=(const HttpAnswer&) = delete;
  void Send(HttpResponse response);
  std::shared_ptr<HttpStreamState> Stream(HttpResponse head, std::function<void()> closed);

 private:
  const std::shared_ptr<IoGate> gate_;
  const std::weak_ptr<HttpConnection> connection_;
  const uint64_t exchange_;
  const size_t stream_bytes_max_;
  std::atomic<bool> answered_{false};
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(boost::asio::ip::tcp::socket socket, std::shared_ptr<HttpListener> listener);

  void Start() { WaitForRequest(); }
  // The server stops: what is idle or half read is closed, streams end, an answer under way is the
  // last.
  void Stop();
  void Close();

  // From handles; those of an earlier exchange are ignored.
  void Answer(uint64_t exchange, HttpResponse response);
  void BeginStream(uint64_t exchange, HttpResponse head, std::shared_ptr<HttpStreamShared> shared,
                   std::function<void()> closed);
  void StreamData(uint64_t exchange, std::string data);
  void WhenDrained(uint64_t exchange, std::function<void()> drained);
  void EndStream(uint64_t exchange);
  void CutStream(uint64_t exchange);

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Error = boost::system::error_code;
  enum class State { kIdle, kReading, kAnswering, kWriting, kStreaming, kLingering, kClosed };

  void WaitForRequest();
  void ReadHead();
  void OnHead(Error error);
  void ReadBody();
  void OnRequest(Error error);
  void OnReadError(Error error);
  void Refuse(int status, std::string_view detail);

  std::string Head(const HttpResponse& response, bool chunked) const;
  void WriteMore();
  void OnWritten(Error error, size_t bytes);
  void AfterAnswer();
  void FlushStream();
  void WatchPeer();
  void Linger();
  void ReadAndDrop();
  void ShutdownWrite();

  // Closes (or, while reading, refuses with 408) after `timeout` unless armed again before.
  void Arm(Millis timeout);
  void Disarm();
  void OnDeadline();

  const std::shared_ptr<HttpListener> listener_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  uint64_t timer_round_ = 0;
  State state_ = State::kIdle;
  bool stopping_ = false;

  boost::beast::flat_buffer input_;
  std::optional<Parser> parser_;
  uint64_t exchange_ = 0;  // number of the request, from 1
  bool head_only_ = false;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  bool request_complete_ = false;

  std::string output_;  // being written, from output_sent_ on
  size_t output_sent_ = 0;
  bool writing_ = false;

  std::shared_ptr<HttpStreamShared> stream_;
  std::function<void()> stream_closed_;
  std::vector<std::function<void()>> stream_drained_;
  std::string stream_waiting_;   // data for the next write
  size_t stream_in_output_ = 0;  // bytes of waiting_bytes that output_ holds
  bool stream_ending_ = false;
  bool stream_end_written_ = false;
  char scratch_[2048];
};

}  // namespace broadside::internal
