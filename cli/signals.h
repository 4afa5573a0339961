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

// While one lives, a signal ends the process at once (kExitAborted): for calls of this thread that
// block and have nothing to tidy up. One at a time, on the thread of the Signals.
class ExitOnSignal {
 public:
  ExitOnSignal();
  ~ExitOnSignal();
  ExitOnSignal(const ExitOnSignal&) = delete;
  ExitOnSignal& operator=(const ExitOnSignal&) = delete;
};

}  // namespace broadside
