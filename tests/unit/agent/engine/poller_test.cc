#include "agent/engine/poller.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <thread>

#include "common/net/clock.h"

namespace broadside {
namespace {

// From now on the kernel says to this thread that it has no epoll_pwait2. False where it may not.
bool TakeExactWaitAway() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(rules)), rules};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(PollerTest, AKernelWithoutExactWaitsWaitsInMilliseconds) {
  std::thread([] {
    ASSERT_TRUE(TakeExactWaitAway());
    Poller poller;
    for (int i = 0; i < 2; ++i) {
      const BootTime before = BootNow();
      EXPECT_TRUE(poller.Wait(std::chrono::microseconds(1500)).empty());
      EXPECT_GE(BootNow() - before, std::chrono::microseconds(1500)) << "never too short";
    }
    EXPECT_TRUE(poller.Wait(Nanos(0)).empty());
  }).join();
}

}  // namespace
}  // namespace broadside
