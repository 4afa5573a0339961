#include "tests/support/wild_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/core/check.h"
#include "common/core/status.h"

namespace broadside::wild {

namespace {

using Clock = std::chrono::steady_clock;

// Bytes of the first request in `input`, or nothing while it is incomplete.
std::optional<size_t> RequestBytes(std::string_view input) {
  const size_t head_end = input.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::nullopt;
  size_t body = 0;
  for (absl::string_view line : absl::StrSplit(ToAbsl(input.substr(0, head_end)), "\r\n")) {
    const absl::string_view name = "content-length:";
    if (!absl::StartsWithIgnoreCase(line, name)) continue;
    if (!absl::SimpleAtoi(line.substr(name.size()), &body)) return std::nullopt;
  }
  const size_t total = head_end + 4 + body;
  return input.size() < total ? std::nullopt : std::optional<size_t>(total);
}

}  // namespace

struct WildServer::Connection {
  enum class Mode { kPlaying, kDraining, kHanging };

  ~Connection() { close(fd); }

  int fd = -1;
  ExchangeId id;
  Mode mode = Mode::kPlaying;
  bool gone = false;
  std::shared_ptr<const Script> script;
  size_t action = 0;
  size_t sent = 0;                         // bytes of the current action
  int pieces_sent = 0;                     // of the current action
  std::optional<Clock::time_point> until;  // end of a pause
  std::string input;
  int16_t wants = POLLIN;
};

WildServer::WildServer(Script script, std::string address)
    : script_(std::make_shared<const Script>(std::move(script))), address_(std::move(address)) {
  Listen();
}

WildServer::WildServer(Plan plan, std::string address)
    : plan_(std::move(plan)), address_(std::move(address)) {
  Listen();
}

WildServer::~WildServer() { Stop(); }

void WildServer::Listen() {
  listen_fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  stop_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  BS_CHECK(listen_fd_ >= 0 && stop_fd_ >= 0) << strerror(errno);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  BS_CHECK(inet_pton(AF_INET, address_.c_str(), &name.sin_addr) == 1) << address_;
  socklen_t size = sizeof(name);
  BS_CHECK(bind(listen_fd_, reinterpret_cast<sockaddr*>(&name), size) == 0) << strerror(errno);
  BS_CHECK(listen(listen_fd_, 4096) == 0) << strerror(errno);
  BS_CHECK(getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  port_ = ntohs(name.sin_port);
  thread_ = std::thread([this] { Run(); });
}

std::string WildServer::url() const { return Concat("http://", address_, ":", port_); }

Counters WildServer::counters() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return counters_;
}

std::vector<std::string> WildServer::requests() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

bool WildServer::WaitFor(const std::function<bool(const Counters&)>& condition,
                         Millis timeout) const {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return condition(counters_); });
}

void WildServer::Stop() {
  if (!thread_.joinable()) return;
  BS_CHECK(eventfd_write(stop_fd_, 1) == 0) << strerror(errno);
  thread_.join();
  close(listen_fd_);
  close(stop_fd_);
}

void WildServer::Run() {
  std::vector<pollfd> polled;
  std::vector<Connection*> order;
  while (true) {
    const bool full = connections_.size() >= kConnectionsMax;
    polled.assign(
        {{stop_fd_, POLLIN, 0}, {listen_fd_, static_cast<int16_t>(full ? 0 : POLLIN), 0}});
    order.clear();
    std::optional<Clock::time_point> wake;
    for (const auto& [number, connection] : connections_) {
      polled.push_back({connection->fd, connection->wants, 0});
      order.push_back(connection.get());
      const auto& until = connection->until;
      if (until && (!wake || *until < *wake)) wake = until;
    }
    int timeout_ms = -1;
    if (wake) {
      const auto left = std::chrono::ceil<Millis>(*wake - Clock::now()).count();
      timeout_ms = static_cast<int>(std::clamp<int64_t>(left, 0, 1000));
    }
    poll(polled.data(), polled.size(), timeout_ms);
    if (polled[0].revents != 0) break;
    for (size_t i = 0; i < order.size(); ++i) {
      const int16_t events = polled[i + 2].revents;
      const bool due = order[i]->until && *order[i]->until <= Clock::now();
      if ((events & POLLERR) != 0) order[i]->gone = true;
      // A hang-up without readable data has nothing left to play for.
      if ((events & (POLLHUP | POLLIN)) == POLLHUP) order[i]->gone = true;
      if (events != 0 || due) Advance(*order[i]);
    }
    if (polled[1].revents != 0) Accept();
    const size_t erased = std::erase_if(connections_, [](const auto& c) { return c.second->gone; });
    if (erased == 0) continue;
    std::lock_guard<std::mutex> lock(mutex_);
    counters_.open = static_cast<int64_t>(connections_.size());
    changed_.notify_all();
  }
  connections_.clear();
  std::lock_guard<std::mutex> lock(mutex_);
  counters_.open = 0;
  changed_.notify_all();
}

