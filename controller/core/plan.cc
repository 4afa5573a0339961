#include "controller/core/plan.h"

#include <algorithm>
#include <utility>

#include "common/core/arc.h"
#include "common/core/check.h"
#include "common/core/limits.h"
#include "common/core/mutant.h"

namespace broadside {
namespace {

constexpr Arc kCircle{};

bool SameOwners(const std::vector<Owner>& present, const std::vector<Candidate>& wanted) {
  return std::equal(present.begin(), present.end(), wanted.begin(), wanted.end(),
                    [](const Owner& owner, const Candidate& candidate) {
                      return owner.incarnation == candidate.incarnation &&
                             owner.weight == candidate.weight;
                    });
}

bool Ascend(const std::vector<Candidate>& candidates) {
  return std::is_sorted(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return a.incarnation < b.incarnation; });
}

std::vector<Owner> DivideCircle(const std::vector<Candidate>& candidates) {
  BS_CHECK(Ascend(candidates)) << candidates.size();
  std::vector<uint32_t> weights;
  weights.reserve(candidates.size());
  for (const Candidate& candidate : candidates) weights.push_back(candidate.weight);
  const std::vector<std::optional<Arc>> arcs = DivideArc(kCircle, weights);
  std::vector<Owner> owners;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!arcs[i].has_value()) continue;
    owners.push_back(
        {candidates[i].incarnation, candidates[i].name, candidates[i].weight, *arcs[i]});
    if (BROADSIDE_MUTANT("share_twice")) owners.back().arc = owners.front().arc;
  }
  return owners;
}

// Order of newcomers: a hash of test and incarnation, the same after a restart.
uint64_t Rank(uint64_t test_hash, const Incarnation& incarnation) {
  uint64_t x = test_hash ^ incarnation.hi ^ (incarnation.lo * kGoldenRotation);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<Candidate> ChooseOwners(const TestId& test, const std::vector<Candidate>& eligible,
                                    const std::vector<Owner>& present, MicroRate peak, int64_t min,
                                    AgentsUse use) {
  const auto fleet = static_cast<int64_t>(eligible.size());
  const MicroRate per_owner = limits::kRatePerOwner * kMicro;
  int64_t wanted = use == AgentsUse::kAll ? fleet : (peak + per_owner - 1) / per_owner;
  wanted = std::max({wanted, min, static_cast<int64_t>(present.size()), int64_t{1}});
  const auto count = static_cast<size_t>(std::min(wanted, fleet));

  struct Ranked {
    bool newcomer;
    uint64_t rank;
    const Candidate* candidate;
  };
  const uint64_t test_hash = ArcOffset(test);
  std::vector<Ranked> ranked;
  ranked.reserve(eligible.size());
  std::vector<Incarnation> owners;
  for (const Owner& owner : present) owners.push_back(owner.incarnation);
  std::sort(owners.begin(), owners.end());
  for (const Candidate& candidate : eligible) {
    const bool owns = std::binary_search(owners.begin(), owners.end(), candidate.incarnation);
    ranked.push_back({!owns, Rank(test_hash, candidate.incarnation), &candidate});
  }
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return std::pair(a.newcomer, a.rank) < std::pair(b.newcomer, b.rank);
  });
  std::vector<Candidate> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(*ranked[i].candidate);
  // Arcs lie in the order of incarnations, so that one that comes or goes moves the others' little.
  std::sort(chosen.begin(), chosen.end(),
            [](const Candidate& a, const Candidate& b) { return a.incarnation < b.incarnation; });
  return chosen;
}

const Owner* FindOwner(const std::vector<Owner>& owners, const Incarnation& agent) {
  const auto at = std::lower_bound(
      owners.begin(), owners.end(), agent,
      [](const Owner& owner, const Incarnation& wanted) { return owner.incarnation < wanted; });
  return at != owners.end() && at->incarnation == agent ? &*at : nullptr;
}

Plan::Plan(TestId test, Curve curve)
    : test_(std::move(test)), offset_(ArcOffset(test_)), curve_(std::move(curve)) {}

Segment Plan::Make(int64_t k, const SlotRange& slots, SegmentKind kind) const {
  return {k, slots, curve_.PiecesBetween(k * 1000, k * 1000 + 1000), kind};
}

