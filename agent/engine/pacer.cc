#include "agent/engine/pacer.h"

#include <algorithm>

#include "common/core/mutant.h"

namespace broadside {
namespace {

void Add(std::vector<SlotTally>& tallies, int64_t k, int64_t count) {
  if (count == 0) return;
  if (tallies.empty() || tallies.back().k != k) tallies.push_back({k, 0});
  tallies.back().count += static_cast<uint64_t>(count);
}

// The first slot of the segment that is due at or after `now`; its end if there is none.
Slot FirstNotBefore(const Segment& segment, TestTime now) {
  if (now <= SegmentStart(segment.k)) return segment.slots.from;
  if (now >= SegmentStart(segment.k + 1)) return segment.slots.until;
  const Curve curve = Curve::FromPieces(segment.pieces);
  Slot low = segment.slots.from;
  Slot high = segment.slots.until;
  while (low < high) {
    const Slot middle = low + (high - low) / 2;
    if (curve.Due(middle) < now) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

std::optional<Arc> Pacer::OwnArc(const Arc& arc) const {
  if (options_.part >= options_.parts) return std::nullopt;
  const std::vector<uint32_t> weights(static_cast<size_t>(options_.parts), 1);
  return DivideArc(arc, weights)[static_cast<size_t>(options_.part)];
}

int64_t Pacer::Extend(const Grant& grant, TestTime now) {
  const Segment& segment = grant.segment;
  const std::optional<Arc> own = OwnArc(grant.arc);
  if (!own.has_value()) return 0;
  const int64_t total = CountSlots(*own, options_.arc_offset, segment.slots);
  if (total == 0) return 0;
  if (cut_) {
    Add(cancelled_, segment.k, total);
    return total;
  }
  SlotRange rest{FirstNotBefore(segment, now), segment.slots.until};
  if (rest.from > segment.slots.from) {
    const SlotRange late{segment.slots.from, rest.from};
    Add(skipped_, segment.k, CountSlots(*own, options_.arc_offset, late));
  }
  if (BROADSIDE_MUTANT("late_slot_also_sent") && rest.from > segment.slots.from) --rest.from;
  if (rest.Size() == 0) return total;
  held_.push_back({segment.k, rest, *own, Nanos(kSegment) / total,
                   ArcWalker(*own, options_.arc_offset), DueCursor(segment.pieces)});
  held_.back().walker.Seek(rest.from);
  if (!head_.has_value()) LoadHead();
  return total;
}

void Pacer::LoadHead() {
  head_.reset();
  while (!held_.empty()) {
    Held& held = held_.front();
    const Slot slot = held.walker.slot();
    if (slot < held.slots.until) {
      head_ = DueSlot{slot, held.k, held.cursor.Due(slot)};
      return;
    }
    held_.pop_front();
  }
}

void Pacer::Advance() {
  previous_due_ = head_->due;
  held_.front().walker.Next();
  LoadHead();
}

TestTime Pacer::Release() const {
  if (!previous_due_.has_value() || released_ == TestTime::min()) return head_->due;
  // A slot after a lull does not pay for the lull. No gap of an even stream is over 1.86 means.
  const Nanos gap = std::min(head_->due - *previous_due_, 2 * held_.front().mean_gap);
  return std::max(head_->due, released_ + gap * 4 / 5);
}

void Pacer::SkipLate(TestTime now) {
  while (head_.has_value() && now - head_->due > options_.max_lateness) {
    if (!BROADSIDE_MUTANT("late_slots_forgotten")) Add(skipped_, head_->k, 1);
    Advance();
  }
}

std::optional<DueSlot> Pacer::TakeDue(TestTime now) {
  SkipLate(now);
  if (!head_.has_value()) return std::nullopt;
  TestTime release = Release();
  if (BROADSIDE_MUTANT("sent_too_early")) release -= Millis(30);
  if (now < release) return std::nullopt;
  released_ = now - release > kPacerHiccup ? now - kPacerSlack : release;
  const DueSlot taken = *head_;
  Advance();
  return taken;
}

void Pacer::Cut() {
  cut_ = true;
  for (const Held& held : held_) {
    SlotRange unsent{held.walker.slot(), held.slots.until};
    if (BROADSIDE_MUTANT("cut_forgets_a_slot")) ++unsent.from;
    if (unsent.Size() <= 0) continue;
    Add(cancelled_, held.k, CountSlots(held.arc, options_.arc_offset, unsent));
  }
  held_.clear();
  head_.reset();
}

std::optional<TestTime> Pacer::NextRelease() const {
  if (!head_.has_value()) return std::nullopt;
  return Release();
}

std::optional<TestTime> Pacer::NextDue() const {
  if (!head_.has_value()) return std::nullopt;
  return head_->due;
}

std::optional<TestTime> Pacer::NextSkip() const {
  if (!head_.has_value()) return std::nullopt;
  return head_->due + options_.max_lateness;
}

}  // namespace broadside
