#include "agent/engine/socket_address.h"

#include <netdb.h>

namespace broadside {

std::optional<SocketAddress> SocketAddress::FromLiteral(const std::string& host, uint16_t port) {
  // getaddrinfo and not inet_pton, because an IPv6 literal may carry a scope (fe80::1%eth0).
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return std::nullopt;
  }
  const SocketAddress address(found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

}  // namespace broadside
