#include "agent/engine/address_book.h"

#include <algorithm>

#include "agent/engine/resolver.h"
#include "common/core/limits.h"

namespace broadside {

static_assert(AddressBook::kMissedMax * Resolver::kRefresh >
                  limits::kTimeoutMax + limits::kMaxLatenessMax,
              "an exchange with a retired address has ended before its index is used again");

void AddressBook::Update(const AddressAnswer& answer) {
  known_ = true;
  for (Entry& entry : entries_) ++entry.missed;
  for (const SocketAddress& address : answer) {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.address == address; });
    if (found != entries_.end()) {
      found->missed = 0;
    } else {
      Add(address);
    }
  }
  Shuffle();
}

void AddressBook::Add(const SocketAddress& address) {
  const auto forgotten = std::find_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return entry.missed >= kMissedMax;
  });
  if (forgotten != entries_.end()) {
    *forgotten = {address, 0};
  } else if (entries_.size() < kEntriesMax) {
    entries_.push_back({address, 0});
  }
}

void AddressBook::Shuffle() {
  std::vector<size_t> live;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!IsRetired(i)) live.push_back(i);
  }
  std::vector<size_t> before = order_;
  std::sort(before.begin(), before.end());
  if (live == before) return;  // the same addresses: keep the turn
  std::shuffle(live.begin(), live.end(), random_);
  order_ = std::move(live);
  next_ = 0;
}

std::optional<size_t> AddressBook::Next() {
  if (order_.empty()) return std::nullopt;
  next_ %= order_.size();
  return order_[next_++];
}

}  // namespace broadside
