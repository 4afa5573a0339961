#pragma once

namespace broadside {

// gRPC's own lines go to our log, at level debug: what matters in them our own events say. Call it
// before gRPC is used.
void RedirectGrpcLog();

}  // namespace broadside
