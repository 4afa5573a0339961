#pragma once

// The fleet's messages (common/core/fleet_messages.h) <-> broadside.v1 messages. Pure functions,
// any thread; linear in the size of the message, one copy of each part.
//
// FromProto takes nothing on trust: it refuses what breaks limits.h, is out of order or contradicts
// itself, with INVALID_ARGUMENT "report.tests[0].by_due[3].outcomes: 15 entries exceed 14". What a
// later minor version could add is tolerated: unknown fields are ignored, an unknown segment kind
// is an ordinary segment, an unknown reject reason is kUnspecified. An unknown load model is
// refused: it would mean other load.

#include "absl/status/statusor.h"
#include "broadside/v1/fleet.pb.h"
#include "common/core/fleet_messages.h"

namespace broadside {

v1::AttachRequest ToProto(const AgentMessage& message);
// A Hello must be alone. Outcomes that only the controller books (unassigned, unknown) are refused
// in a report.
absl::StatusOr<AgentMessage> FromProto(const v1::AttachRequest& proto);

// REQUIRES: each TestStart has a spec.
v1::AttachResponse ToProto(const ControllerMessage& message);
absl::StatusOr<ControllerMessage> FromProto(const v1::AttachResponse& proto);

void ToProto(const Piece& piece, v1::Piece* proto);
void ToProto(const Grant& grant, v1::Grant* proto);
// The pieces adjoin and hold the grant's slots, so that every slot has a due time.
absl::StatusOr<Grant> FromProto(const v1::Grant& proto);

}  // namespace broadside
