#include "agent/agent.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/agent_home.h"
#include "agent/agent_http.h"
#include "agent/agent_metrics.h"
#include "agent/link/channel.h"
#include "agent/process.h"
#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"
#include "common/net/clock.h"
#include "common/net/descriptor_limit.h"
#include "common/net/log.h"
#include "common/net/random_id.h"

namespace broadside {
namespace {

// gRPC takes another port for a missing one, and would try that for ever.
bool HasPort(std::string_view address) {
  if (address.starts_with("unix")) return true;
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return false;
  uint16_t port = 0;
  const char* end = address.data() + address.size();
  const auto [rest, error] = std::from_chars(address.data() + colon + 1, end, port);
  return error == std::errc() && rest == end && port != 0;
}

bool IsPrintableText(std::string_view text) {
  while (!text.empty()) {
    const std::optional<char32_t> c = NextCodePoint(text);
    if (!c || !IsPrintable(*c)) return false;
  }
  return true;
}

absl::Status CheckOptions(const AgentOptions& options) {
  if (options.controller.empty() && options.channel == nullptr) {
    return InvalidArgument(
        "an agent needs a controller: give its address with --controller HOST:PORT");
  }
  if (options.controller.starts_with("http") &&
      options.controller.find("://") != std::string::npos) {
    return InvalidArgument("--controller ", options.controller,
                           ": give HOST:PORT, the controller's --grpc address, without a scheme");
  }
  if (options.channel == nullptr && !HasPort(options.controller)) {
    return InvalidArgument("--controller ", options.controller, " has no port: give HOST:PORT, as ",
                           options.controller, ":9090");
  }
  if (options.threads < 0 || options.threads > limits::kShardsMax) {
    return InvalidArgument("--threads ", options.threads, ": 1 to ", limits::kShardsMax);
  }
  if (options.name.size() > limits::kAgentNameBytesMax) {
    return InvalidArgument("--name has ", options.name.size(), " bytes: at most ",
                           limits::kAgentNameBytesMax);
  }
  if (!IsPrintableText(options.name)) {
    return InvalidArgument("--name ", Quoted(options.name), ": printable characters only");
  }
  return absl::OkStatus();
}

}  // namespace

class Agent::Impl {
 public:
  explicit Impl(AgentOptions options)
      : options_(std::move(options)),
        metrics_({.name = options_.name,
                  .version = options_.version,
                  .incarnation = ToString(incarnation_)},
                 &published_),
        thread_("agent") {}
  ~Impl() { Stop(); }

  absl::Status Start(ExitHandler on_exit) {
    published_.Set({.status = {.reason = "starting"}, .alive_at = BootNow()});
    if (absl::Status status = StartHttp(); !status.ok()) return status;
    std::shared_ptr<grpc::Channel> channel =
        options_.channel != nullptr ? options_.channel : MakeFleetChannel(options_.controller);
    const AgentCoreOptions core{.incarnation = incarnation_,
                                .name = options_.name,
                                .threads = static_cast<uint32_t>(options_.threads),
                                .version = options_.version,
                                .seed = incarnation_.lo};
    const EngineOptions engine{.shards = options_.threads,
                               .user_agent = "broadside/" + options_.version,
                               .slot_header = options_.slot_header};
    thread_.RunAndWait([&] {
      home_ = std::make_unique<AgentHome>(thread_, core, engine, std::move(channel), &published_,
                                          std::move(on_exit));
    });
    return absl::OkStatus();
  }

  void Drain() {
    thread_.Post([this] {
      if (home_ != nullptr) home_->Step(DrainRequested{});
    });
  }

  // Start in reverse.
  void Stop() {
    if (stopped_) return;
    stopped_ = true;
    thread_.RunAndWait([this] { home_.reset(); });
    thread_.Stop();
    if (http_ != nullptr) http_->Stop();
  }

  const AgentOptions& options() const { return options_; }
  const Incarnation& incarnation() const { return incarnation_; }
  const PublishedSnapshot& published() const { return published_; }
  uint16_t http_port() const { return http_ == nullptr ? 0 : http_->port(); }

 private:
  absl::Status StartHttp() {
    if (options_.http.empty()) return absl::OkStatus();
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(
        {.listen = options_.http}, [this](const HttpRequest& request, HttpResponder responder) {
          responder.Send(AnswerAgentHttp(request, published_, metrics_, BootNow()));
        });
    if (!server.ok()) return server.status();
    http_ = *std::move(server);
    return absl::OkStatus();
  }

  // Constant after construction.
  const AgentOptions options_;
  const Incarnation incarnation_ = RandomIncarnation();
  // Synchronised by themselves.
  PublishedSnapshot published_;
  const AgentMetrics metrics_;
  IoThread thread_;
  // Changed by Start and Stop only.
  std::unique_ptr<HttpServer> http_;
  bool stopped_ = false;
  // Changed by home only.
  std::unique_ptr<AgentHome> home_;
};

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() = default;

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(AgentOptions options, ExitHandler on_exit) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (options.name.empty()) options.name = HostName();
  if (options.threads == 0) options.threads = DefaultThreads();
  const uint64_t descriptors = RaiseDescriptorLimit();
  auto impl = std::make_unique<Impl>(std::move(options));
  if (absl::Status status = impl->Start(std::move(on_exit)); !status.ok()) return status;
  const AgentOptions& started = impl->options();
  Log(LogLevel::kInfo, "agent_started",
      {{"name", started.name},
       {"threads", std::to_string(started.threads)},
       {"controller", started.channel != nullptr ? "in-process" : started.controller},
       {"http_port", std::to_string(impl->http_port())},
       {"descriptors", std::to_string(descriptors)}});
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

void Agent::Drain() { impl_->Drain(); }
void Agent::Stop() { impl_->Stop(); }
AgentSnapshot Agent::Snapshot() const { return impl_->published().Get(); }
const Incarnation& Agent::incarnation() const { return impl_->incarnation(); }
const std::string& Agent::name() const { return impl_->options().name; }
uint16_t Agent::http_port() const { return impl_->http_port(); }

}  // namespace broadside
