#include "common/net/random_id.h"

#include <sys/random.h>

#include "common/core/check.h"

namespace broadside {

uint64_t RandomUint64() {
  uint64_t value = 0;
  // Never short for up to 256 bytes, and fails only for a wrong pointer or flag.
  BS_CHECK(getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

Incarnation RandomIncarnation() { return {RandomUint64(), RandomUint64()}; }

std::string RandomTestId() {
  constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string id = "t-";
  for (int half = 0; half < 2; ++half) {
    uint64_t bits = RandomUint64();
    for (int i = 0; i < 8; ++i, bits >>= 5) id += kAlphabet[bits & 31];
  }
  return id;
}

}  // namespace broadside
