#include "common/core/status.h"

#include <gtest/gtest.h>

namespace broadside {
namespace {

TEST(StatusTest, StringViewsOfBothKindsAreTheSameBytes) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(ToStd(ToAbsl(text)), text);
}

TEST(StatusTest, ConcatTakesWordsAndNumbers) {
  EXPECT_EQ(Concat(std::string_view("rate: "), 5, " > ", std::string("4")), "rate: 5 > 4");
}

TEST(StatusTest, MakersGiveTheirCodeAndText) {
  const std::string_view name = "x";
  EXPECT_EQ(InvalidArgument(name, 1), absl::InvalidArgumentError("x1"));
  EXPECT_EQ(FailedPrecondition(name, 1), absl::FailedPreconditionError("x1"));
  EXPECT_EQ(Unavailable(name, 1), absl::UnavailableError("x1"));
  EXPECT_EQ(NotFound(name, 1), absl::NotFoundError("x1"));
  EXPECT_EQ(Internal(name, 1), absl::InternalError("x1"));
  EXPECT_EQ(ResourceExhausted(name, 1), absl::ResourceExhaustedError("x1"));
}

}  // namespace
}  // namespace broadside
