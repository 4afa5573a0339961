#include "cli/grpc_log.h"

#include <grpc/support/log.h>

#include <string>

#include "common/net/log.h"

namespace broadside {
namespace {

void OnGrpcLine(gpr_log_func_args* line) {
  Log(LogLevel::kDebug, "grpc",
      {{"severity", gpr_log_severity_string(line->severity)}, {"message", line->message}});
}

}  // namespace

void RedirectGrpcLog() { gpr_set_log_function(&OnGrpcLine); }

}  // namespace broadside
