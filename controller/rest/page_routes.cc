// The live page.

#include <string>
#include <utility>

#include "common/core/utf8.h"
#include "controller/rest/encoding.h"
#include "controller/rest/etag.h"
#include "controller/rest/rest_api.h"
#include "web/page_assets.h"

namespace broadside {
namespace {

// What the page may do: talk to this controller, and nothing else. It has no inline script or
// style.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void SendAsset(const CallPtr& call, const PageAsset& asset) {
  const bool gzip = AcceptsGzip(call->request.Header("accept-encoding"));
  // Two encodings are two representations, each with its own tag.
  const std::string etag = Concat("\"", asset.digest, gzip ? "-gzip" : "", "\"");
  HttpResponse response{
      .status = 200,
      .content_type = std::string(asset.content_type),
      // Kept, but asked for each time: after an update of the controller no old part is used.
      .headers = {{"Cache-Control", "no-cache"},
                  {"ETag", etag},
                  {"Vary", "Accept-Encoding"},
                  {"Content-Security-Policy", kPolicy},
                  {"X-Content-Type-Options", "nosniff"},
                  {"X-Frame-Options", "DENY"},
                  {"Referrer-Policy", "no-referrer"},
                  {"Cross-Origin-Opener-Policy", "same-origin"},
                  {"Cross-Origin-Resource-Policy", "same-origin"}}};
  if (EtagMatches(call->request.Header("if-none-match"), etag)) {
    response.status = 304;
    response.content_type = "";
    return call->Send(std::move(response));
  }
  if (gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  response.body = gzip ? asset.gzip : asset.content;
  call->Send(std::move(response));
}

}  // namespace

void RestApi::Page(const CallPtr& call) { SendAsset(call, *FindPageAsset("index.html")); }

void RestApi::Asset(const CallPtr& call) {
  const std::string& name = call->path_values[0];
  const PageAsset* asset = FindPageAsset(name);
  if (asset == nullptr) return call->Fail(404, Concat("the page has no part ", Quoted(name)));
  SendAsset(call, *asset);
}

}  // namespace broadside
