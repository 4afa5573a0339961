#pragma once

// One TCP connection to the target: a non-blocking socket, the parser of its answers, and the
// exchange that it carries. Sockets are opened with TCP_NODELAY and SO_TIMESTAMPNS.
//
// Owned by a Pool, which recycles it; on one shard's thread. Send and Receive are one system call.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/engine/answer_parser.h"
#include "agent/engine/exchange.h"
#include "agent/engine/socket_address.h"
#include "common/core/time.h"

namespace broadside {

class ShardLoad;

enum class ConnectionState : uint8_t {
  kClosed,
  kResolving,   // waits for the first addresses of the target
  kConnecting,  // with an exchange: made for load; without: opened ahead, or a replacement
  kIdle,
  kBusy,
  kLingering,  // done; the server was asked to close first and has a second to do so
};

// What recvmsg gave.
struct Received {
  ssize_t size = 0;  // bytes; 0: the peer ended its direction; -1: see error
  int error = 0;
  std::optional<WallTime> stamp;  // when the kernel received the last byte
};

class Connection {
 public:
  explicit Connection(ShardLoad* owner) : run(owner) {}
  ~Connection() { Close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Starts a connect; 0 when it is under way (or there), else the errno.
  int Open(const SocketAddress& target);
  // The error of a connect that ended; 0 for none.
  int ConnectError() const;
  // Bytes taken by the kernel, or -errno.
  ssize_t Send(std::string_view bytes);
  Received Receive(std::vector<char>& buffer);
  void Close();

  // Constant for life.
  ShardLoad* const run;
  // Changed by the pool.
  int fd = -1;
  ConnectionState state = ConnectionState::kClosed;
  size_t address = 0;                 // index in the address book
  size_t place = 0;                   // index in the pool's list of open ones
  BootTime retire_at{};               // by age
  BootTime idle_until{};              // the last moment at which an exchange may begin
  BootTime give_up_at{};              // of lingering, and of a connect that belongs to no slot
  bool retiring = false;              // close between exchanges
  bool ahead = false;                 // opened ahead, connecting, and no slot has taken it
  Connection* replacement = nullptr;  // the one being connected to take its place
  Connection* replaces = nullptr;     // the other way round
  Connection* previous = nullptr;     // in a queue of the pool
  Connection* next = nullptr;
  // Changed by the test's run.
  Exchange* exchange = nullptr;
  bool used = false;  // it has carried an exchange to its end
  size_t unsent = 0;  // of the request
  // The connect and something to read came as one edge: it has to be read once the request is out,
  // as there may be no other.
  bool heard = false;
  AnswerParser parser;
};

}  // namespace broadside
