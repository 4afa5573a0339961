// What happens on one connection of the target: read, parse, owe answers, send them when due. The
// loop is in worker.cc.

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "cli/target/worker.h"
#include "common/core/status.h"

namespace broadside::target {

namespace {

constexpr int kReadsPerEvent = 16;  // then the others have their turn
constexpr Seconds kLingerMax{2};    // for the client to take the last answer and end

const Answer& ContinueAnswer() {
  static const Answer answer{100, "HTTP/1.1 100 Continue\r\n\r\n", {}};
  return answer;
}

Ending EndingOf(const Request& request) {
  if (!request.keep_alive) return Ending::kClose;
  return request.http10 ? Ending::kKeepAliveHttp10 : Ending::kKeepAlive;
}

}  // namespace

void Worker::OnEvents(Connection& connection, uint32_t events) {
  if ((events & EPOLLERR) != 0) {
    Close(connection);
    return;
  }
  if ((events & EPOLLOUT) != 0) connection.blocked = false;
  if ((events & (EPOLLIN | EPOLLHUP)) != 0 && !Read(connection)) return;
  Serve(connection);
}

void Worker::OnTimer(Connection& connection) {
  if (connection.lingering) {
    Close(connection);
  } else {
    Serve(connection);
  }
}

// Reads what is there, stamps it and parses it.
bool Worker::Read(Connection& connection) {
  for (int i = 0; i < kReadsPerEvent && (connection.Takes() || connection.lingering); ++i) {
    const ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got < 0 || (got == 0 && (connection.lingering || connection.owed.empty()))) {
      Close(connection);
      return false;
    }
    if (got == 0) {
      connection.peer_ended = true;  // it may have ended its direction only: answers stay owed
      return true;
    }
    if (connection.lingering) continue;
    connection.read_at = std::chrono::steady_clock::now();
    Parse(connection, {buffer_.data(), static_cast<size_t>(got)});
    if (static_cast<size_t>(got) < buffer_.size()) return true;
  }
  return true;
}

// Parses what was carried and what was received; carries the rest.
void Worker::Parse(Connection& connection, std::string_view received) {
  if (connection.carry.empty()) {
    connection.carry = ParseSome(connection, received);
    return;
  }
  connection.carry += received;
  const std::string_view rest = ParseSome(connection, connection.carry);
  connection.carry.erase(0, connection.carry.size() - rest.size());
}

std::string_view Worker::ParseSome(Connection& connection, std::string_view input) {
  connection.paused = false;
  while (!input.empty()) {
    if (!connection.Takes()) {
      connection.paused = !connection.closing;
      if (connection.paused) return input;
      connection.linger = true;  // it sends more than it announced
      return {};
    }
    switch (connection.parser.Parse(input)) {
      case RequestParser::Result::kNeedMore:
        if (connection.parser.TakeContinue()) {
          connection.owed.Push({connection.read_at, &ContinueAnswer()});
        }
        return input;
      case RequestParser::Result::kComplete:
        TakeRequest(connection);
        connection.parser.Reset();
        break;
      case RequestParser::Result::kBad:
        Refuse(connection);
        return {};
    }
  }
  return {};
}

void Worker::TakeRequest(Connection& connection) {
  const Request& request = connection.parser.request();
  if (request.route != Route::kOrdinary) {
    TakeControl(connection);
    return;
  }
  counters_.OnRequest(connection.read_at, request.wire_bytes,
                      request.has_slot ? std::optional(request.slot) : std::nullopt);
  const bool error = options_.error_rate > 0 && errors_.NextUnit() <= options_.error_rate;
  const Answer& answer = answers_.Get(error, request.method == Method::kHead, EndingOf(request));
  connection.owed.Push({.due = connection.read_at + latency_.Next(),
                        .answer = &answer,
                        .counted = true,
                        .last = !request.keep_alive});
  connection.closing = !request.keep_alive;
}

void Worker::TakeControl(Connection& connection) {
  const Request& request = connection.parser.request();
  const bool head_only = request.method == Method::kHead;
  const bool reads = request.method == Method::kGet || head_only;
  const auto make = [&](int status, std::string_view type, std::string_view body,
                        std::string_view extra = "") {
    return MakeAnswer(status, type, body, head_only, EndingOf(request), extra);
  };
  Answer answer;
  if (request.route == Route::kStats && reads) {
    answer = make(200, "application/json", ToJson(counters_.Snapshot()));
  } else if (request.route == Route::kStats) {
    answer = make(405, "text/plain", "stats are read by GET\n", "Allow: GET, HEAD\r\n");
  } else if (request.route == Route::kReset && request.method == Method::kPost) {
    counters_.Reset();
    answer = make(204, "text/plain", "");
  } else if (request.route == Route::kReset) {
    answer = make(405, "text/plain", "stats are reset by POST\n", "Allow: POST\r\n");
  } else {
    answer = make(404, "text/plain", "there are /__target/stats and /__target/reset\n");
  }
  Owe(connection, std::move(answer), !request.keep_alive);
}

