// What other threads hold of the server: what is behind HttpResponder and HttpStream.

#include "common/net/http_server_connection.h"

namespace broadside {
namespace internal {

HttpStreamState::HttpStreamState(std::shared_ptr<IoGate> gate,
                                 std::weak_ptr<HttpConnection> connection, uint64_t exchange,
                                 size_t bytes_max)
    : gate_(std::move(gate)),
      connection_(std::move(connection)),
      exchange_(exchange),
      bytes_max_(bytes_max) {}

bool HttpStreamState::Write(std::string data) {
  if (closed()) return false;
  if (data.empty()) return true;
  const size_t waiting =
      shared_->waiting_bytes.fetch_add(data.size(), std::memory_order_relaxed) + data.size();
  // One write alone may be larger than the buffer, else a large first message could never be sent.
  if (waiting > bytes_max_ && waiting > data.size()) {
    shared_->closed.store(true, std::memory_order_release);
    gate_->Post([connection = connection_, exchange = exchange_] {
      if (const auto open = connection.lock()) open->CutStream(exchange);
    });
    return false;
  }
  gate_->Post([connection = connection_, exchange = exchange_, data = std::move(data)]() mutable {
    if (const auto open = connection.lock()) open->StreamData(exchange, std::move(data));
  });
  return true;
}

void HttpStreamState::WhenDrained(std::function<void()> drained) {
  gate_->Post(
      [connection = connection_, exchange = exchange_, drained = std::move(drained)]() mutable {
        if (const auto open = connection.lock()) open->WhenDrained(exchange, std::move(drained));
      });
}

void HttpStreamState::End() {
  if (closed()) return;
  gate_->Post([connection = connection_, exchange = exchange_] {
    if (const auto open = connection.lock()) open->EndStream(exchange);
  });
  shared_->closed.store(true, std::memory_order_release);
}

HttpAnswer::HttpAnswer(std::shared_ptr<IoGate> gate, std::weak_ptr<HttpConnection> connection,
                       uint64_t exchange, size_t stream_bytes_max)
    : gate_(std::move(gate)),
      connection_(std::move(connection)),
      exchange_(exchange),
      stream_bytes_max_(stream_bytes_max) {}

HttpAnswer::~HttpAnswer() {
  if (!answered_.load()) Send(HttpProblem(500, "the request was not answered"));
}

void HttpAnswer::Send(HttpResponse response) {
  if (answered_.exchange(true)) return;
  gate_->Post(
      [connection = connection_, exchange = exchange_, response = std::move(response)]() mutable {
        if (const auto open = connection.lock()) open->Answer(exchange, std::move(response));
      });
}

std::shared_ptr<HttpStreamState> HttpAnswer::Stream(HttpResponse head,
                                                    std::function<void()> closed) {
  auto state = std::make_shared<HttpStreamState>(gate_, connection_, exchange_, stream_bytes_max_);
  if (answered_.exchange(true)) {
    state->shared()->closed.store(true);
    return state;
  }
  gate_->Post([connection = connection_, exchange = exchange_, head = std::move(head),
               shared = state->shared(), closed = std::move(closed)]() mutable {
    if (const auto open = connection.lock()) {
      return open->BeginStream(exchange, std::move(head), std::move(shared), std::move(closed));
    }
    shared->closed.store(true);
    if (closed) closed();
  });
  return state;
}

}  // namespace internal

void HttpResponder::Send(HttpResponse response) {
  if (answer_ != nullptr) answer_->Send(std::move(response));
}

HttpStream HttpResponder::Stream(HttpResponse head, std::function<void()> closed) {
  if (answer_ == nullptr) return HttpStream();
  return HttpStream(answer_->Stream(std::move(head), std::move(closed)));
}

bool HttpStream::Write(std::string data) {
  return state_ != nullptr && state_->Write(std::move(data));
}

void HttpStream::WhenDrained(std::function<void()> drained) {
  if (state_ != nullptr) state_->WhenDrained(std::move(drained));
}

void HttpStream::End() {
  if (state_ != nullptr) state_->End();
}

bool HttpStream::closed() const { return state_ == nullptr || state_->closed(); }

}  // namespace broadside
