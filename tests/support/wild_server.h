#pragma once

// A scripted server for tests of HTTP clients: it does exactly what the script says, however wild.
// Listens on a port of its own choice.
//
// Each exchange of a connection plays a script, that is a list of actions. When a script ends
// without Close, Reset or Hang, the connection goes on with the next exchange if the script read a
// request (keep-alive), else it hangs. Scripts come from a plan, asked at the start of each
// exchange (on the server's thread, before any byte of it is read), so connections and exchanges
// can differ:
//
//   WildServer server(Script{ReadRequest{}, Send{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}});
//   // the same for every exchange WildServer server([](const ExchangeId& id) { return
//   id.connection == 0 ? Script{Reset{}} : good; });
//
// Any number of connections plays at once, on one thread of the server's own. The constructor
// returns when the port listens; Stop (and the destructor) closes all connections and joins. The
// other methods are thread-safe. Failing to listen is a broken invariant (BS_CHECK).

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "common/core/time.h"

namespace broadside::wild {

// Waits for one whole request: head, and a body by Content-Length. A peer that ends before it is
// complete ends the connection.
struct ReadRequest {};
struct Send {
  std::string bytes;
};
// Sends the bytes in `pieces` parts of about equal size, each in a segment of its own, with a pause
// between them.
struct SendInChunks {
  std::string bytes;
  int pieces = 2;
  Millis pause{1};
};
struct Pause {
  Millis duration{0};
};
// Ends our direction (FIN). What the peer still sends is read and dropped until it ends too, so
// that no reset can overtake the answer.
struct Close {};
// Ends both directions at once with RST (SO_LINGER 0). Bytes sent before may be lost on the way:
// Pause first where they must arrive.
struct Reset {};
// Neither reads nor sends until the peer ends the connection or the server stops.
struct Hang {};

using Action = std::variant<ReadRequest, Send, SendInChunks, Pause, Close, Reset, Hang>;
using Script = std::vector<Action>;

// Numbers from 0: of the connection by order of accept, of the exchange on its connection, and of
// the exchange on the whole server.
struct ExchangeId {
  int64_t connection = 0;
  int64_t on_connection = 0;
  int64_t on_server = 0;
};
using Plan = std::function<Script(const ExchangeId&)>;

struct Counters {
  int64_t accepted = 0;       // connections
  int64_t open = 0;           // connections now
  int64_t requests_read = 0;  // whole requests
  int64_t requests_kept = 0;  // of them in requests()
};

inline constexpr size_t kRequestBytesMax = 4u << 20;  // a longer request ends the connection
inline constexpr size_t kKeptBytesMax =
    16u << 20;  // of all kept requests together; later ones are only counted
inline constexpr size_t kConnectionsMax = 4096;  // further ones wait in the backlog

class WildServer {
 public:
  explicit WildServer(Script script, std::string address = "127.0.0.1");
  explicit WildServer(Plan plan, std::string address = "127.0.0.1");
  ~WildServer();  // stops
  WildServer(const WildServer&) = delete;
  WildServer& operator=(const WildServer&) = delete;

  uint16_t port() const { return port_; }
  // "http://127.0.0.1:PORT"
  std::string url() const;
  Counters counters() const;
  // The raw texts (head and body) of the requests read, in the order in which they became complete.
  std::vector<std::string> requests() const;
  // Waits until `condition` holds for the counters, at most `timeout`; false when it ran out.
  bool WaitFor(const std::function<bool(const Counters&)>& condition,
               Millis timeout = Seconds(10)) const;
  // Idempotent. Afterwards a connect to the port is refused.
  void Stop();

 private:
  struct Connection;
  enum class Step { kNext, kWait, kGone };

  void Listen();
  void Run();
  void Accept();
  void Advance(Connection& connection);
  void BeginExchange(Connection& connection);
  Step Play(Connection& connection, const ReadRequest& action);
  Step Play(Connection& connection, const Send& action);
  Step Play(Connection& connection, const SendInChunks& action);
  Step Play(Connection& connection, const Pause& action);
  Step Play(Connection& connection, const Close& action);
  Step Play(Connection& connection, const Reset& action);
  Step Play(Connection& connection, const Hang& action);
  Step SendUntil(Connection& connection, const std::string& bytes, size_t end);
  void Keep(std::string request);

  // Constant after construction.
  Plan plan_;                             // empty: script_ is played
  std::shared_ptr<const Script> script_;  // shared, as answers may be large
  std::string address_;
  uint16_t port_ = 0;
  int listen_fd_ = -1;
  int stop_fd_ = -1;
  // Owned by the server's thread.
  std::map<int64_t, std::unique_ptr<Connection>> connections_;
  int64_t exchanges_ = 0;
  // Guarded by mutex_.
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Counters counters_;
  std::vector<std::string> requests_;
  size_t kept_bytes_ = 0;

  std::thread thread_;
};

}  // namespace broadside::wild
