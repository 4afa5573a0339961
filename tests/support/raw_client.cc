#include "tests/support/raw_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "common/core/check.h"

namespace broadside {

RawClient::RawClient(uint16_t port, const std::string& address)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  BS_CHECK(fd_ >= 0) << strerror(errno);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const timeval limit{20, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  BS_CHECK(inet_pton(AF_INET, address.c_str(), &name.sin_addr) == 1) << address;
  BS_CHECK(connect(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0)
      << address << ":" << port << " " << strerror(errno);
}

RawClient::~RawClient() { close(fd_); }

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

bool RawClient::Fill() {
  char buffer[64 * 1024];
  const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
  was_reset_ = got < 0 && errno == ECONNRESET;
  if (got <= 0) return false;
  input_.append(buffer, static_cast<size_t>(got));
  return true;
}

std::string RawClient::ReadBytes(size_t bytes) {
  while (input_.size() < bytes && Fill()) {
  }
  std::string result = input_.substr(0, std::min(bytes, input_.size()));
  input_.erase(0, result.size());
  return result;
}

std::string RawClient::ReadAnswer(bool head_only) {
  size_t head_end = std::string::npos;
  while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill()) return "";
  }
  const std::string name = "Content-Length: ";
  const size_t field = input_.find(name);
  size_t body = 0;
  if (!head_only && field < head_end) {
    body = std::strtoull(input_.c_str() + field + name.size(), nullptr, 10);
  }
  const size_t total = head_end + 4 + body;
  std::string result = ReadBytes(total);
  return result.size() == total ? result : "";
}

void RawClient::ShutdownWrite() { shutdown(fd_, SHUT_WR); }

}  // namespace broadside
