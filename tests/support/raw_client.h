#pragma once

// A blocking TCP client for tests of servers: sends raw bytes and reads what comes. Reads end with
// an error after 20 s. One thread at a time; failing to connect is a broken invariant (BS_CHECK).

#include <cstdint>
#include <string>
#include <string_view>

namespace broadside {

class RawClient {
 public:
  explicit RawClient(uint16_t port, const std::string& address = "127.0.0.1");
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // Sends everything; false when the peer is gone.
  bool Send(std::string_view bytes);
  // Reads until `bytes` are there, the peer ends or 20 s passed, and returns what came.
  std::string ReadBytes(size_t bytes);
  // Reads one answer: head, and a body by Content-Length (none where `head_only`). Empty when the
  // peer ended before it was complete; what came is lost then.
  std::string ReadAnswer(bool head_only = false);
  // Reads until the peer ends.
  std::string ReadAll() { return ReadBytes(SIZE_MAX); }
  // Whether the last read ended by a reset.
  bool was_reset() const { return was_reset_; }
  // Ends our direction.
  void ShutdownWrite();
  int fd() const { return fd_; }

 private:
  // Appends what is there to input_; false at the end.
  bool Fill();
  int fd_;
  bool was_reset_ = false;
  std::string input_;
};

}  // namespace broadside
