#include "common/net/io_thread.h"

#include <pthread.h>

#include <future>

namespace broadside {

IoThread::IoThread(std::string name)
    : name_(std::move(name)), work_(boost::asio::make_work_guard(context_)), thread_([this] {
        pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
        context_.run();
      }) {}

IoThread::~IoThread() { Stop(); }

void IoThread::RunAndWait(std::function<void()> f) {
  BS_CHECK(!IsCurrent()) << "would wait for itself";
  std::promise<void> done;
  Post([&] {
    f();
    done.set_value();
  });
  done.get_future().wait();
}

void IoThread::Stop() {
  if (!thread_.joinable()) return;
  BS_CHECK(!IsCurrent()) << "a thread cannot join itself";
  // The last handler gives up the work guard and stops the loop, so that timers still armed do not
  // keep it alive.
  Post([this] {
    work_.reset();
    context_.stop();
  });
  thread_.join();
}

}  // namespace broadside
