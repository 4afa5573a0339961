#include "controller/fleet/listen_address.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <charconv>
#include <string>

namespace broadside {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

absl::Status Explain(std::string_view address, int port, const error_code& error) {
  if (error == boost::asio::error::address_in_use) {
    return Unavailable("cannot listen on ", address, ": port ", port,
                       " is in use; stop the program that has it (ss -ltnp 'sport = :", port,
                       "' shows it), or choose another port with --grpc");
  }
  if (error == boost::asio::error::access_denied) {
    return absl::PermissionDeniedError(
        Concat("cannot listen on ", address, ": port ", port,
               " needs privileges; choose one above 1023 with --grpc"));
  }
  if (error == boost::system::errc::address_not_available) {
    return InvalidArgument(
        "cannot listen on ", address,
        ": this machine has no such address; give --grpc 0.0.0.0 for all it has");
  }
  return Unavailable("cannot listen on ", address, ": ", error.message());
}

}  // namespace

absl::Status CheckListenAddress(std::string_view address) {
  const size_t colon = address.rfind(':');
  std::string_view host = address.substr(0, colon);
  int port = -1;
  if (colon != std::string_view::npos) {
    const char* end = address.data() + address.size();
    const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end) port = -1;
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    port = -1;  // a bare IPv6 address: its last group is no port
  }
  if (host.empty() || port < 0 || port > 65535) {
    return InvalidArgument("cannot listen on \"", address,
                           "\": give --grpc as HOST:PORT, for example 0.0.0.0:9090");
  }
  boost::asio::io_context context;
  error_code error;
  const auto endpoints = tcp::resolver(context).resolve(host, std::to_string(port), error);
  if (error) {
    return InvalidArgument("cannot listen on ", address, ": ", host, " does not resolve (",
                           error.message(), ")");
  }
  const tcp::endpoint endpoint = endpoints.begin()->endpoint();
  tcp::acceptor acceptor(context);
  acceptor.open(endpoint.protocol(), error);
  // As gRPC does: a port whose last connections are in TIME_WAIT is free.
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1, error);
  return error ? Explain(address, port, error) : absl::OkStatus();
}

}  // namespace broadside
