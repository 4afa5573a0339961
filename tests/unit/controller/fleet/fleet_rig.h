#pragma once

// A fleet server and agents' links over real gRPC, with their handlers' calls in mailboxes that a
// test takes from.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "agent/link/channel.h"
#include "agent/link/link.h"
#include "common/core/check.h"
#include "common/net/io_thread.h"
#include "controller/fleet/fleet_server.h"

namespace broadside {

template <typename T>
class Mailbox {
 public:
  void Put(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    filled_.notify_all();
  }
  // Waits for it; aborts after a time that no machine needs.
  T Take() {
    std::unique_lock lock(mutex_);
    BS_CHECK(filled_.wait_for(lock, Seconds(20), [this] { return !values_.empty(); }))
        << "nothing came";
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  bool empty() {
    const std::lock_guard lock(mutex_);
    return values_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<T> values_;
};

inline AgentMessage HelloMessage(const std::string& name) {
  AgentMessage message;
  message.hello.emplace();
  message.hello->incarnation = {1, 2};
  message.hello->name = name;
  message.hello->version = "0.1.0";
  return message;
}
// A beat with a number to know it by.
inline AgentMessage BeatMessage(uint64_t number) {
  AgentMessage message;
  message.beat.emplace();
  message.beat->ports_exhausted = number;
  return message;
}
inline ControllerMessage AckMessage(uint64_t number) {
  ControllerMessage message;
  message.ack = number;
  return message;
}

class ServerRig {
 public:
  struct Opened {
    StreamId stream;
    std::string peer;
  };
  struct Received {
    StreamId stream;
    AgentMessage message;
    BootTime at;
  };
  struct Closed {
    StreamId stream;
    absl::Status reason;
  };

  explicit ServerRig(const std::string& listen = "127.0.0.1:0") {
    const absl::Status started = server.Start({listen});
    BS_CHECK(started.ok()) << started.ToString();
  }
  ~ServerRig() { server.Stop(); }

  std::string address() const { return "127.0.0.1:" + std::to_string(server.ports().at(0)); }
  void Send(StreamId stream, ControllerMessage message) {
    home.RunAndWait([&] { server.Send(stream, message); });
  }

  // Instead of the mailbox, on home.
  std::function<void(StreamId, const AgentMessage&)> on_message;

  IoThread home{"controller"};
  Mailbox<Opened> opened;
  Mailbox<Received> received;
  Mailbox<Closed> closed;
  FleetServer server{home,
                     {.on_open =
                          [this](StreamId stream, std::string peer) {
                            opened.Put({stream, peer});
                          },
                      .on_message =
                          [this](StreamId stream, AgentMessage message, BootTime at) {
                            if (on_message) return on_message(stream, message);
                            received.Put({stream, std::move(message), at});
                          },
                      .on_closed =
                          [this](StreamId stream, absl::Status reason) {
                            closed.Put({stream, std::move(reason)});
                          }}};
};

class AgentRig {
 public:
  // Agents may share a home.
  AgentRig(IoThread& home_thread, std::shared_ptr<grpc::Channel> channel) : home(home_thread) {
    home.RunAndWait([&] {
      link =
          std::make_unique<Link>(home, std::move(channel),
                                 Link::Handlers{.on_open = [this] { opened.Put(true); },
                                                .on_message =
                                                    [this](ControllerMessage message, BootTime at) {
                                                      if (on_message) return on_message(message);
                                                      received.Put({std::move(message), at});
                                                    },
                                                .on_closed =
                                                    [this](absl::Status status) {
                                                      if (on_closed) return on_closed(status);
                                                      closed.Put(std::move(status));
                                                    }});
    });
  }
  ~AgentRig() { Destroy(); }

  void Destroy() {
    home.RunAndWait([this] { link.reset(); });
  }
  void Open() {
    home.RunAndWait([this] { link->Open(); });
  }
  void Send(const AgentMessage& message) {
    home.RunAndWait([&] { link->Send(message); });
  }
  void Close() {
    home.RunAndWait([this] { link->Close(); });
  }

  // Instead of the mailboxes, on home.
  std::function<void(const ControllerMessage&)> on_message;
  std::function<void(absl::Status)> on_closed;

  IoThread& home;
  Mailbox<bool> opened;
  Mailbox<std::pair<ControllerMessage, BootTime>> received;
  Mailbox<absl::Status> closed;
  std::unique_ptr<Link> link;
};

}  // namespace broadside
