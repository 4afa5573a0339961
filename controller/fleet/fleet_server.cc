#include "controller/fleet/fleet_server.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <unordered_map>
#include <utility>

#include "common/core/check.h"
#include "common/core/limits.h"
#include "common/net/stream_gate.h"
#include "common/wire/fleet_proto.h"
#include "controller/fleet/attach_service.h"
#include "controller/fleet/listen_address.h"

namespace broadside {
namespace {

// How long a stream may need to take its last status before Stop cancels it in gRPC's core.
constexpr Millis kPoliteStop{2000};

void SetArguments(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(limits::kFleetMessageBytesMax);
  builder.SetMaxSendMessageSize(-1);  // the outbox has the bound
  // A ping per message to estimate bandwidth costs more than the messages.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // A second controller on the port must fail instead of getting half of the agents.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // In swarms many agents share a connection.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits::kFleetStreamsMax);
  // Dead connections whose agent is silent are found by the core (silence D) first; this frees the
  // sockets that have no stream.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // However often agents ping, it is no reason for GOAWAY.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 100);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
}

// A server with its service, which has to outlive it.
struct Served {
  Served(std::shared_ptr<StreamGate> gate, AttachService::OpenStream open_stream)
      : service(std::move(gate), std::move(open_stream)) {}

  AttachService service;
  std::unique_ptr<grpc::Server> server;  // null if it could not start
};

}  // namespace

struct FleetServer::State {
  State(IoThread& home_thread, Handlers home_handlers)
      : home(home_thread), handlers(std::move(home_handlers)) {}

  // gRPC's threads.
  std::shared_ptr<AttachOutbox> OpenStream(std::string peer,
                                           StreamTransport<v1::AttachResponse>* transport);
  // Home.
  void Add(StreamId id, std::string peer, std::shared_ptr<AttachOutbox> outbox);
  void Remove(StreamId id, absl::Status reason);
  void AbortAll();

