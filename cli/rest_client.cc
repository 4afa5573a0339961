#include "cli/rest_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <chrono>

#include "cli/version.h"
#include "common/core/status.h"
#include "common/core/utf8.h"

namespace broadside {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

// Runs one asynchronous call to its end, or to the stream's timeout.
template <typename Start>
boost::system::error_code RunCall(asio::io_context& context, Start start) {
  boost::system::error_code result;
  start([&result](boost::system::error_code error, auto&&...) { result = error; });
  context.restart();
  context.run();
  return result;
}

// The call went out and may have been heard.
template <typename... Args>
absl::Status Lost(const Args&... args) {
  return absl::UnknownError(Concat(args...));
}

}  // namespace

absl::StatusOr<RestClient> RestClient::Make(std::string_view url) {
  std::string text(url);
  if (text.find("://") == std::string::npos) text = "http://" + text;
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed.has_value() || parsed->encoded_host().empty()) {
    return InvalidArgument("--controller ", url, " is no URL: give http://HOST:PORT");
  }
  if (parsed->scheme() != "http") {
    return InvalidArgument("--controller ", url, ": only http is supported");
  }
  if (parsed->has_port() && parsed->port_number() == 0) {
    return InvalidArgument("--controller ", url, ": the port must be 1 to 65535");
  }
  if ((!parsed->encoded_path().empty() && parsed->encoded_path() != "/") || parsed->has_query() ||
      parsed->has_fragment() || parsed->has_userinfo()) {
    return InvalidArgument("--controller ", url, ": give http://HOST:PORT and nothing more");
  }
  RestClient client;
  client.host_ = parsed->host_address();
  client.port_ = parsed->has_port() ? std::string(parsed->port()) : "8080";
  client.authority_ = std::string(parsed->encoded_host()) + ":" + client.port_;
  client.url_ = "http://" + client.authority_;
  return client;
}

absl::StatusOr<RestAnswer> RestClient::Call(const RestCall& call) const {
  asio::io_context context;
  beast::tcp_stream stream(context);
  stream.expires_after(call.timeout);
  boost::system::error_code error;
  asio::ip::tcp::resolver resolver(context);
  const auto addresses = resolver.resolve(host_, port_, error);
  if (error) {
    return Unavailable("cannot resolve ", host_, " (", error.message(),
                       "): check --controller or BROADSIDE_CONTROLLER");
  }
  error = RunCall(context, [&](auto done) { stream.async_connect(addresses, std::move(done)); });
  if (error) {
    return Unavailable("cannot reach the controller at ", url_, " (", error.message(),
                       "): is it running? Set --controller or BROADSIDE_CONTROLLER");
  }
  http::request<http::string_body> request;
  request.method_string(call.method);
  request.target("/api/v1" + call.path);
  request.version(11);
  request.set(http::field::host, authority_);
  request.set(http::field::user_agent, std::string("broadside/") + kVersion);
  request.set(http::field::accept, "application/json");
  if (!call.body.empty()) request.set(http::field::content_type, "application/json");
  if (!call.idempotency_key.empty()) request.set("Idempotency-Key", call.idempotency_key);
  request.body() = call.body;
  request.prepare_payload();
  error = RunCall(context, [&](auto done) { http::async_write(stream, request, std::move(done)); });
  if (error) return Lost("the connection to ", url_, " broke (", error.message(), ")");

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(256u << 20);
  error = RunCall(context,
                  [&](auto done) { http::async_read(stream, buffer, parser, std::move(done)); });
  if (error) return Lost("no answer from ", url_, " (", error.message(), ")");
  RestAnswer answer;
  answer.status = static_cast<int>(parser.get().result_int());
  answer.text = parser.get().body();
  answer.body = nlohmann::ordered_json::parse(answer.text, nullptr, false);
  if (answer.body.is_discarded()) answer.body = nullptr;
  return answer;
}

std::string PathSegment(std::string_view text) {
  return boost::urls::encode({text.data(), text.size()}, boost::urls::unreserved_chars);
}

std::vector<FieldError> FieldErrorsOf(const RestAnswer& answer) {
  std::vector<FieldError> fields;
  if (!answer.body.is_object() || !answer.body.contains("errors")) return fields;
  for (const auto& error : answer.body["errors"]) {
    fields.push_back({error.value("pointer", std::string()), error.value("detail", std::string())});
  }
  return fields;
}

std::string ProblemText(const RestAnswer& answer) {
  if (!answer.body.is_object()) return Concat("the controller answered ", answer.status);
  std::string text;
  for (const FieldError& field : FieldErrorsOf(answer)) {
    if (!text.empty()) text += "\n  ";
    text += Escaped(Concat(field.pointer, ": ", field.detail));
  }
  if (!text.empty()) return text;
  return answer.body.value("detail", answer.body.value("title", std::string("refused")));
}

}  // namespace broadside
