#include "common/wire/target_url.h"

#include <boost/url/host_type.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <string>

#include "common/core/limits.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

constexpr size_t kHostBytesMax = 253;

bool IsUrlCharacter(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != '\0' && std::string_view("-._~:/?#[]@!$&'()*+,;=%").find(c) != std::string_view::npos;
}

absl::Status CheckCharacters(std::string_view url) {
  for (size_t i = 0; i < url.size(); ++i) {
    if (IsUrlCharacter(url[i])) continue;
    const char* hint = static_cast<uint8_t>(url[i]) < 0x80
                           ? "percent-encode it"
                           : "percent-encode it, or write a host in punycode";
    return InvalidArgument("character ", i + 1,
                           " is not allowed in a URL: ", Quoted(url.substr(i, 1)), "; ", hint);
  }
  return absl::OkStatus();
}

absl::Status ReadScheme(boost::urls::scheme scheme, std::string_view name, uint16_t& port) {
  if (scheme == boost::urls::scheme::http) {
    port = 80;
  } else if (scheme == boost::urls::scheme::https) {
    port = 443;
  } else {
    return InvalidArgument("scheme ", Quoted(name), " is not supported; use http");
  }
  return absl::OkStatus();
}

absl::Status ReadPort(std::string_view text, uint16_t& port) {
  if (text.empty()) return absl::OkStatus();
  uint16_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || value == 0) {
    return InvalidArgument("port ", Quoted(text), " is not within 1 to 65535");
  }
  port = value;
  return absl::OkStatus();
}

absl::Status ReadHost(boost::urls::host_type type, std::string_view encoded, std::string& host) {
  if (encoded.empty()) return InvalidArgument("has no host");
  if (encoded.size() > kHostBytesMax) {
    return InvalidArgument("host: ", encoded.size(), " bytes exceed ", kHostBytesMax);
  }
  if (type == boost::urls::host_type::ipv6) {
    host = std::string(encoded.substr(1, encoded.size() - 2));
  } else if (type == boost::urls::host_type::ipvfuture) {
    return InvalidArgument("host ", Quoted(encoded), " is no IPv6 address");
  } else if (encoded.find('%') != std::string_view::npos) {
    return InvalidArgument("host ", Quoted(encoded), " is percent-encoded; write the name itself");
  } else {
    host = std::string(encoded);
  }
  return absl::OkStatus();
}

std::string_view View(boost::urls::string_view s) { return {s.data(), s.size()}; }

}  // namespace

absl::Status ParseTargetUrl(std::string_view url, Target& target) {
  if (url.empty()) return InvalidArgument("is empty");
  if (url.size() > limits::kUrlBytesMax) {
    return InvalidArgument(url.size(), " bytes exceed ", limits::kUrlBytesMax);
  }
  if (absl::Status s = CheckCharacters(url); !s.ok()) return s;
  const auto parsed = boost::urls::parse_uri(boost::urls::string_view(url.data(), url.size()));
  // Boost 1.81 takes "http://host:8x" for port 8 and path "x".
  if (parsed.has_error() ||
      (parsed->has_authority() && !parsed->encoded_path().empty() && !parsed->is_path_absolute())) {
    return InvalidArgument(Quoted(url), " is no URL (such as http://host:8080/path)");
  }
  const boost::urls::url_view view = parsed.value();
  std::string host;
  uint16_t port = 0;
  absl::Status s = ReadScheme(view.scheme_id(), View(view.scheme()), port);
  if (s.ok() && !view.has_authority()) {
    s = InvalidArgument(Quoted(url), " has no host (such as http://host:8080/path)");
  }
  if (s.ok() && view.has_userinfo()) {
    s = InvalidArgument("has a user name or password; send an Authorization header instead");
  }
  if (s.ok()) s = ReadHost(view.host_type(), View(view.encoded_host()), host);
  if (s.ok()) s = ReadPort(View(view.port()), port);
  if (s.ok() && view.has_fragment()) {
    s = InvalidArgument("has a fragment (\"#\"), which is never sent");
  }
  if (!s.ok()) return s;
  target.url = std::string(url);
  target.host = std::move(host);
  target.port = port;
  const std::string_view path = View(view.encoded_path());
  const std::string_view query = View(view.encoded_query());
  target.path =
      Concat(path.empty() ? std::string_view("/") : path, view.has_query() ? "?" : "", query);
  return absl::OkStatus();
}

}  // namespace broadside
