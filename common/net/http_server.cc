#include "common/net/http_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <future>
#include <optional>

#include "common/core/utf8.h"
#include "common/net/http_server_listener.h"
#include "common/net/log.h"

namespace broadside {

using boost::asio::ip::tcp;
using Error = boost::system::error_code;

namespace internal {

namespace {
constexpr Millis kAcceptBackoff{100};
}  // namespace

HttpListener::HttpListener(tcp::acceptor acceptor, HttpServerOptions options, HttpHandler handler,
                           std::shared_ptr<IoGate> gate)
    : options_(std::move(options)),
      handler_(std::move(handler)),
      gate_(std::move(gate)),
      acceptor_(std::move(acceptor)),
      timer_(acceptor_.get_executor()) {}

void HttpListener::Accept() {
  acceptor_.async_accept([self = shared_from_this()](Error error, tcp::socket socket) {
    self->OnAccepted(error, std::move(socket));
  });
}

void HttpListener::OnAccepted(Error error, tcp::socket socket) {
  if (stopping_) return;
  if (error) {
    // Out of descriptors, most likely: connections that end give some back.
    Log(LogLevel::kWarn, "http_accept_failed", {{"error", error.message()}});
    timer_.expires_after(kAcceptBackoff);
    timer_.async_wait([self = shared_from_this()](Error cancelled) {
      if (!cancelled && !self->stopping_) self->Accept();
    });
    return;
  }
  const bool full = connections_.size() >= static_cast<size_t>(options_.connections_max);
  if (full && !full_) {
    Log(LogLevel::kWarn, "http_connections_full",
        {{"limit", std::to_string(options_.connections_max)}});
  }
  full_ = full;
  if (!full) {
    Error ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (options_.socket_send_buffer_bytes > 0) {
      socket.set_option(tcp::socket::send_buffer_size(options_.socket_send_buffer_bytes), ignored);
    }
    const auto connection = std::make_shared<HttpConnection>(std::move(socket), shared_from_this());
    connections_.insert(connection);
    connection->Start();
  }
  Accept();
}

void HttpListener::Handle(HttpRequest request, std::shared_ptr<HttpConnection> connection,
                          uint64_t exchange) {
  handler_(std::move(request),
           HttpResponder(std::make_shared<HttpAnswer>(gate_, std::move(connection), exchange,
                                                      options_.stream_buffer_bytes_max)));
}

void HttpListener::Remove(const std::shared_ptr<HttpConnection>& connection) {
  connections_.erase(connection);
  MaybeStopped();
}

void HttpListener::Stop(std::function<void()> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  Error ignored;
  acceptor_.close(ignored);
  const auto open = connections_;  // Stop may remove
  for (const auto& connection : open) connection->Stop();
  timer_.expires_after(options_.stop_grace);
  timer_.async_wait([self = shared_from_this()](Error cancelled) {
    if (cancelled) return;
    const auto late = self->connections_;
    for (const auto& connection : late) connection->Close();
  });
  MaybeStopped();
}

void HttpListener::MaybeStopped() {
  if (!stopped_ || !connections_.empty()) return;
  timer_.cancel();
  std::exchange(stopped_, nullptr)();
}

}  // namespace internal

namespace {

struct ListenAddress {
  std::string host;
  uint16_t port = 0;
};

absl::StatusOr<ListenAddress> ParseListen(const HttpServerOptions& options) {
  const std::string_view text = options.listen;
  const auto wrong = [&] {
    return InvalidArgument(Quoted(text), " is no address to listen on: give ", options.flag,
                           " as ADDRESS:PORT, for example 127.0.0.1:8080 or [::1]:8080");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  const std::string_view port_text = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  ListenAddress address;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), address.port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) return wrong();
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong();
  }
  address.host = host.empty() ? "0.0.0.0" : host;
  return address;
}

absl::Status ListenError(const HttpServerOptions& options, Error error) {
  const std::string& at = options.listen;
  if (error == boost::asio::error::address_in_use) {
    return Unavailable(at, " is in use: stop the other process or choose another port with ",
                       options.flag);
  }
  if (error == boost::asio::error::access_denied) {
    return Unavailable("no permission to listen on ", at, ": choose a port above 1023 with ",
                       options.flag);
  }
  if (error == boost::system::errc::address_not_available) {
    return Unavailable(
        at, " is no address of this machine: give 127.0.0.1, 0.0.0.0 or one of its own with ",
        options.flag);
  }
  return Unavailable("cannot listen on ", at, ": ", error.message(),
                     "; choose another address with ", options.flag);
}

absl::StatusOr<tcp::endpoint> Resolve(const ListenAddress& address, IoThread& thread,
                                      const HttpServerOptions& options) {
  Error error;
  const auto ip = boost::asio::ip::make_address(address.host, error);
  if (!error) return tcp::endpoint(ip, address.port);
  tcp::resolver resolver(thread.context());
  const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty()) {
    return Unavailable("\"", address.host, "\" has no address: give an IP address with ",
                       options.flag);
  }
  return found.begin()->endpoint();
}

absl::StatusOr<tcp::acceptor> Listen(const tcp::endpoint& endpoint, IoThread& thread,
                                     const HttpServerOptions& options) {
  tcp::acceptor acceptor(thread.context());
  Error error;
  acceptor.open(endpoint.protocol(), error);
  // Lets a restarted server take its port back while old connections are in TIME_WAIT.
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return ListenError(options, error);
  return acceptor;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                              HttpHandler handler) {
  const auto address = ParseListen(options);
  if (!address.ok()) return address.status();
  std::unique_ptr<HttpServer> server(new HttpServer());
  if (options.io_thread == nullptr) {
    server->own_thread_ = std::make_unique<IoThread>(options.thread_name);
    options.io_thread = server->own_thread_.get();
  }
  server->io_thread_ = options.io_thread;
  const auto endpoint = Resolve(*address, *server->io_thread_, options);
  if (!endpoint.ok()) return endpoint.status();
  auto acceptor = Listen(*endpoint, *server->io_thread_, options);
  if (!acceptor.ok()) return acceptor.status();
  Error error;
  server->port_ = acceptor->local_endpoint(error).port();
  server->address_ = endpoint->address().is_v6()
                         ? Concat("[", endpoint->address().to_string(), "]:", server->port_)
                         : Concat(endpoint->address().to_string(), ":", server->port_);
  server->gate_ = std::make_shared<IoGate>(server->io_thread_);
  server->listener_ = std::make_shared<internal::HttpListener>(
      *std::move(acceptor), std::move(options), std::move(handler), server->gate_);
  server->io_thread_->Post([listener = server->listener_] { listener->Accept(); });
  return server;
}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Stop() {
  if (listener_ != nullptr) {
    // Shared: the io thread may still be inside set_value when this thread goes on.
    const auto stopped = std::make_shared<std::promise<void>>();
    io_thread_->Post(
        [listener = listener_, stopped] { listener->Stop([stopped] { stopped->set_value(); }); });
    stopped->get_future().wait();
    gate_->Close();
  }
  if (own_thread_ != nullptr) own_thread_->Stop();
  // Sockets go before their loop.
  listener_.reset();
  own_thread_.reset();
}

}  // namespace broadside
