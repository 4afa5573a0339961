#include "agent/process.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "common/core/limits.h"

namespace broadside {

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "agent";
  return name;
}

int DefaultThreads() {
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()) - 1, 1,
                    limits::kShardsMax);
}

}  // namespace broadside
