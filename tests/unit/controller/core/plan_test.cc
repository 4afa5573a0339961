#include "controller/core/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace broadside {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Candidate Agent(uint64_t number, uint32_t weight = 2) {
  return {{5, number}, "agent-" + std::to_string(number), weight};
}

std::vector<Candidate> Agents(uint64_t count) {
  std::vector<Candidate> agents;
  for (uint64_t i = 1; i <= count; ++i) agents.push_back(Agent(i));
  return agents;
}

Curve Constant(int64_t rps, int64_t seconds) {
  return Curve::FromStages({{seconds * 1000, rps * kMicro, rps * kMicro}});
}

TEST(PlanTest, TheOwnersSlotsAddUpToTheSegment) {
  Plan plan("t", Constant(1001, 3));
  const Plan::Appended first = plan.Append({Agent(1, 2), Agent(2, 6)}, SegmentKind::kPlanned);
  ASSERT_THAT(first.slots, SizeIs(2));
  EXPECT_EQ(std::accumulate(first.slots.begin(), first.slots.end(), int64_t{0}), 1001);
  EXPECT_NEAR(static_cast<double>(first.slots[0]), 250, 2);  // 2 of 8 parts
}

TEST(PlanTest, AnUnchangedFleetKeepsItsPartition) {
  Plan plan("t", Constant(100, 3));
  EXPECT_TRUE(plan.Append(Agents(2), SegmentKind::kPlanned).new_partition);
  const Plan::Appended second = plan.Append(Agents(2), SegmentKind::kPlanned);
  EXPECT_FALSE(second.new_partition);
  EXPECT_EQ(second.partition, 0);
  EXPECT_EQ(plan.Append(Agents(3), SegmentKind::kPlanned).partition, 1);
  EXPECT_TRUE(plan.Complete());
}

