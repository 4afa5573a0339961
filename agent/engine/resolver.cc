#include "agent/engine/resolver.h"

#include <netdb.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace broadside {

std::optional<AddressAnswer> LookUp(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error == EAI_NONAME || error == EAI_NODATA) return AddressAnswer{};
  if (error != 0) return std::nullopt;
  AddressAnswer ipv4;
  AddressAnswer ipv6;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET) ipv4.emplace_back(entry->ai_addr, entry->ai_addrlen);
    if (entry->ai_family == AF_INET6) ipv6.emplace_back(entry->ai_addr, entry->ai_addrlen);
  }
  freeaddrinfo(found);
  return ipv4.empty() ? ipv6 : ipv4;
}

// Outlives the resolver as long as a lookup goes on.
struct Resolver::Shared {
  // Constant after construction.
  std::string host;
  uint16_t port = 0;
  std::function<void(const AddressAnswer&)> on_answer;
  Lookup lookup;
  Times times;
  // Guarded by mutex.
  std::mutex mutex;
  std::condition_variable changed;
  bool stopped = false;
  bool answered = false;

  // Holding the mutex while it calls makes sure that no call runs after stop.
  void Answer(const AddressAnswer& answer) {
    answered = true;
    on_answer(answer);
    changed.notify_all();
  }
};

namespace {

template <typename Shared>
void LookUpAgainAndAgain(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (!shared->stopped) {
    lock.unlock();
    const std::optional<AddressAnswer> answer = shared->lookup(shared->host, shared->port);
    lock.lock();
    if (shared->stopped) return;
    if (answer.has_value()) {
      shared->Answer(*answer);
    } else if (!shared->answered) {
      shared->Answer({});
    }
    shared->changed.wait_for(lock, shared->times.refresh, [&] { return shared->stopped; });
  }
}

// Says "does not resolve" when the first lookup takes too long.
template <typename Shared>
void WatchFirstAnswer(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  const bool over = shared->changed.wait_for(lock, shared->times.first_answer_max,
                                             [&] { return shared->stopped || shared->answered; });
  if (!over) shared->Answer({});
}

}  // namespace

Resolver::Resolver(std::string host, uint16_t port,
                   std::function<void(const AddressAnswer&)> on_answer, Lookup lookup, Times times)
    : shared_(std::make_shared<Shared>()) {
  shared_->host = std::move(host);
  shared_->port = port;
  shared_->on_answer = std::move(on_answer);
  shared_->lookup = std::move(lookup);
  shared_->times = times;
  std::thread([shared = shared_] { LookUpAgainAndAgain(shared); }).detach();
  std::thread([shared = shared_] { WatchFirstAnswer(shared); }).detach();
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stopped = true;
  shared_->changed.notify_all();
}

}  // namespace broadside