void WildServer::Accept() {
  while (connections_.size() < kConnectionsMax) {
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      connection->id.connection = counters_.accepted++;
      ++counters_.open;
      changed_.notify_all();
    }
    Connection& accepted = *connection;
    connections_.emplace(accepted.id.connection, std::move(connection));
    BeginExchange(accepted);
    Advance(accepted);
  }
}

void WildServer::BeginExchange(Connection& connection) {
  connection.id.on_server = exchanges_++;
  connection.script = plan_ ? std::make_shared<const Script>(plan_(connection.id)) : script_;
  connection.action = 0;
}

// Plays until an action has to wait.
void WildServer::Advance(Connection& connection) {
  if (connection.mode == Connection::Mode::kHanging) {
    connection.gone = true;  // it is polled for the peer's end only
  }
  if (connection.mode == Connection::Mode::kDraining) {
    char dropped[16 * 1024];
    ssize_t got = 0;
    while ((got = recv(connection.fd, dropped, sizeof(dropped), 0)) > 0) {
    }
    if (got == 0 || errno != EAGAIN) connection.gone = true;
  }
  while (!connection.gone && connection.mode == Connection::Mode::kPlaying) {
    const Script& script = *connection.script;
    if (connection.action == script.size()) {
      const bool reads = std::any_of(script.begin(), script.end(), [](const Action& action) {
        return std::holds_alternative<ReadRequest>(action);
      });
      if (!reads) {
        Play(connection, Hang{});
        return;
      }
      ++connection.id.on_connection;
      BeginExchange(connection);
      continue;
    }
    const Step step = std::visit([&](const auto& action) { return Play(connection, action); },
                                 script[connection.action]);
    if (step == Step::kGone) connection.gone = true;
    if (step != Step::kNext) return;
    ++connection.action;
    connection.sent = 0;
    connection.pieces_sent = 0;
  }
}

WildServer::Step WildServer::Play(Connection& connection, const ReadRequest&) {
  while (true) {
    if (const auto size = RequestBytes(connection.input)) {
      Keep(connection.input.substr(0, *size));
      connection.input.erase(0, *size);
      return Step::kNext;
    }
    if (connection.input.size() > kRequestBytesMax) return Step::kGone;
    char buffer[64 * 1024];
    const ssize_t got = recv(connection.fd, buffer, sizeof(buffer), 0);
    if (got < 0 && errno == EAGAIN) {
      connection.wants = POLLIN;
      return Step::kWait;
    }
    if (got <= 0) return Step::kGone;
    connection.input.append(buffer, static_cast<size_t>(got));
  }
}

WildServer::Step WildServer::SendUntil(Connection& connection, const std::string& bytes,
                                       size_t end) {
  while (connection.sent < end) {
    const ssize_t put =
        send(connection.fd, bytes.data() + connection.sent, end - connection.sent, MSG_NOSIGNAL);
    if (put < 0 && errno == EAGAIN) {
      connection.wants = POLLOUT;
      return Step::kWait;
    }
    if (put < 0) return Step::kGone;
    connection.sent += static_cast<size_t>(put);
  }
  return Step::kNext;
}

WildServer::Step WildServer::Play(Connection& connection, const Send& action) {
  return SendUntil(connection, action.bytes, action.bytes.size());
}

WildServer::Step WildServer::Play(Connection& connection, const SendInChunks& action) {
  const size_t pieces = static_cast<size_t>(std::max(action.pieces, 1));
  while (true) {
    if (connection.until) {
      if (Play(connection, Pause{action.pause}) != Step::kNext) return Step::kWait;
    }
    // Piece i ends at size * (i + 1) / pieces; an empty piece costs a pause and sends nothing.
    const size_t number = static_cast<size_t>(connection.pieces_sent) + 1;
    const Step step = SendUntil(connection, action.bytes, action.bytes.size() * number / pieces);
    if (step != Step::kNext) return step;
    if (number == pieces) return Step::kNext;
    ++connection.pieces_sent;
    connection.until = Clock::now() + action.pause;
  }
}

WildServer::Step WildServer::Play(Connection& connection, const Pause& action) {
  if (!connection.until) connection.until = Clock::now() + action.duration;
  if (*connection.until > Clock::now()) {
    connection.wants = 0;
    return Step::kWait;
  }
  connection.until.reset();
  return Step::kNext;
}

WildServer::Step WildServer::Play(Connection& connection, const Close&) {
  shutdown(connection.fd, SHUT_WR);
  connection.mode = Connection::Mode::kDraining;
  connection.wants = POLLIN;
  return Step::kWait;
}

WildServer::Step WildServer::Play(Connection& connection, const Reset&) {
  const linger at_once{1, 0};
  setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  return Step::kGone;  // the close of the descriptor sends the reset
}

WildServer::Step WildServer::Play(Connection& connection, const Hang&) {
  connection.mode = Connection::Mode::kHanging;
  connection.wants = POLLRDHUP;
  return Step::kWait;
}

void WildServer::Keep(std::string request) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++counters_.requests_read;
  if (kept_bytes_ + request.size() <= kKeptBytesMax) {
    kept_bytes_ += request.size();
    requests_.push_back(std::move(request));
    ++counters_.requests_kept;
  }
  changed_.notify_all();
}

}  // namespace broadside::wild