  // Constant after construction.
  IoThread& home;
  const Handlers handlers;
  const std::shared_ptr<StreamGate> gate = std::make_shared<StreamGate>(limits::kFleetStreamsMax);
  // Changed by Start and Stop only.
  bool started = false;
  std::unique_ptr<Served> network;  // null without addresses
  // A server of its own, kept by its channels: gRPC crashes when a call is made on an in-process
  // channel whose server was shut down, and an agent may well try to come back while we stop. Once
  // the gate is closed this server needs nothing of ours to refuse the call.
  std::shared_ptr<Served> in_process;
  // Changed by home only.
  std::unordered_map<StreamId, std::shared_ptr<AttachOutbox>> streams;
  bool stopping = false;
  // Atomic.
  std::atomic<StreamId> next_id{1};
};

std::shared_ptr<AttachOutbox> FleetServer::State::OpenStream(
    std::string peer, StreamTransport<v1::AttachResponse>* transport) {
  const StreamId id = next_id.fetch_add(1, std::memory_order_relaxed);
  auto outbox = std::make_shared<AttachOutbox>(
      home, StreamRole::kServer, StreamLimits{},
      StreamHandlers<AgentMessage>{
          .on_open = nullptr,
          .on_message = [this, id](
                            AgentMessage message,
                            BootTime at) { handlers.on_message(id, std::move(message), at); },
          .on_closed = [this, id](absl::Status reason) { Remove(id, std::move(reason)); }});
  outbox->SetTransport(transport);
  // Before the outbox posts anything, so that on_open comes before its first message.
  home.Post([this, id, peer = std::move(peer), outbox] { Add(id, peer, outbox); });
  return outbox;
}

void FleetServer::State::Add(StreamId id, std::string peer, std::shared_ptr<AttachOutbox> outbox) {
  if (stopping) {
    outbox->Detach();
    outbox->Abort(Unavailable("shutting down"));
    return;
  }
  streams.emplace(id, std::move(outbox));
  handlers.on_open(id, std::move(peer));
}

void FleetServer::State::Remove(StreamId id, absl::Status reason) {
  streams.erase(id);
  handlers.on_closed(id, std::move(reason));
}

void FleetServer::State::AbortAll() {
  stopping = true;
  for (auto& [id, outbox] : streams) outbox->Abort(Unavailable("the controller is shutting down"));
}

FleetServer::FleetServer(IoThread& home, Handlers handlers)
    : home_(home), state_(std::make_unique<State>(home, std::move(handlers))) {}

FleetServer::~FleetServer() { Stop(); }

absl::Status FleetServer::Start(const std::vector<std::string>& listen) {
  BS_CHECK(!state_->started) << "started twice";
  for (const std::string& address : listen) {
    if (absl::Status s = CheckListenAddress(address); !s.ok()) return s;
  }
  if (!listen.empty()) {
    auto network = std::make_unique<Served>(
        state_->gate, [state = state_.get()](std::string peer, auto* transport) {
          return state->OpenStream(std::move(peer), transport);
        });
    grpc::ServerBuilder builder;
    SetArguments(builder);
    builder.RegisterService(&network->service);
    ports_.assign(listen.size(), 0);
    for (size_t i = 0; i < listen.size(); ++i) {
      builder.AddListeningPort(listen[i], grpc::InsecureServerCredentials(), &ports_[i]);
    }
    network->server = builder.BuildAndStart();
    if (network->server == nullptr) {
      std::string all;
      for (const std::string& address : listen) all += (all.empty() ? "" : ", ") + address;
      return Unavailable("cannot listen on ", all, ": gRPC gives no reason; its log line may");
    }
    state_->network = std::move(network);
  }
  state_->started = true;
  return absl::OkStatus();
}

std::shared_ptr<grpc::Channel> FleetServer::InProcessChannel() {
  BS_CHECK(state_->started) << "not started, or stopped";
  if (state_->in_process == nullptr) {
    state_->in_process = std::make_shared<Served>(
        state_->gate, [state = state_.get()](std::string, auto* transport) {
          return state->OpenStream("inproc", transport);
        });
    grpc::ServerBuilder builder;
    SetArguments(builder);
    builder.RegisterService(&state_->in_process->service);
    state_->in_process->server = builder.BuildAndStart();
    BS_CHECK(state_->in_process->server != nullptr) << "a server without a port did not start";
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kFleetMessageBytesMax);
  arguments.SetMaxSendMessageSize(-1);
  // Destroyed from the last to the first: the channel, then, if it was the last one, its server.
  struct Kept {
    std::shared_ptr<Served> served;
    std::shared_ptr<grpc::Channel> channel;
  };
  const auto kept = std::make_shared<Kept>(
      Kept{state_->in_process, state_->in_process->server->InProcessChannel(arguments)});
  return {kept, kept->channel.get()};
}

void FleetServer::Send(StreamId stream, const ControllerMessage& message) {
  home_.AssertCurrent();
  const auto found = state_->streams.find(stream);
  if (found == state_->streams.end()) return;
  v1::AttachResponse response = ToProto(message);
  const size_t bytes = response.ByteSizeLong();
  found->second->Send(std::move(response), bytes);
}

void FleetServer::Close(StreamId stream, absl::Status status) {
  home_.AssertCurrent();
  const auto found = state_->streams.find(stream);
  if (found != state_->streams.end()) found->second->Close(std::move(status));
}

void FleetServer::CloseAll(const absl::Status& status) {
  home_.AssertCurrent();
  for (const auto& [id, outbox] : state_->streams) outbox->Close(status);
}

size_t FleetServer::open_streams() const {
  home_.AssertCurrent();
  return state_->streams.size();
}

void FleetServer::Stop() {
  if (!std::exchange(state_->started, false)) return;
  BS_CHECK(!home_.IsCurrent()) << "home has to end the streams that Stop waits for";
  state_->gate->Close();
  home_.RunAndWait([this] { state_->AbortAll(); });
  // A status that a stuck socket does not take is cancelled by the shutdown, whose deadline is now.
  state_->gate->WaitEmpty(kPoliteStop);
  if (state_->network != nullptr) {
    state_->network->server->Shutdown(std::chrono::system_clock::now());
  }
  BS_CHECK(state_->gate->WaitEmpty(limits::kFleetStopTimeout)) << "streams were not let go of";
  home_.RunAndWait([] {});  // the last on_closed was posted before
  state_->network.reset();
  state_->in_process.reset();
}

}  // namespace broadside
