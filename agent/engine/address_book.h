#pragma once

// The addresses of a test's target, handed out round robin in a random order of the shard's own, so
// that the shards of a fleet do not all begin with the same one.
//
// An address that is missing from two answers in a row is retired: it gets no new exchange, and its
// connections are closed between exchanges. An entry keeps its index as long as a connection can
// have it, so that a target whose pods come and go for days takes no more room. Owned by one shard.

#include <cstddef>
#include <optional>
#include <random>
#include <vector>

#include "agent/engine/socket_address.h"

namespace broadside {

class AddressBook {
 public:
  // Further addresses of a name are not used.
  static constexpr size_t kEntriesMax = 4096;
  // An address that so many answers in a row lack gives its place to another one: at one answer
  // each 5 s its last exchange has long timed out.
  static constexpr int kMissedMax = 64;

  explicit AddressBook(uint64_t seed) : random_(seed) {}

  // Takes an answer; an empty one says that the name does not resolve.
  void Update(const AddressAnswer& answer);
  // Whether there was an answer at all.
  bool known() const { return known_; }
  // The index of the address for the next connect; nothing when there is none.
  std::optional<size_t> Next();
  const SocketAddress& at(size_t index) const { return entries_[index].address; }
  bool IsRetired(size_t index) const { return entries_[index].missed >= 2; }

 private:
  struct Entry {
    SocketAddress address;
    int missed = 0;  // answers in a row without it
  };
  void Add(const SocketAddress& address);
  void Shuffle();

  std::mt19937_64 random_;
  std::vector<Entry> entries_;
  std::vector<size_t> order_;  // of those not retired
  size_t next_ = 0;
  bool known_ = false;
};

}  // namespace broadside
