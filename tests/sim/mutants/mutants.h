#pragma once

// The deliberate bugs of BROADSIDE_MUTANT (common/core/mutant.h) and what each breaks.

#include <array>
#include <cstdint>
#include <string_view>

namespace broadside::sim {

struct Mutant {
  std::string_view name;
  std::string_view breaks;
};

inline constexpr std::array kMutants = std::to_array<Mutant>({
    // The plan.
    {"plan_boundary", "a segment has one slot more than the curve, which the next one has too"},
    {"share_twice", "all owners get the arc of the first"},
    {"redelivered_by_present_shares", "a grant that is sent again has today's arc"},
    {"horizon_too_long", "a segment more than the horizon is appended"},
    {"unassigned_not_booked", "a segment without owners has no outcome"},
    {"draining_agent_owns", "an agent that drains is given further segments"},
    // Commit, then let out.
    {"ack_before_commit", "a report is acknowledged before it is durable"},
    {"grant_before_commit", "a grant goes out before its segment is durable"},
    {"mark_not_durable", "the high-water mark of a report is not stored with it"},
    {"partition_not_stored", "new shares are not stored"},
    // The stream.
    {"epoch_not_compared", "an agent follows an older controller of its store"},
    {"reports_not_resent", "after a reconnect unacknowledged reports stay behind"},
    {"ack_drops_one_more", "an acknowledgement also drops the next report"},
    {"redelivery_skips_one", "the first grant that an agent misses is not sent again"},
    {"silence_not_noticed", "an agent never gives up a stream on which nothing comes"},
    // The agent's results.
    {"settled_too_early", "an interval is called settled with a slot open"},
    {"one_shard_settles_for_all", "what the last shard settled counts for all"},
    {"pending_results_replaced", "newer results replace what waits to be reported"},
    {"late_slots_forgotten", "a slot that became too late has no outcome"},
    {"late_slot_also_sent", "the last slot due before its grant is skipped and sent"},
    {"cut_forgets_a_slot", "a cut cancels one slot too few"},
    {"sent_too_early", "a shard sends 30 ms before the release"},
    // The controller's books.
    {"ledger_not_restored", "a restarted controller forgets what was reported"},
    {"written_off_at_once", "a restarted controller gives up what is owed in its first tick"},
    {"waits_for_owners_for_ever", "a restarted controller waits for owners that are gone"},
    {"stopped_before_certain", "stopped is said while somebody may still send"},
    {"closed_second_changes", "a late answer changes a closed second"},
    {"settled_while_answers_come", "an interval settles while answers may still come"},
});

}  // namespace broadside::sim