Plan::Appended Plan::Append(const std::vector<Candidate>& owners, SegmentKind kind) {
  BS_CHECK(!Complete()) << test_ << " ends with segment " << appended_through_;
  const int64_t k = appended_through_ + 1;
  Appended appended;
  appended.segment = Make(k, curve_.SegmentSlots(k), kind);
  if (BROADSIDE_MUTANT("plan_boundary")) ++appended.segment.slots.until;
  if (!owners.empty()) {
    if (partition_ == kNoPartition || !SameOwners(owners_, owners)) {
      owners_ = DivideCircle(owners);
      const int64_t before = std::exchange(partition_, next_partition_++);
      partitions_[partition_].owners = owners_;
      ForgetIfUnused(before);
      appended.new_partition = true;
    }
    ++partitions_.at(partition_).segments;
    appended.partition = partition_;
    appended.owners = owners_;
    int64_t sum = 0;
    for (const Owner& owner : owners_) {
      appended.slots.push_back(CountSlots(owner.arc, offset_, appended.segment.slots));
      sum += appended.slots.back();
    }
    BS_CHECK(sum == appended.segment.slots.Size())
        << "arcs of " << test_ << " hold " << sum << " of " << appended.segment.slots.Size()
        << " slots";
  }
  segments_[k] = {test_, k, appended.segment.slots, appended.partition, kind};
  appended_through_ = k;
  return appended;
}

std::optional<Grant> Plan::GrantOf(const Incarnation& agent, int64_t k) const {
  const auto segment = segments_.find(k);
  const std::vector<Owner>* owners = PartitionOf(k);
  if (BROADSIDE_MUTANT("redelivered_by_present_shares")) owners = &owners_;
  if (segment == segments_.end() || owners == nullptr) return std::nullopt;
  const Owner* owner = FindOwner(*owners, agent);
  // An empty share was no message the first time either.
  if (owner == nullptr || CountSlots(owner->arc, offset_, segment->second.slots) == 0)
    return std::nullopt;
  return Grant{Make(k, segment->second.slots, segment->second.kind), owner->arc};
}

bool Plan::ChangeRate(int64_t from, MicroRate rate) {
  BS_CHECK(!Complete() && from > appended_through_) << test_ << " from " << from;
  // A piece that would have begun there or later is replaced.
  Curve changed = curve_.WithRateFrom(from * 1000, rate);
  if (changed.pieces().size() > limits::kCurvePiecesMax) return false;
  curve_ = std::move(changed);
  return true;
}

void Plan::ForgetIfUnused(int64_t partition) {
  const auto it = partitions_.find(partition);
  if (it == partitions_.end() || it->second.segments > 0 || partition == partition_) return;
  partitions_.erase(it);
}

void Plan::Drop(int64_t k) {
  const auto segment = segments_.find(k);
  if (segment == segments_.end()) return;
  const int64_t number = segment->second.partition;
  segments_.erase(segment);
  const auto partition = partitions_.find(number);
  if (partition == partitions_.end()) return;
  --partition->second.segments;
  ForgetIfUnused(number);
}

void Plan::Restore(const std::vector<PartitionRecord>& partitions,
                   const std::vector<SegmentRecord>& segments, int64_t appended_through) {
  for (const PartitionRecord& partition : partitions) {
    partitions_[partition.number].owners = partition.owners;
    next_partition_ = std::max(next_partition_, partition.number + 1);
  }
  for (const SegmentRecord& segment : segments) {
    segments_[segment.k] = segment;
    const auto partition = partitions_.find(segment.partition);
    if (partition == partitions_.end()) continue;
    ++partition->second.segments;
    partition_ = segment.partition;
    owners_ = partition->second.owners;
  }
  appended_through_ = appended_through;
}

SlotRange Plan::SlotsOf(int64_t k) const {
  const auto it = segments_.find(k);
  return it == segments_.end() ? SlotRange{} : it->second.slots;
}

const std::vector<Owner>* Plan::PartitionOf(int64_t k) const {
  const auto segment = segments_.find(k);
  if (segment == segments_.end()) return nullptr;
  const auto partition = partitions_.find(segment->second.partition);
  return partition == partitions_.end() ? nullptr : &partition->second.owners;
}

}  // namespace broadside
