#pragma once

// What tests of the HTTP server share: a handler that hands requests to the test's thread, a
// signal, a server on a port of its own choice. Thread-safe.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "common/core/check.h"
#include "common/net/http_server.h"

namespace broadside {

// Collects what the handler was given, for answers from the test's thread.
class Inbox {
 public:
  void Put(HttpRequest request, HttpResponder responder) {
    const std::lock_guard lock(mutex_);
    items_.emplace_back(std::move(request), std::move(responder));
    changed_.notify_all();
  }
  std::pair<HttpRequest, HttpResponder> Take() {
    std::unique_lock lock(mutex_);
    BS_CHECK(changed_.wait_for(lock, Seconds(20), [this] { return !items_.empty(); }));
    auto item = std::move(items_.front());
    items_.erase(items_.begin());
    return item;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<HttpRequest, HttpResponder>> items_;
};

class Signal {
 public:
  void Set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  bool Wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, Seconds(20), [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

inline std::unique_ptr<HttpServer> StartServer(HttpServerOptions options, HttpHandler handler) {
  options.listen = "127.0.0.1:0";
  auto server = HttpServer::Start(std::move(options), std::move(handler));
  BS_CHECK(server.ok()) << server.status().ToString();
  return *std::move(server);
}

}  // namespace broadside
