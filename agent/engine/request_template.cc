#include "agent/engine/request_template.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "common/core/status.h"

namespace broadside {
namespace {

// 13 digits hold the largest slot (9e12); leading zeros keep the length the same for all.
constexpr size_t kSlotDigits = 13;

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

bool HasHeader(const Target& target, std::string_view name) {
  return std::any_of(target.headers.begin(), target.headers.end(),
                     [&](const auto& field) { return EqualsIgnoringCase(field.first, name); });
}

bool IsOneOf(std::string_view method, std::initializer_list<std::string_view> methods) {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

std::string HostField(const Target& target) {
  const bool is_ipv6 = target.host.find(':') != std::string::npos;
  std::string host = is_ipv6 ? Concat("[", target.host, "]") : target.host;
  return target.port == 80 ? host : Concat(host, ":", target.port);
}

}  // namespace

RequestTemplate::RequestTemplate(const TestSpec& spec, std::string_view user_agent,
                                 bool slot_header) {
  const Target& target = spec.target;
  const auto add = [this](std::string_view name, std::string_view value) {
    bytes_ += Concat(name, ": ", value, "\r\n");
  };
  bytes_ = Concat(target.method, " ", target.path, " HTTP/1.1\r\n");
  if (!HasHeader(target, "Host")) add("Host", HostField(target));
  if (!HasHeader(target, "User-Agent")) add("User-Agent", user_agent);
  for (const auto& [name, value] : target.headers) add(name, value);
  const bool expects_body = IsOneOf(target.method, {"POST", "PUT", "PATCH"});
  if ((expects_body || !target.body.empty()) && !HasHeader(target, "Content-Length") &&
      !HasHeader(target, "Transfer-Encoding")) {
    add("Content-Length", std::to_string(target.body.size()));
  }
  if (!spec.connections.keepalive && !HasHeader(target, "Connection")) add("Connection", "close");
  if (slot_header) {
    bytes_ += "X-Broadside-Slot: ";
    slot_at_ = bytes_.size();
    bytes_ += std::string(kSlotDigits, '0') + "\r\n";
  }
  bytes_ += "\r\n";
  bytes_ += target.body;
  is_head_ = target.method == "HEAD";
  is_idempotent_ = IsOneOf(target.method, {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"});
}

std::string_view RequestTemplate::ForSlot(Slot slot) {
  if (slot_at_ != 0) {
    for (size_t i = kSlotDigits; i-- > 0; slot /= 10) {
      bytes_[slot_at_ + i] = static_cast<char>('0' + slot % 10);
    }
  }
  return bytes_;
}

}  // namespace broadside
