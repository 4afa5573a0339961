#include "cli/target/answers.h"

#include "common/core/status.h"

namespace broadside {

namespace {

// Up to here a body is sent from behind its head, by one plain send.
constexpr size_t kSmallBodyBytes = 16 * 1024;

std::string_view Phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

std::string_view ConnectionField(Ending ending) {
  switch (ending) {
    case Ending::kKeepAlive:
      return "";
    case Ending::kKeepAliveHttp10:
      return "Connection: keep-alive\r\n";
    case Ending::kClose:
      return "Connection: close\r\n";
  }
  return "";
}

std::string MakeHead(int status, std::string_view content_type, size_t body_bytes, Ending ending,
                     std::string_view extra_fields) {
  // 204 has no body, and then no length either (RFC 9110 section 8.6).
  const std::string content = status == 204 ? ""
                                            : Concat("Content-Type: ", content_type,
                                                     "\r\nContent-Length: ", body_bytes, "\r\n");
  return Concat("HTTP/1.1 ", status, " ", Phrase(status), "\r\n", content, extra_fields,
                ConnectionField(ending), "\r\n");
}

}  // namespace

Answer MakeAnswer(int status, std::string_view content_type, std::string_view body, bool head_only,
                  Ending ending, std::string_view extra_fields) {
  Answer answer{status, MakeHead(status, content_type, body.size(), ending, extra_fields), {}};
  if (!head_only) answer.head += body;
  return answer;
}

Answers::Answers(const TargetOptions& options) : body_(options.body_bytes, 'x') {
  const VersionHeader& version = options.version;
  const std::string extra =
      version.value.empty() ? "" : Concat(version.name, ": ", version.value, "\r\n");
  const std::string_view error = "an error, as --error-rate asks\n";
  for (const Ending ending : {Ending::kKeepAlive, Ending::kKeepAliveHttp10, Ending::kClose}) {
    for (const bool head_only : {false, true}) {
      const bool small = body_.size() <= kSmallBodyBytes;
      Answer& ok = answers_[0][head_only][static_cast<size_t>(ending)];
      ok.head = MakeHead(200, "text/plain", body_.size(), ending, extra);
      if (!head_only && small) ok.head += body_;
      if (!head_only && !small) ok.body = body_;
      answers_[1][head_only][static_cast<size_t>(ending)] =
          MakeAnswer(503, "text/plain", error, head_only, ending, extra);
    }
  }
}

}  // namespace broadside
