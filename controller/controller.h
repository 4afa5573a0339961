#pragma once

// The controller: the pure core on a home thread, between the fleet's streams, the store and the
// users. Performs effects in one place: what was decided is written, and only when it is on disk do
// messages, replies and the view go out.
//
// A store that cannot be written makes it read-only: what was decided since the last commit is
// dropped, agents are sent away, the last view stays. It tries again by itself, and goes on as a
// restarted controller would, from what the store has and with a higher epoch (docs/adr/0008).
//
// Start and Stop from the main thread; everything else as controller/core/commands.h says.

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/net/cpu_throttle.h"
#include "common/net/io_thread.h"
#include "common/net/thread_cpu.h"
#include "controller/core/commands.h"
#include "controller/core/controller_core.h"
#include "controller/core/fleet_streams.h"
#include "controller/store/store.h"

namespace broadside {

inline constexpr int64_t kKeepTestsDefault = 1000;
inline constexpr int64_t kKeepTestsMax = 1'000'000;
inline constexpr std::chrono::hours kKeepForDefault{30 * 24};

struct ControllerOptions {
  std::vector<std::string> grpc_listen;  // "HOST:PORT"; none: in-process only
  std::string data = ":memory:";         // a directory, or ":memory:"
  Nanos horizon = limits::kHorizonDefault;
  Nanos start_lead = limits::kStartLead;
  std::string version;
  int64_t keep_tests = kKeepTestsDefault;  // ended tests, the newest
  Nanos keep_for = kKeepForDefault;        // after their end; 0: for ever
};

struct StoreFacts {
  std::string uuid;
  uint64_t epoch = 0;
  size_t unended_tests = 0;
  absl::Status writable;
};

class Controller : public Commands {
 public:
  // Makes the streams of the controller's agents.
  using MakeStreams =
      std::function<std::unique_ptr<FleetStreams>(IoThread& home, FleetStreams::Handlers handlers)>;

  Controller(ControllerOptions options, const MakeStreams& make_streams);
  ~Controller() override;  // stops

  // Opens the store, then listens. An error says what to do. A store that can only be read is none.
  absl::Status Start();
  // A planned restart: appends the bridge and waits until the agents have it, at most `limit`. Then
  // Stop may follow.
  void PrepareRestart(Nanos limit);
  // Start in reverse. Requests without an answer get kUnavailable. Idempotent.
  void Stop();

  // The store's identity and what it held; constant after Start.
  const StoreFacts& store_facts() const { return store_facts_; }

  void StartTest(StartRequest request, Done done) override;
  void ChangeRate(const TestId& test, MicroRate rate, Done done) override;
  void StopTest(const TestId& test, Done done) override;
  void DeleteTest(const TestId& test, Done done) override;
  void DrainAgent(const std::string& name, Done done) override;
  void ReadTest(const TestId& test, Done done) override;
  void ReadTests(const std::optional<TestCursor>& after, int limit,
                 std::function<void(TestPage)> done) override;
  void ReadIntervals(const TestId& test, int64_t from_k, int limit,
                     std::function<void(IntervalPage)> done) override;
  void ReadChanges(const TestId& test, uint64_t before, int limit,
                   std::function<void(ChangePage)> done) override;
  void ReadUpdates(const TestId& test, uint64_t after, int limit,
                   std::function<void(UpdatePage)> done) override;
  std::shared_ptr<const FleetView> view() const override;
  uint64_t Subscribe(std::function<void(std::shared_ptr<const FleetView>)> changed) override;
  void Unsubscribe(uint64_t subscription) override;

 private:
  // Home: a core from what the store has.
  void Begin(const StoredState& stored);
  // controller_read_only.cc
  void EnterReadOnly(const absl::Status& why);
  void PublishReadOnly(const FleetView& last, const absl::Status& why);
  void TryAgainLater();
  void OnReopened(const absl::Status& writable, const StoredState& stored);
  // Asks the store which ended tests to forget.
  void ForgetExpired();
  void Handle(const ControllerEvent& event);
  void Perform(ControllerEffects effects);
  void MaybeFlush();
  void Flush();
  void OnCommitted(absl::Status status, const std::shared_ptr<Commit>& commit);
  void Publish(std::shared_ptr<const FleetView> view);
  void ArmTick();
  void OnTick();
  // Registers the request and makes its event; on any thread.
  template <typename MakeEvent>
  void Ask(Done done, MakeEvent make_event);
  // The same once `record` is read; its error is the answer.
  template <typename MakeEvent>
  void AskWith(const absl::StatusOr<std::optional<TestRecord>>& record, Done done,
               MakeEvent make_event);
  // The same for a test: `make_event` gets its view too if the store alone has it, else null.
  template <typename MakeEvent>
  void AskAbout(const TestId& test, Done done, MakeEvent make_event);
  FleetStreams::Handlers FleetHandlers();

  // Constant after construction, and after Start.
  const ControllerOptions options_;
  StoreFacts store_facts_;

  // Changed by home only.
  std::unique_ptr<ControllerCore> core_;  // none while read-only
  std::string read_only_;                 // why; empty while there is a core
  Nanos retry_after_{0};
  BootTime writable_since_{};
  bool expiry_due_ = false;
  BootTime next_expiry_{};
  std::map<RequestId, Done> requests_;
  RequestId last_request_ = 0;
  bool commit_in_flight_ = false;
  bool stopping_ = false;
  BootTime last_flush_{};
  BootTime next_tick_{};
  ThreadCpu cpu_;
  double cpu_fraction_ = 0;  // of the last window
  BootTime next_cpu_{};
  CpuThrottle throttle_;
  BootTime next_throttle_{};  // the first tick reads, so that the next one has a difference

  // Guarded by view_mutex_.
  mutable std::mutex view_mutex_;
  std::shared_ptr<const FleetView> view_;
  // Guarded by subscribers_mutex_.
  std::mutex subscribers_mutex_;
  std::map<uint64_t, std::function<void(std::shared_ptr<const FleetView>)>> subscribers_;
  uint64_t last_subscription_ = 0;

  // Started in this order, stopped in reverse.
  IoThread home_{"controller"};
  std::unique_ptr<boost::asio::steady_timer> tick_timer_;
  std::unique_ptr<boost::asio::steady_timer> flush_timer_;
  std::unique_ptr<boost::asio::steady_timer> retry_timer_;
  std::unique_ptr<Store> store_;
  const std::unique_ptr<FleetStreams> fleet_;
};

}  // namespace broadside
