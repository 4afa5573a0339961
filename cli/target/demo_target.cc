#include "cli/target/demo_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "cli/target/answers.h"
#include "cli/target/worker.h"
#include "common/core/check.h"
#include "common/core/status.h"

namespace broadside {

namespace {

constexpr int kBacklog = 4096;

absl::Status ListenError(const ListenAddress& listen) {
  const std::string place = Concat("--listen: ", listen.address, ":", listen.port);
  if (errno == EADDRINUSE) {
    return Unavailable(place,
                       " is in use; stop what listens there or choose another port (0 = any)");
  }
  return Unavailable(place, " cannot be listened on: ", strerror(errno));
}

}  // namespace

DemoTarget::DemoTarget(TargetOptions options) : options_(std::move(options)) {}

DemoTarget::~DemoTarget() { Stop(); }

absl::Status DemoTarget::Start() {
  BS_CHECK(workers_.empty()) << "started twice";
  if (absl::Status valid = Validate(options_); !valid.ok()) return valid;
  if (absl::Status listening = Listen(); !listening.ok()) {
    Stop();
    return listening;
  }
  answers_ = std::make_unique<Answers>(options_);
  std::vector<target::Worker*> all;
  for (int i = 0; i < options_.threads; ++i) {
    workers_.push_back(std::make_unique<target::Worker>(options_, i, *answers_, counters_));
    all.push_back(workers_.back().get());
  }
  for (target::Worker* worker : all) worker->Start(worker == all.front() ? listen_fd_ : -1, all);
  return absl::OkStatus();
}

absl::Status DemoTarget::Listen() {
  sockaddr_storage name{};
  socklen_t size = 0;
  const std::string& address = options_.listen.address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&name);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&name);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    name.ss_family = AF_INET;
    v4->sin_port = htons(options_.listen.port);
    size = sizeof(*v4);
  } else {
    inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr);
    name.ss_family = AF_INET6;
    v6->sin6_port = htons(options_.listen.port);
    size = sizeof(*v6);
  }
  listen_fd_ = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listen_fd_ < 0) return ListenError(options_.listen);
  const int on = 1;
  setsockopt(listen_fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  if (bind(listen_fd_, generic, size) != 0 || listen(listen_fd_, kBacklog) != 0 ||
      getsockname(listen_fd_, generic, &size) != 0) {
    return ListenError(options_.listen);
  }
  port_ = ntohs(name.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
  return absl::OkStatus();
}

void DemoTarget::Stop() {
  // All threads end before any worker goes: the first one deals connections to the others.
  for (const auto& worker : workers_) worker->Stop();
  workers_.clear();
  if (listen_fd_ >= 0) close(listen_fd_);
  listen_fd_ = -1;
}

}  // namespace broadside
