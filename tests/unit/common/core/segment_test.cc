#include "common/core/segment.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace broadside {
namespace {

Grant SomeGrant() {
  Grant grant;
  grant.segment = {
      7, {700, 800}, {{0, 60'000, 0, 100 * kMicro, 100 * kMicro}}, SegmentKind::kPlanned};
  grant.arc = {5, 500};
  return grant;
}

TEST(SegmentTest, AGrantHashesToTheSameOnEveryMachine) {
  // FNV-1a, computed by another program.
  EXPECT_EQ(GrantHash(SomeGrant()), 1649630211094338265u);
}

TEST(SegmentTest, AnyOtherContentHasAnotherHash) {
  const std::vector<std::function<void(Grant&)>> changes = {
      [](Grant&) {},
      [](Grant& g) { ++g.segment.k; },
      [](Grant& g) { ++g.segment.slots.from; },
      [](Grant& g) { ++g.segment.slots.until; },
      [](Grant& g) { ++g.arc.lo; },
      [](Grant& g) { ++g.arc.last; },
      [](Grant& g) { ++g.segment.pieces[0].start_ms; },
      [](Grant& g) { ++g.segment.pieces[0].duration_ms; },
      [](Grant& g) { ++g.segment.pieces[0].c0; },
      [](Grant& g) { ++g.segment.pieces[0].rate_from; },
      [](Grant& g) { ++g.segment.pieces[0].rate_to; },
      [](Grant& g) { g.segment.pieces.push_back({}); },
      [](Grant& g) { g.segment.pieces.clear(); }};
  std::set<uint64_t> hashes;
  for (const std::function<void(Grant&)>& change : changes) {
    Grant grant = SomeGrant();
    change(grant);
    hashes.insert(GrantHash(grant));
  }
  EXPECT_EQ(hashes.size(), changes.size());
}

}  // namespace
}  // namespace broadside