TEST(PlanTest, AGrantIsTheSameHoweverOftenItIsAskedForEvenAfterARateChangeInARamp) {
  Plan plan("t", Curve::FromStages({{10'000, 0, 777'777'777}}));
  plan.Append(Agents(2), SegmentKind::kPlanned);
  plan.Append(Agents(2), SegmentKind::kPlanned);
  const std::optional<Grant> before = plan.GrantOf({5, 1}, 1);
  EXPECT_TRUE(plan.ChangeRate(2, 5 * kMicro));
  plan.Append(Agents(1), SegmentKind::kPlanned);
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(*before, *plan.GrantOf({5, 1}, 1));
  EXPECT_EQ(GrantHash(*before), GrantHash(*plan.GrantOf({5, 1}, 1)));
}

TEST(PlanTest, AnOwnerIsFoundInItsPartitionAndNobodyElse) {
  Plan plan("t", Constant(100, 3));
  const std::vector<Owner> owners =
      plan.Append({Agent(2), Agent(4), Agent(6)}, SegmentKind::kPlanned).owners;
  for (uint64_t i = 1; i <= 7; ++i) {
    const Owner* owner = FindOwner(owners, {5, i});
    EXPECT_EQ(owner == nullptr ? "" : owner->name, i % 2 == 0 ? Agent(i).name : "");
  }
  EXPECT_EQ(FindOwner({}, {5, 1}), nullptr);
}

TEST(PlanTest, ASegmentWithoutOwnersBelongsToNobody) {
  Plan plan("t", Constant(100, 3));
  plan.Append(Agents(1), SegmentKind::kPlanned);
  const Plan::Appended gap = plan.Append({}, SegmentKind::kPlanned);
  EXPECT_EQ(gap.partition, kNoPartition);
  EXPECT_THAT(gap.owners, IsEmpty());
  EXPECT_FALSE(plan.GrantOf({5, 1}, 1).has_value());
  EXPECT_EQ(plan.PartitionOf(1), nullptr);
  EXPECT_EQ(plan.Append(Agents(1), SegmentKind::kPlanned).partition, 0)
      << "the same owners as before the gap";
}

TEST(PlanTest, DropForgetsASegmentAndThePartitionOfNoSegment) {
  Plan plan("t", Constant(100, 5));
  plan.Append(Agents(1), SegmentKind::kPlanned);
  plan.Append(Agents(2), SegmentKind::kPlanned);
  plan.Append(Agents(2), SegmentKind::kBridge);
  plan.Drop(1);
  EXPECT_TRUE(plan.GrantOf({5, 1}, 0).has_value()) << "an earlier one may stay";
  EXPECT_FALSE(plan.GrantOf({5, 2}, 1).has_value());
  EXPECT_TRUE(plan.GrantOf({5, 2}, 2).has_value());
  EXPECT_EQ(plan.SlotsOf(1), SlotRange{});
  EXPECT_EQ(plan.SlotsOf(2).Size(), 100);
  plan.Drop(0);
  EXPECT_EQ(plan.PartitionOf(0), nullptr);
  plan.Drop(2);
  plan.Drop(2);  // nothing is there any more
  EXPECT_EQ(plan.Append(Agents(2), SegmentKind::kPlanned).partition, 1)
      << "the owners of the last segment stay";
}

TEST(PlanTest, APartitionGoesWithItsLastSegment) {
  Plan plan("t", Constant(100, 5));
  plan.Append(Agents(1), SegmentKind::kPlanned);
  plan.Append(Agents(1), SegmentKind::kPlanned);
  plan.Append(Agents(2), SegmentKind::kPlanned);
  EXPECT_EQ(plan.live_partitions(), 2u);
  plan.Drop(0);
  EXPECT_EQ(plan.live_partitions(), 2u);
  plan.Drop(1);
  EXPECT_EQ(plan.live_partitions(), 1u);
  // Dropped before the owners change: then the change takes it.
  plan.Drop(2);
  EXPECT_EQ(plan.live_partitions(), 1u);
  plan.Append(Agents(3), SegmentKind::kPlanned);
  EXPECT_EQ(plan.live_partitions(), 1u);
}

TEST(PlanTest, ARestoredPlanGoesOn) {
  Plan plan("t", Constant(100, 5));
  std::vector<PartitionRecord> partitions;
  for (int i = 0; i < 2; ++i) {
    const Plan::Appended appended = plan.Append(Agents(2), SegmentKind::kPlanned);
    if (appended.new_partition) partitions.push_back({"t", appended.partition, appended.owners});
  }
  std::vector<SegmentRecord> segments;
  for (const auto& [k, segment] : plan.segments()) segments.push_back(segment);
  Plan restored("t", Constant(100, 5));
  restored.Restore(partitions, segments, plan.appended_through());
  EXPECT_EQ(restored.GrantOf({5, 2}, 1), plan.GrantOf({5, 2}, 1));
  EXPECT_FALSE(restored.Append(Agents(2), SegmentKind::kPlanned).new_partition);
  EXPECT_EQ(restored.Append(Agents(3), SegmentKind::kPlanned).partition, 1);
}

TEST(ChooseOwnersTest, ASmallTestUsesAsManyAsItsPeakNeeds) {
  const auto count = [](MicroRate peak, int64_t min, uint64_t fleet) {
    return ChooseOwners("t", Agents(fleet), {}, peak, min, AgentsUse::kAuto).size();
  };
  EXPECT_EQ(count(50 * kMicro, 1, 10), 1u);  // ceil(50 / 50)
  EXPECT_EQ(count(51 * kMicro, 1, 10), 2u);  // ceil(51 / 50)
  EXPECT_EQ(count(1, 1, 10), 1u);
  EXPECT_EQ(count(0, 1, 10), 1u);
  EXPECT_EQ(count(1, 4, 10), 4u);  // agents.min
  EXPECT_EQ(count(5000 * kMicro, 1, 10), 10u);
  EXPECT_EQ(count(1, 4, 0), 0u);
}

TEST(ChooseOwnersTest, PresentOwnersStayAndTheirNumberNeverFalls) {
  std::vector<Owner> present;
  for (const uint64_t number : {3, 7}) present.push_back({{5, number}, "", 2, {}});
  const std::vector<Candidate> chosen =
      ChooseOwners("t", Agents(10), present, 1, 1, AgentsUse::kAuto);
  ASSERT_THAT(chosen, SizeIs(2));
  EXPECT_EQ(chosen[0].incarnation, (Incarnation{5, 3}));
  EXPECT_EQ(chosen[1].incarnation, (Incarnation{5, 7}));
}

TEST(ChooseOwnersTest, DifferentTestsUseDifferentAgents) {
  std::map<uint64_t, int> used;
  for (int i = 0; i < 100; ++i) {
    ++used[ChooseOwners("t-" + std::to_string(i), Agents(10), {}, 1, 1, AgentsUse::kAuto)[0]
               .incarnation.lo];
  }
  EXPECT_GT(used.size(), 7u);
}

TEST(ChooseOwnersTest, UseAllTakesEverybodyInTheOrderOfIncarnations) {
  std::vector<uint64_t> numbers;
  for (const Candidate& agent : ChooseOwners("t", Agents(4), {}, 1, 1, AgentsUse::kAll))
    numbers.push_back(agent.incarnation.lo);
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4));
}

}  // namespace
}  // namespace broadside
