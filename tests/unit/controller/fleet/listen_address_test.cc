#include "controller/fleet/listen_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace broadside {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddressTest, TakesFreePorts) {
  EXPECT_TRUE(CheckListenAddress("127.0.0.1:0").ok());
  EXPECT_TRUE(CheckListenAddress("0.0.0.0:0").ok());
  EXPECT_TRUE(CheckListenAddress("localhost:0").ok());
}

TEST(ListenAddressTest, RefusesWhatIsNoHostAndPort) {
  for (const char* address : {"", ":", "9090", ":9090", "localhost", "localhost:", "localhost:http",
                              "localhost:65536", "localhost:-1", "::1:9090"}) {
    const absl::Status status = CheckListenAddress(address);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(status.ToString(), HasSubstr("as HOST:PORT")) << address;
  }
}

TEST(ListenAddressTest, SaysThatTheMachineHasNoSuchAddress) {
  // 192.0.2.0/24 is for documentation: nobody has it.
  EXPECT_THAT(CheckListenAddress("192.0.2.1:9090").ToString(), HasSubstr("no such address"));
}

}  // namespace
}  // namespace broadside
