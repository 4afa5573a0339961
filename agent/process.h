#pragma once

// What an agent asks of its process and host. Thread-safe.

#include <string>

namespace broadside {

// The host's name: in a pod the name of the pod.
std::string HostName();
// CPUs that this process may use, less one for home and the kernel's work, at least one, at most
// limits::kShardsMax.
int DefaultThreads();

}  // namespace broadside
