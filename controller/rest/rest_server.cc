#include "controller/rest/rest_server.h"

#include <utility>

#include "common/net/clock.h"

namespace broadside {

RestServer::RestServer(const RestServerOptions& options, Commands& commands)
    : thread_("rest"),
      gate_(std::make_shared<IoGate>(&thread_)),
      metrics_([&commands] { return commands.view(); }, WallNow, options.version),
      streams_(std::make_shared<EventStreams>(commands, thread_, gate_, options.heartbeat,
                                              options.event_streams_max)),
      api_(commands, gate_, streams_, [this] { return metrics_.Text(); }),
      router_(api_.Routes()) {}

absl::StatusOr<std::unique_ptr<RestServer>> RestServer::Start(RestServerOptions options,
                                                              Commands& commands) {
  std::unique_ptr<RestServer> rest(new RestServer(options, commands));
  options.http.io_thread = &rest->thread_;
  rest->streams_->Start();
  auto server =
      HttpServer::Start(std::move(options.http),
                        [router = &rest->router_](HttpRequest request, HttpResponder responder) {
                          router->Handle(std::move(request), std::move(responder));
                        });
  if (!server.ok()) return server.status();
  rest->server_ = *std::move(server);
  return rest;
}

RestServer::~RestServer() { Stop(); }

void RestServer::Stop() {
  if (std::exchange(stopped_, true)) return;
  streams_->Stop();
  if (server_ != nullptr) server_->Stop();
  gate_->Close();
  // Callbacks that wait on the thread may still refer to the members that go first.
  thread_.Stop();
}

}  // namespace broadside
