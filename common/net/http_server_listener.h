#pragma once

// Accepts connections and owns those that are open; internal to common/net/http_server.h. Lives on
// the server's io thread.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <unordered_set>

#include "common/net/http_server_connection.h"

namespace broadside::internal {

class HttpListener : public std::enable_shared_from_this<HttpListener> {
 public:
  HttpListener(boost::asio::ip::tcp::acceptor acceptor, HttpServerOptions options,
               HttpHandler handler, std::shared_ptr<IoGate> gate);

  void Accept();
  // `stopped` runs when the last connection is closed, within options().stop_grace.
  void Stop(std::function<void()> stopped);

  // For connections.
  const HttpServerOptions& options() const { return options_; }
  boost::asio::any_io_executor executor() { return acceptor_.get_executor(); }
  void Handle(HttpRequest request, std::shared_ptr<HttpConnection> connection, uint64_t exchange);
  void Remove(const std::shared_ptr<HttpConnection>& connection);

 private:
  void OnAccepted(boost::system::error_code error, boost::asio::ip::tcp::socket socket);
  void MaybeStopped();

  const HttpServerOptions options_;
  const HttpHandler handler_;
  const std::shared_ptr<IoGate> gate_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;  // after accept errors; the grace of a stop
  std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
  std::function<void()> stopped_;  // set while stopping
  bool stopping_ = false;
  bool full_ = false;  // connections are being turned away
};

}  // namespace broadside::internal