void Worker::Refuse(Connection& connection) {
  counters_.OnBadRequest();
  connection.linger = true;
  Owe(connection,
      MakeAnswer(connection.parser.bad_status(), "text/plain",
                 Concat(connection.parser.bad_reason(), "\n"), false, Ending::kClose),
      true);
}

void Worker::Owe(Connection& connection, Answer answer, bool last) {
  connection.own_answer = std::make_unique<Answer>(std::move(answer));
  connection.owed.Push(
      {.due = connection.read_at, .answer = connection.own_answer.get(), .last = last});
  connection.closing = last;
}

// Sends what is due, takes requests that waited for room, and says what to wait for.
void Worker::Serve(Connection& connection) {
  while (!connection.lingering) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (StallEndAt(now)) break;
    if (!SendDue(connection, now)) return;
    if (!connection.paused || !connection.Takes()) break;
    Parse(connection, {});
  }
  if (connection.owed.empty() && connection.peer_ended) {
    Close(connection);
    return;
  }
  // An answer held back by a stall is overdue then: the timer brings it up when the stall is over.
  if (!connection.owed.empty() && !connection.blocked) {
    SetTimer(connection, connection.owed.front().due);
  }
  SetInterest(connection);
}

bool Worker::SendDue(Connection& connection, SteadyTime now) {
  while (!connection.owed.empty() && !connection.blocked && connection.owed.front().due <= now) {
    std::array<iovec, 2 * limits::kTargetPipelineMax> parts;
    size_t count = 0;
    size_t total = 0;
    size_t skip = connection.sent;
    const auto add = [&](std::string_view bytes) {
      const size_t skipped = std::min(skip, bytes.size());
      skip -= skipped;
      bytes.remove_prefix(skipped);
      if (bytes.empty()) return;
      // sendmsg does not write through iov_base; the type cannot say so.
      parts[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
      total += bytes.size();
    };
    for (size_t i = 0; i < connection.owed.size() && connection.owed[i].due <= now; ++i) {
      OwedAnswer& owed = connection.owed[i];
      add(owed.answer->head);
      add(owed.answer->body);
      // Counted before it is sent: who has the answer finds it in the stats.
      if (owed.counted && !owed.begun) counters_.OnAnswer(owed.answer->status, owed.answer->size());
      owed.begun = true;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t sent = count == 1 ? send(connection.fd, parts[0].iov_base, total, MSG_NOSIGNAL)
                                    : sendmsg(connection.fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      Close(connection);
      return false;
    }
    connection.blocked = sent < 0 || static_cast<size_t>(sent) < total;
    if (sent > 0 && !FinishSent(connection, static_cast<size_t>(sent))) return false;
  }
  return true;
}

// Takes `sent` bytes off the front answers; closes after the last one.
bool Worker::FinishSent(Connection& connection, size_t sent) {
  connection.sent += sent;
  while (!connection.owed.empty() && connection.owed.front().begun &&
         connection.sent >= connection.owed.front().answer->size()) {
    const OwedAnswer done = connection.owed.front();
    connection.sent -= done.answer->size();
    connection.owed.Pop();
    if (done.answer == connection.own_answer.get()) connection.own_answer.reset();
    if (!done.last) continue;
    if (connection.linger) {
      Linger(connection);
      return true;
    }
    Close(connection);
    return false;
  }
  return true;
}

// Ends our direction and drops what still comes: closing with unread bytes would send a reset,
// which can overtake the answer.
void Worker::Linger(Connection& connection) {
  shutdown(connection.fd, SHUT_WR);
  connection.lingering = true;
  SetTimer(connection, std::chrono::steady_clock::now() + kLingerMax);
}

void Worker::SetTimer(Connection& connection, SteadyTime at) {
  if (connection.timer == at) return;
  connection.timer = at;
  timers_.push({at, connection.fd, connection.generation});
}

void Worker::SetInterest(Connection& connection) {
  const uint32_t reads = connection.Takes() || connection.lingering ? EPOLLIN : 0u;
  const uint32_t interest = reads | (connection.blocked ? EPOLLOUT : 0u);
  if (interest == connection.interest) return;
  connection.interest = interest;
  epoll_event event{interest, {.fd = connection.fd}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, connection.fd, &event);
}

void Worker::Close(Connection& connection) {
  for (size_t i = 0; i < connection.owed.size(); ++i) {
    if (connection.owed[i].counted && !connection.owed[i].begun) counters_.OnDropped();
  }
  counters_.OnClose();
  close(connection.fd);
  closed_.push_back(std::move(by_fd_[static_cast<size_t>(connection.fd)]));
}

}  // namespace broadside::target
