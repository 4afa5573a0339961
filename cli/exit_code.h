#pragma once

// Exit codes of `broadside`, the first that applies. 99, 104 and 105 mean what they mean in k6, so
// that scripts move over unchanged.

namespace broadside {

enum ExitCode : int {
  kExitGood = 0,
  kExitFailure = 1,            // failed or inconsistent, or any other failure
  kExitGeneratorInvalid = 97,  // the verdict on the generator is invalid
  kExitThresholdsFailed = 99,
  kExitBadInput = 104,  // invalid spec or flags
  kExitAborted = 105,   // by a signal or by a user's stop
};

}  // namespace broadside
