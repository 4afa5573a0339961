#pragma once

// An IPv4 or IPv6 address with port, as connect(2) takes it. Value type.

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace broadside {

class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const sockaddr* address, socklen_t size) : size_(size) {
    std::memcpy(&storage_, address, size);
  }
  // A literal IPv4 or IPv6 address (without brackets); nothing for a name.
  static std::optional<SocketAddress> FromLiteral(const std::string& host, uint16_t port);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return storage_.ss_family; }

  friend bool operator==(const SocketAddress& a, const SocketAddress& b) {
    return a.size_ == b.size_ && std::memcmp(&a.storage_, &b.storage_, a.size_) == 0;
  }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// What one lookup of a name says; no addresses: the name does not resolve.
using AddressAnswer = std::vector<SocketAddress>;

}  // namespace broadside
