#pragma once

// A small HTTP/1.1 server: REST, health and metrics of the controller and of the agents.
//
//   auto server = HttpServer::Start(
//       {.listen = "127.0.0.1:8080"}, [](HttpRequest request, HttpResponder responder) {
//         // Now, or later from any thread.
//         responder.Send({.status = 200, .content_type = "text/plain", .body = "ok\n"});
//       });
//
// The handler runs on the server's thread, one request of a connection at a time, and must not
// block. The server lives on whatever clients send: requests that are no HTTP get 400, too large
// ones 413 and 431, slow ones 408 or a closed connection. Errors that the server itself answers are
// problem+json.
//
// Bounds: limits.h (connections, header, body, stream buffer, timeouts). Cost: one buffer of the
// request's size and one of the answer's a connection. Thread-safe: HttpResponder and HttpStream.
// HttpServer itself: Start and Stop from one owner, never from the server's thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/time.h"
#include "common/net/io_thread.h"

namespace broadside {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;   // as sent: "GET"
  std::string path;     // of the target, without the query, as sent (still percent-encoded)
  std::string query;    // behind '?', as sent; empty for none
  HttpHeaders headers;  // names in lower case, in the order sent
  std::string body;

  // The value of the first header `lower_name`; empty when there is none.
  std::string_view Header(std::string_view lower_name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no Content-Type
  HttpHeaders headers = {};  // further ones; Content-Length, Connection and Date are the server's
  std::string body = {};     // not sent for HEAD, 204 and 304
};

// The reason phrase of a status: "Not Found".
std::string_view HttpReason(int status);

// An RFC 9457 problem without field errors.
HttpResponse HttpProblem(int status, std::string_view detail, std::string_view instance = {});

class IoGate;
namespace internal {
class HttpAnswer;
class HttpStreamState;
class HttpListener;
}  // namespace internal

// An answer whose body is written bit by bit (server-sent events). A copyable handle; dropping the
// last one ends the answer.
class HttpStream {
 public:
  HttpStream() = default;  // closed
  // Queues `data`; never blocks. False when the stream is closed: the client has gone, the server
  // stops, or more than limits::kSseBufferBytesMax waits after it (one write into an empty buffer
  // may be larger), in which case the connection is cut, so that the client sees that something is
  // missing.
  bool Write(std::string data);
  // `drained` runs once on the server's thread as soon as all that was written before has been
  // taken by the kernel: the way to write much without filling the buffer. Dropped when the stream
  // is closed.
  void WhenDrained(std::function<void()> drained);
  // The body is complete; further writes return false.
  void End();
  bool closed() const;

 private:
  friend class HttpResponder;
  explicit HttpStream(std::shared_ptr<internal::HttpStreamState> state)
      : state_(std::move(state)) {}
  std::shared_ptr<internal::HttpStreamState> state_;
};

// Answers one request, once: a second answer is ignored. A copyable handle; a request whose last
// responder was dropped gets 500.
class HttpResponder {
 public:
  HttpResponder() = default;  // answers nobody
  void Send(HttpResponse response);
  // Starts a streamed body: status, content type and headers of `head`. `closed` runs once on the
  // server's thread when the stream has ended for whatever reason (not when the server was gone
  // before); it may be empty.
  HttpStream Stream(HttpResponse head, std::function<void()> closed);

 private:
  friend class internal::HttpListener;
  explicit HttpResponder(std::shared_ptr<internal::HttpAnswer> answer)
      : answer_(std::move(answer)) {}
  std::shared_ptr<internal::HttpAnswer> answer_;
};

using HttpHandler = std::function<void(HttpRequest, HttpResponder)>;

struct HttpServerOptions {
  std::string listen;  // "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0" (any free port), ":8080" (all
                       // IPv4 addresses)
  std::string flag = "--http";  // the flag that messages tell the user to change
  std::string thread_name = "http";
  IoThread* io_thread =
      nullptr;  // runs on this one, which must outlive the server; nullptr: on a thread of its own
  // Bounds; tests lower them.
  int connections_max = limits::kHttpConnectionsMax;
  size_t header_bytes_max = limits::kRequestHeaderBytesMax;
  size_t body_bytes_max = limits::kRequestBytesMax;
  size_t stream_buffer_bytes_max = limits::kSseBufferBytesMax;
  Millis idle_timeout = limits::kHttpIdleTimeout;    // between requests
  Millis read_timeout = limits::kHttpReadTimeout;    // from the first byte of a request to its last
  Millis write_timeout = limits::kHttpWriteTimeout;  // without any progress
  Millis stop_grace = limits::kHttpStopGrace;        // for answers under way
  int socket_send_buffer_bytes = 0;                  // 0: the system's
};

class HttpServer {
 public:
  // Listens, then serves. An error is one line that says what to do.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options,
                                                           HttpHandler handler);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const { return port_; }
  // "127.0.0.1:8080", with the real port.
  const std::string& address() const { return address_; }
  // No new connection and no new request; streams end; answers under way get `stop_grace`; then
  // everything is closed. Returns within stop_grace and a little. Afterwards the handler is not
  // called any more, and what late responders say is dropped.
  void Stop();

 private:
  HttpServer() = default;

  // Constant after Start.
  uint16_t port_ = 0;
  std::string address_;
  IoThread* io_thread_ = nullptr;
  std::unique_ptr<IoThread> own_thread_;
  // Home of its state is the io thread.
  std::shared_ptr<IoGate> gate_;
  std::shared_ptr<internal::HttpListener> listener_;
};

}  // namespace broadside
