#include "cli/target/target_options.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "cli/target/http_chars.h"
#include "common/core/limits.h"
#include "common/core/status.h"

namespace broadside {

namespace {

absl::Status Wrong(std::string_view option, std::string_view value, std::string_view allowed) {
  return InvalidArgument(option, ": '", value, "' is not allowed; allowed: ", allowed);
}

constexpr std::string_view kListenAllowed =
    "ADDRESS:PORT with a numeric address, such as 127.0.0.1:8000, [::1]:8000 or :8000 (all "
    "addresses), port 0 to 65535 (0 = any)";
constexpr std::string_view kErrorRateAllowed = "a fraction from 0 to 1 (0.01) or a percentage (1%)";
constexpr std::string_view kBodySizeAllowed = "0 to 64MiB, in bytes (1024) or as 64KiB, 10MiB";
constexpr std::string_view kVersionAllowed =
    "a value (0.2) or 'Name: value' (X-Version: 0.2) of printable characters";

bool IsNumericAddress(const std::string& address) {
  in6_addr parsed;
  return inet_pton(AF_INET, address.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

bool IsVersionHeader(const VersionHeader& header) {
  const auto is_name = [](char c) { return IsTokenChar(c); };
  const auto is_value = [](char c) { return IsFieldChar(c); };
  return !header.name.empty() && header.name.size() <= 64 && header.value.size() <= 256 &&
         std::all_of(header.name.begin(), header.name.end(), is_name) &&
         std::all_of(header.value.begin(), header.value.end(), is_value);
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Wrong("--listen", text, kListenAllowed);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "0.0.0.0";
  if (host == "localhost") host = "127.0.0.1";
  ListenAddress listen;
  listen.address = std::string(host);
  uint32_t number = 0;
  const bool digits = !port.empty() && std::all_of(port.begin(), port.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(ToAbsl(port), &number) || number > 65535 ||
      !IsNumericAddress(listen.address) ||
      bracketed != (host.find(':') != std::string_view::npos)) {
    return Wrong("--listen", text, kListenAllowed);
  }
  listen.port = static_cast<uint16_t>(number);
  return listen;
}

absl::StatusOr<double> ParseErrorRate(std::string_view text) {
  std::string_view number = text;
  double scale = 1;
  if (!number.empty() && number.back() == '%') {
    number.remove_suffix(1);
    scale = 100;
  }
  double rate = 0;
  if (!absl::SimpleAtod(ToAbsl(number), &rate) || !(rate >= 0 && rate <= scale)) {
    return Wrong("--error-rate", text, kErrorRateAllowed);
  }
  return rate / scale;
}

absl::StatusOr<size_t> ParseBodySize(std::string_view text) {
  std::string_view number = text;
  uint64_t unit = 1;
  if (text.ends_with("KiB")) unit = 1u << 10;
  if (text.ends_with("MiB")) unit = 1u << 20;
  if (unit > 1) number.remove_suffix(3);
  uint64_t size = 0;
  const bool digits =
      !number.empty() && std::all_of(number.begin(), number.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(ToAbsl(number), &size) ||
      size > limits::kTargetBodyBytesMax / unit) {
    return Wrong("--body-size", text, kBodySizeAllowed);
  }
  return static_cast<size_t>(size * unit);
}

absl::StatusOr<VersionHeader> ParseVersionHeader(std::string_view text) {
  VersionHeader header;
  const size_t colon = text.find(':');
  std::string_view value = text;
  if (colon != std::string_view::npos) {
    header.name = std::string(text.substr(0, colon));
    value = text.substr(colon + 1);
  }
  header.value = std::string(ToStd(absl::StripAsciiWhitespace(ToAbsl(value))));
  if (header.value.empty() || !IsVersionHeader(header)) {
    return Wrong("--version-header", text, kVersionAllowed);
  }
  return header;
}

absl::Status Validate(const TargetOptions& options) {
  if (!IsNumericAddress(options.listen.address)) {
    return Wrong("--listen", options.listen.address, kListenAllowed);
  }
  if (!(options.error_rate >= 0 && options.error_rate <= 1)) {
    return Wrong("--error-rate", Concat(options.error_rate), kErrorRateAllowed);
  }
  if (options.body_bytes > limits::kTargetBodyBytesMax) {
    return Wrong("--body-size", Concat(options.body_bytes), kBodySizeAllowed);
  }
  if (!IsVersionHeader(options.version)) {
    return Wrong("--version-header", Concat(options.version.name, ": ", options.version.value),
                 kVersionAllowed);
  }
  if (options.threads < 1 || options.threads > limits::kTargetThreadsMax) {
    return Wrong("--threads", Concat(options.threads), Concat("1 to ", limits::kTargetThreadsMax));
  }
  if (options.stalls.size() > limits::kTargetStallsMax) {
    return Wrong("--stall", Concat(options.stalls.size(), " times"),
                 Concat("up to ", limits::kTargetStallsMax, " times"));
  }
  return absl::OkStatus();
}

}  // namespace broadside
