#pragma once

// The connections of one test on one shard.
//
// It is opened ahead in part, before the first slots are due, grows on demand up to its limit,
// reuses idle connections first in first out, and keeps a read
// pending on each (epoll interest), so that a FIN is seen at once. Connections are renewed by age
// so that new pods behind a service get load: age max_age x U(0.8, 1.2), the first life U(0.1, 1)
// of that, the replacement opened first (at the limit: the old one closed first, when idle), at
// most 1.25 x pool / max_age replacements a second, closed only between exchanges.
//
// The pool decides about connections; the run decides about exchanges. Owned by one shard; taking
// and giving back an idle connection is free of allocation and system calls.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "agent/engine/address_book.h"
#include "agent/engine/connection.h"
#include "agent/engine/poller.h"

namespace broadside {

struct PoolOptions {
  size_t limit = 0;  // open connections, lingering ones apart
  Nanos max_age{0};
  bool keepalive = true;
  uint64_t seed = 0;
};

// Totals.
struct PoolStats {
  uint64_t opened = 0;
  uint64_t connects_failed = 0;
  uint64_t replaced = 0;
  uint64_t ports_exhausted = 0;
  uint64_t descriptors_exhausted = 0;
};

// The reasons why the generator itself could not connect; false for the target's faults.
bool IsLocalError(int error);

// Connections first in, first out. A connection is in one queue at most.
class ConnectionQueue {
 public:
  void Push(Connection* connection);
  void Remove(Connection* connection);
  Connection* front() const { return front_; }

 private:
  Connection* front_ = nullptr;
  Connection* back_ = nullptr;
};

class Pool {
 public:
  Pool(const PoolOptions& options, ShardLoad* run, Poller* poller);

  // An idle connection, the one that waited longest, or nothing. It becomes busy.
  Connection* TakeIdle(BootTime now);
  // Whether a slot can have a connection now, idle or not yet there.
  bool CanServe() const {
    return idle_.front() != nullptr || ahead_.front() != nullptr || CanOpen();
  }

  // Starts a connect that belongs to no slot. Whoever needs one before it is there takes it over.
  // False when there is no room, no address or no socket.
  bool OpenAhead(BootTime now);
  // A connection for load: takes over one that is opened ahead, or starts a connect; `*error` is an
  // errno when there is none (EHOSTUNREACH when the name does not resolve). The connection is
  // resolving or connecting.
  Connection* Open(BootTime now, int* error);
  // A connect succeeded: the connection becomes busy if it has an exchange, else idle.
  void Connected(Connection* connection, BootTime now);
  // A connect failed; counted and closed.
  void ConnectFailed(Connection* connection, int error, BootTime now);
  // A busy connection has no exchange any more: it becomes idle, or is closed when it has to go.
  void GiveBack(Connection* connection, BootTime now);
  // Lets the server close first, for a while.
  void Linger(Connection* connection, BootTime now);
  void Close(Connection* connection);
  void CloseIdle();
  void CloseAll();

  // New addresses: closes idle connections to retired ones, and starts the connects that wait for
  // them. The connections whose connect could not start are returned with the error, still open.
  std::vector<std::pair<Connection*, int>> Update(const AddressAnswer& answer);
  // Ages: to be called every tick. `renew`: replacements may be opened.
  void Maintain(BootTime now, bool renew);
  // Makes closed connections available again. Not while events of this turn may still name them.
  void Recycle();

  size_t size() const { return open_.size(); }
  const AddressBook& addresses() const { return addresses_; }
  const PoolStats& stats() const { return stats_; }

 private:
  bool CanOpen() const { return open_.size() - lingering_ < options_.limit; }
  Connection* Allocate();
  int StartConnect(Connection* connection);
  void CountError(int error);
  bool MayReplace(BootTime now);
  void Replace(Connection* connection, BootTime now);
  void SetFirstLife(Connection* connection, BootTime now);
  Nanos Jittered(double from, double to);

  // Constant after construction.
  PoolOptions options_;
  ShardLoad* run_;
  Poller* poller_;
  // Changed by the shard.
  AddressBook addresses_;
  std::mt19937_64 random_;
  std::deque<std::unique_ptr<Connection>> all_;
  std::vector<Connection*> open_;    // every state but kClosed, in no order
  std::vector<Connection*> closed_;  // this turn
  std::vector<Connection*> free_;
  ConnectionQueue idle_;
  ConnectionQueue ahead_;  // those with `ahead`
  size_t lingering_ = 0;
  size_t cursor_ = 0;  // of Maintain
  BootTime next_replacement_{};
  PoolStats stats_;
};

}  // namespace broadside
