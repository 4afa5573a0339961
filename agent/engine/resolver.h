#pragma once

// Looks up one name, again and again, on a thread of its own, for all shards of an engine.
//
// The first answer comes as soon as the lookup ends, or as "does not resolve" after
// kFirstAnswerMax, so that no test waits for ever; then every kRefresh. A lookup that fails for a
// passing reason (the server does not answer) is no answer, except that it is the first one.
// When a name has addresses of both families, only the IPv4 ones are given: half of the requests
// would fail on a machine that has names but no route for IPv6, or at a target that listens on one.
//
// getaddrinfo cannot be interrupted: the destructor leaves a thread that is inside it to itself; it
// ends with the lookup and calls nothing.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/engine/socket_address.h"
#include "common/core/time.h"

namespace broadside {

// What one lookup gave: addresses (none: the name does not exist), or nothing when it failed for a
// passing reason. Blocks; a stand-in in tests.
using Lookup = std::function<std::optional<AddressAnswer>(const std::string& host, uint16_t port)>;
std::optional<AddressAnswer> LookUp(const std::string& host, uint16_t port);

class Resolver {
 public:
  static constexpr Nanos kRefresh = Seconds(5);
  static constexpr Nanos kFirstAnswerMax = Seconds(5);

  struct Times {
    Nanos refresh = kRefresh;
    Nanos first_answer_max = kFirstAnswerMax;
  };
  // `on_answer` runs on threads of the resolver's, one call at a time.
  Resolver(std::string host, uint16_t port, std::function<void(const AddressAnswer&)> on_answer,
           Lookup lookup, Times times);
  ~Resolver();  // afterwards on_answer does not run
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace broadside
