#pragma once

// Collects what the controller has for each agent between two flushes into one message a stream.
// Owned by ControllerCore, on home.

#include <map>
#include <utility>
#include <vector>

#include "controller/core/event.h"

namespace broadside {

class Outbox {
 public:
  ControllerMessage& For(StreamId stream) { return messages_[stream]; }

  // The grants of one test are one entry, in ascending k.
  void AddGrant(StreamId stream, const TestId& test, Grant grant) {
    std::vector<TestGrant>& grants = For(stream).grants;
    for (TestGrant& entry : grants) {
      if (entry.test != test) continue;
      entry.grants.push_back(std::move(grant));
      return;
    }
    grants.push_back({test, {std::move(grant)}});
  }

  // What was collected for a stream that has ended is for nobody.
  void Drop(StreamId stream) { messages_.erase(stream); }

  std::vector<std::pair<StreamId, ControllerMessage>> Take() {
    std::vector<std::pair<StreamId, ControllerMessage>> taken;
    taken.reserve(messages_.size());
    for (auto& [stream, message] : messages_) taken.emplace_back(stream, std::move(message));
    messages_.clear();
    return taken;
  }
  bool Empty() const { return messages_.empty(); }

 private:
  std::map<StreamId, ControllerMessage> messages_;
};

}  // namespace broadside
