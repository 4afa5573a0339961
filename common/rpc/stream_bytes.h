#pragma once

// A message of the fleet's streams to and from the raw bytes that gRPC moves. The streams carry raw
// bytes, so that bytes that are no message can be told from the end of the stream. Pure functions,
// for both ends and any thread; linear in the size of the message.

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/core/check.h"
#include "common/core/status.h"
#include "common/wire/fleet_proto.h"

namespace broadside {

// The domain's message in `bytes`, which are used up; the error says what is wrong with them.
template <typename Proto>
auto FromBytes(grpc::ByteBuffer* bytes) -> decltype(FromProto(Proto())) {
  Proto proto;
  if (!grpc::SerializationTraits<Proto>::Deserialize(bytes, &proto).ok()) {
    return InvalidArgument("the message is not a ", Proto::descriptor()->full_name());
  }
  return FromProto(proto);
}

// Replaces `bytes` by those of `proto`.
template <typename Proto>
void ToBytes(const Proto& proto, grpc::ByteBuffer* bytes) {
  bytes->Clear();
  bool own_buffer = false;
  const grpc::Status status =
      grpc::SerializationTraits<Proto>::Serialize(proto, bytes, &own_buffer);
  BS_CHECK(status.ok()) << status.error_message();
}

}  // namespace broadside
