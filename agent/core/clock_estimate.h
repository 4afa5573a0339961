#pragma once

// How far this machine's CLOCK_BOOTTIME is from the controller's, from the last 16 exchanges: as in
// NTP, the exchange with the smallest round trip wins, because what delays only one direction is
// hidden in the round trip.
//
//   agent_sent ---> controller_received    round trip = (received - agent_sent)
//                                                     - (controller_sent - controller_received)
//     received <--- controller_sent        offset = middle of the agent's stamps - middle of the
//                                          controller's, off by at most round trip / 2
//
// A series of 16 quick exchanges follows each Welcome; it also ends kSeriesMax after its start if
// one answer came, so that a slow controller does not keep a test from starting. Value type, no
// thread, a few ns an operation.

#include <array>
#include <cstddef>

#include "common/core/fleet_messages.h"
#include "common/core/limits.h"
#include "common/core/time.h"

namespace broadside {

class ClockEstimate {
 public:
  static constexpr Millis kSeriesMax{500};

  // Begins a series. With `same_clock` the estimate before stands until the series is done: the
  // controller process is still the one whose clock it is.
  void StartSeries(BootTime now, bool same_clock);
  // Takes an answer; false when its stamps are impossible, then nothing changes.
  bool Add(const BeatReply& reply, BootTime received);
  // Ends the series when its time is up; true when it is over.
  bool SeriesDone(BootTime now);
  BootTime series_ends() const { return series_start_ + kSeriesMax; }

  bool known() const { return known_; }
  Nanos offset() const { return offset_; }  // agent's clock minus the controller's
  Nanos error() const { return error_; }    // half the round trip

 private:
  struct Exchange {
    Nanos round_trip{0};
    Nanos offset{0};
  };
  void TakeBest();

  std::array<Exchange, limits::kClockExchanges> window_{};
  size_t count_ = 0;  // of this series and the exchanges since
  bool series_done_ = false;
  BootTime series_start_{};
  bool known_ = false;
  Nanos offset_{0};
  Nanos error_{0};
};

}  // namespace broadside
