#pragma once

// What an agent asks of its process and host. Thread-safe.

#include <cstdint>
#include <string>

namespace broadside {

// The host's name: in a pod the name of the pod.
std::string HostName();
// CPUs that this process may use, less one for home and the kernel's work, at least one, at most
// limits::kShardsMax.
int DefaultThreads();
// Raises the limit of open descriptors, one a connection, as far as it may be raised. Returns what
// it is then; 0 when it cannot be read.
uint64_t RaiseDescriptorLimit();

}  // namespace broadside
