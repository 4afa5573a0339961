#include "controller/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/wire/random_spec.h"
#include "tests/unit/controller/store/store_rig.h"

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TestRecord SmallTest(const TestId& id, int64_t created_at_s = 1) {
  std::mt19937_64 random(1);
  TestRecord test;
  test.id = id;
  test.spec = std::make_shared<const TestSpec>(RandomSpec(random));
  test.created_at = WallTime(Seconds(created_at_s));
  return test;
}

StoreBatch BatchOf(TestRecord test) {
  StoreBatch batch;
  batch.tests.push_back(std::move(test));
  return batch;
}

TEST(StoreTest, ANewStoreIsEmptyAndHasAnIdentity) {
  const StoreDirectory directory;
  const OpenStore open = MustOpen(directory.path() + "/made/on/the/way");
  EXPECT_EQ(open.state.store_uuid.size(), 32u);
  EXPECT_EQ(open.state.epoch, 1u);
  EXPECT_THAT(open.state.unended, IsEmpty());
  EXPECT_THAT(open.state.ended, IsEmpty());
  EXPECT_THAT(open.state.acked, IsEmpty());
  EXPECT_THAT(open.state.ledger, IsEmpty());
}

TEST(StoreTest, TheEpochRisesAtEachOpenAndTheUuidStays) {
  const StoreDirectory directory;
  const std::string uuid = MustOpen(directory.path()).state.store_uuid;
  for (uint64_t epoch = 2; epoch < 6; ++epoch) {
    const OpenStore open = MustOpen(directory.path());
    EXPECT_EQ(open.state.epoch, epoch);
    EXPECT_EQ(open.state.store_uuid, uuid);
  }
}

TEST(StoreTest, WhatWasWrittenIsThereAfterAReopen) {
  const StoreDirectory directory;
  {
    const OpenStore open = MustOpen(directory.path());
    ASSERT_TRUE(Write(*open.store, BatchOf(SmallTest("t-1"))).ok());
  }
  const OpenStore open = MustOpen(directory.path());
  ASSERT_EQ(open.state.unended.size(), 1u);
  EXPECT_EQ(open.state.unended[0].test.id, "t-1");
  const std::optional<TestRecord> read = ReadTest(*open.store, "t-1");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read->spec, *SmallTest("t-1").spec);
}

TEST(StoreTest, ASecondOpenIsRefusedUntilTheFirstEnds) {
  const StoreDirectory directory;
  StoredState state;
  {
    const OpenStore open = MustOpen(directory.path());
    const absl::Status refused = Store::Open(directory.path(), &state).status();
    EXPECT_EQ(refused.message(),
              directory.path() +
                  " is in use by another controller: stop it or choose another directory with "
                  "--data");
  }
  EXPECT_TRUE(Store::Open(directory.path(), &state).ok());
}

}  // namespace
}  // namespace broadside
