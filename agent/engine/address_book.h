#pragma once

// The addresses of a test's target, handed out round robin in a random order of the shard's own, so
// that the shards of a fleet do not all begin with the same one.
//
// An address that is missing from two answers in a row is retired: it gets no new exchange, and its
// connections are closed between exchanges. Entries keep their index for life. Owned by one shard.

#include <cstddef>
#include <optional>
#include <random>
#include <vector>

#include "agent/engine/socket_address.h"

namespace broadside {

class AddressBook {
 public:
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
  void Shuffle();

  std::mt19937_64 random_;
  std::vector<Entry> entries_;
  std::vector<size_t> order_;  // of those not retired
  size_t next_ = 0;
  bool known_ = false;
};

}  // namespace broadside
