#include "agent/link/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <string>

#include "common/core/limits.h"

namespace broadside {
namespace {

int Milliseconds(Millis value) { return static_cast<int>(value.count()); }

}  // namespace

std::shared_ptr<grpc::Channel> MakeFleetChannel(std::string_view address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kFleetMessageBytesMax);
  arguments.SetMaxSendMessageSize(-1);  // the outbox has the bound
  // A ping per message to estimate bandwidth costs more than the messages.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // Backoff; the defaults are 1 s to 120 s. gRPC's "minimum" is the time an attempt may take.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(limits::kBackoffMin));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(limits::kBackoffMax));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Milliseconds(limits::kConnectAttemptTimeout));
  // A controller that was restarted on another node has another address: the defaults would ask for
  // it every 30 s and wait 120 s for the answer.
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, Milliseconds(limits::kBackoffMax));
  arguments.SetInt(GRPC_ARG_DNS_ARES_QUERY_TIMEOUT_MS,
                   Milliseconds(limits::kConnectAttemptTimeout));
  // No TXT queries, and no proxy of the environment: the controller is in the cluster.
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A stream is never replayed by gRPC: the core reconnects and says Hello.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A dead connection is found by silence first; this is for a channel without a stream.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // One connection for each channel: a swarm's agents are as many as they say.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(std::string(address), grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace broadside
