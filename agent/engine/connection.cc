#include "agent/engine/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace broadside {

int Connection::Open(const SocketAddress& target) {
  fd = socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (connect(fd, target.get(), target.size()) == 0 || errno == EINPROGRESS) return 0;
  const int error = errno;
  Close();
  return error;
}

int Connection::ConnectError() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

ssize_t Connection::Send(std::string_view bytes) {
  const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent >= 0 ? sent : -static_cast<ssize_t>(errno);
}

Received Connection::Receive(std::vector<char>& buffer) {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  Received received;
  received.size = recvmsg(fd, &message, MSG_DONTWAIT);
  if (received.size < 0) {
    received.error = errno;
    return received;
  }
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    received.stamp = WallTime(Seconds(stamp.tv_sec) + Nanos(stamp.tv_nsec));
  }
  return received;
}

void Connection::Close() {
  if (fd >= 0) close(fd);
  fd = -1;
  state = ConnectionState::kClosed;
}

}  // namespace broadside
