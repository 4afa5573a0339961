#pragma once

// One thread that runs one io_context: the home of objects that are not thread-safe. Post from
// anywhere; home objects begin their public methods with `home.AssertCurrent()`. Handlers run in
// the order of posting. Stop runs what was posted before it, then joins; posts after Stop are
// dropped.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "common/core/check.h"

namespace broadside {

class IoThread {
 public:
  explicit IoThread(
      std::string name);  // starts the thread; the name is shown by ps and gdb (15 bytes)
  ~IoThread();            // stops
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  template <typename F>
  void Post(F&& f) {
    boost::asio::post(context_, std::forward<F>(f));
  }
  // Runs `f` on the thread and waits for it. Not from the thread itself.
  void RunAndWait(std::function<void()> f);
  bool IsCurrent() const { return std::this_thread::get_id() == thread_.get_id(); }
  void AssertCurrent() const { BS_CHECK(IsCurrent()) << "not on its home thread"; }
  boost::asio::io_context& context() { return context_; }
  void Stop();

 private:
  // Constant after construction.
  std::string name_;
  // Synchronised by themselves.
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace broadside
