#pragma once

// The bytes of a test's request, serialised once. Every request of the test sends the same bytes;
// with the slot header the digits of one field are patched in place before each send.
//
// Owned by one shard (patching is not thread-safe). Built once per test, then free of cost.

#include <string>
#include <string_view>

#include "common/core/curve.h"
#include "common/core/test_spec.h"

namespace broadside {

class RequestTemplate {
 public:
  // Adds Host, User-Agent, Content-Length (with a body, or for POST, PUT and PATCH) and, without
  // keep-alive, `Connection: close`, unless the spec has the field.
  RequestTemplate(const TestSpec& spec, std::string_view user_agent, bool slot_header);

  // The request of a slot. Valid until the next call.
  std::string_view ForSlot(Slot slot);
  size_t size() const { return bytes_.size(); }
  bool is_head() const { return is_head_; }
  // Whether sending the request twice is the same as sending it once (RFC 9110, 9.2.2).
  bool is_idempotent() const { return is_idempotent_; }

 private:
  std::string bytes_;
  size_t slot_at_ = 0;  // where the slot's digits go; 0 without slot header
  bool is_head_ = false;
  bool is_idempotent_ = false;
};

}  // namespace broadside
