#pragma once

// One test on one shard: takes due slots from the pacer, gives each a connection, and books the one
// outcome in which it ends.
//
// The shard calls it in turns: events of all connections (receives), deadlines, then Fire and
// SendReady (sends), so that receives and sends come in batches. `now` is read once a turn.
//
// Owned by one shard. Per request it costs two system calls, a clock reading right before the send,
// and no allocation once the pool and the lists have grown.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/engine/exchange.h"
#include "agent/engine/pacer.h"
#include "agent/engine/poller.h"
#include "agent/engine/pool.h"
#include "agent/engine/recorder.h"
#include "agent/engine/request_template.h"
#include "agent/engine/stamp_clock.h"
#include "common/core/clock_map.h"
#include "common/core/test_spec.h"

namespace broadside {

// How often Maintain is called.
inline constexpr Nanos kMaintainEvery = Millis(20);

// What the tests of a shard share.
struct ShardResources {
  Poller poller;
  StampClock stamps;
  std::vector<char> receive_buffer = std::vector<char>(64 * 1024);
  uint64_t requests_sent = 0;
  uint64_t stamps_clamped = 0;
};

struct ShardLoadOptions {
  std::string user_agent;
  bool slot_header = false;
  int shard = 0;
  int shards = 1;
  uint64_t seed = 0;  // of the order of addresses and the ages of connections
};

class ShardLoad {
 public:
  ShardLoad(TestId test, std::shared_ptr<const TestSpec> spec, const ClockMap& clock,
            const ShardLoadOptions& options, ShardResources* shard);
  ShardLoad(const ShardLoad&) = delete;
  ShardLoad& operator=(const ShardLoad&) = delete;

  // As in Engine.
  void SetClock(const ClockMap& clock) { clock_ = clock; }
  void Extend(const Grant& grant, BootTime now);
  void SetAddresses(const AddressAnswer& answer, BootTime now);
  void Cut(BootTime now);
  void Abandon(BootTime now);
  // `now`: a time up to which everything readable was read.
  TestDelta Take(BootTime now);

  // The parts of a turn.
  void OnEvents(Connection* connection, uint32_t events, BootTime now);
  void ReadMore(BootTime now);  // goes on where OnEvents stopped at the limit of a turn
  void Expire(BootTime now);
  void Maintain(BootTime now);  // every kMaintainEvery
  void Fire(BootTime now);
  void SendReady(BootTime now);

  // When Fire or Expire has something to do; BootTime::max() for never.
  BootTime NextWake(BootTime now) const;
  // The mean distance of slots in the current segment.
  Nanos MeanGap() const { return pacer_.MeanGap(); }
  // How far the oldest unsent slot is behind its due time.
  Nanos Lag(BootTime now) const;
  bool abandoned() const { return abandoned_; }
  size_t in_flight() const { return exchanges_.size(); }
  const Pool& pool() const { return pool_; }

 private:
  int64_t IntervalOf(BootTime time) const { return SegmentOf(clock_.ToTest(time)); }
  void BookUnsent();
  void PlanAhead(int64_t slots);
  void OpenAhead(BootTime now);

  void Dispatch(const DueSlot& slot, BootTime now);
  void Connect(Exchange* exchange, BootTime now);
  void FinishConnect(Connection* connection, uint32_t events, BootTime now);
  void SendRequest(Connection* connection, BootTime now);
  void SkipUnsent(Connection* connection, BootTime now);
  void SendRest(Connection* connection, BootTime now);
  void Read(Connection* connection, uint32_t events, BootTime now, int reads_max);
  void Drop(Connection* connection);
  BootTime DoneTime(const Exchange& exchange, BootTime now);

  // The ends of an exchange. Complete gives the connection back, the others close it.
  void Complete(Connection* connection, BootTime done, uint32_t events, BootTime now);
  void Ended(Connection* connection, BootTime now);
  void TimeOut(Exchange* exchange);
  void Fail(Exchange* exchange, Outcome outcome, BootTime now);
  void Settle(Exchange* exchange, Outcome outcome, BootTime done, bool timed, uint16_t code);

  // Constant after construction.
  std::shared_ptr<const TestSpec> spec_;
  ShardResources* shard_;
  // Changed by the shard.
  ClockMap clock_;
  RequestTemplate request_;
  Recorder recorder_;
  Pacer pacer_;
  ExchangeList exchanges_;
  Pool pool_;
  std::vector<Connection*> ready_;  // to be sent on this turn
  std::vector<Connection*> more_;   // has more to read than a turn allows
  std::vector<Connection*> reading_;
  bool ahead_planned_ = false;
  int64_t ahead_left_ = 0;  // connections to be opened before the first slot is due
  bool cut_ = false;
  bool abandoned_ = false;
};

}  // namespace broadside
