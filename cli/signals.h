#pragma once

// SIGINT and SIGTERM as something to wait for. Make one in main before any thread starts: the
// signals are blocked for the whole process and arrive here alone. Wait from one thread; Wake from
// any.

namespace broadside {

class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next signal's number, or 0 after Wake, or -1 when `timeout_ms` passed first (-1: no limit).
  int Wait(int timeout_ms = -1);
  // Makes the present or next Wait return 0.
  void Wake();

 private:
  int signal_fd_;
  int wake_fd_;
};

}  // namespace broadside
