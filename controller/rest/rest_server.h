#pragma once

// The controller's HTTP side: REST API, event streams, metrics and health on one thread of its own.
//
// Owner: whoever owns the controller, on his thread. `commands` must outlive the server. Stop (and
// the destructor) first ends the event streams, then lets answers under way finish within the
// server's grace; answers of the controller that come later are dropped.

#include <memory>
#include <string>

#include "common/net/http_server.h"
#include "common/net/io_gate.h"
#include "common/net/io_thread.h"
#include "controller/core/commands.h"
#include "controller/metrics/controller_metrics.h"
#include "controller/rest/event_streams.h"
#include "controller/rest/rest_api.h"
#include "controller/rest/router.h"

namespace broadside {

struct RestServerOptions {
  HttpServerOptions http;  // listen, flag and bounds; the thread is the server's own
  std::string version;     // of the program, for broadside_build_info
  Millis heartbeat = limits::kSseHeartbeat;
  int event_streams_max = limits::kEventStreamsMax;
};

class RestServer {
 public:
  // An error is one line that says what to do.
  static absl::StatusOr<std::unique_ptr<RestServer>> Start(RestServerOptions options,
                                                           Commands& commands);
  ~RestServer();  // stops
  RestServer(const RestServer&) = delete;
  RestServer& operator=(const RestServer&) = delete;

  uint16_t port() const { return server_->port(); }
  const std::string& address() const { return server_->address(); }
  void Stop();

 private:
  RestServer(const RestServerOptions& options, Commands& commands);

  // In the order of construction: what is below uses what is above.
  IoThread thread_;
  const std::shared_ptr<IoGate> gate_;
  const ControllerMetrics metrics_;
  std::shared_ptr<EventStreams> streams_;
  RestApi api_;
  const Router router_;
  std::unique_ptr<HttpServer> server_;
  bool stopped_ = false;
};

}  // namespace broadside
