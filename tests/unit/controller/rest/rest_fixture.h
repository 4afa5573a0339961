#pragma once

// A REST server over a fake controller, on a real socket, with a client for whole answers. Used by
// one test's thread.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "controller/rest/rest_server.h"
#include "controller/rest/view_json.h"
#include "tests/support/raw_client.h"
#include "tests/unit/controller/rest/fake_commands.h"

namespace broadside {

inline constexpr char kMinimalSpec[] =
    R"({"name":"n","target":{"url":"http://h/"},"load":{"model":"open","stages":[{"duration":"1s","rate":10}]}})";

struct Answer {
  int status = 0;
  std::string head;
  std::string body;
  Json json;  // null for a body that is no JSON

  std::string Header(std::string_view name) const {
    const std::string line = "\r\n" + std::string(name) + ": ";
    const size_t at = head.find(line);
    if (at == std::string::npos) return "";
    const size_t from = at + line.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

inline Answer ParseAnswer(const std::string& text) {
  Answer answer;
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.head = text.substr(0, end + 2);
  answer.body = text.substr(end + 4);
  answer.status = std::atoi(answer.head.c_str() + 9);  // behind "HTTP/1.1 "
  if (Json::accept(answer.body)) answer.json = Json::parse(answer.body);
  return answer;
}

inline TestView MakeTest(const TestId& id, TestState state = TestState::kRunning) {
  TestView test;
  auto spec = std::make_shared<TestSpec>();
  spec->name = "name of " + id;
  spec->target.url = "http://h/";
  spec->target.host = "h";
  spec->load.stages = {{10'000, 5 * kMicro, 5 * kMicro}};
  test.id = id;
  test.spec = std::move(spec);
  test.state = state;
  test.created_at = WallTime(Seconds(1'767'225'600));  // 2026-01-01T00:00:00Z
  if (HasEnded(state)) test.ended_at = test.created_at + Seconds(10);
  test.revision = 7;
  return test;
}

class RestTest : public testing::Test {
 protected:
  void SetUp() override { Serve({}); }
  void Serve(RestServerOptions options) {
    server_.reset();
    options.http.listen = "127.0.0.1:0";
    options.version = "1.2.3";
    auto server = RestServer::Start(std::move(options), commands_);
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }
  // `headers` are whole lines, each with its end.
  Answer Ask(std::string_view method, std::string_view target, std::string_view body = {},
             std::string_view headers = {}) {
    RawClient client(server_->port());
    std::string request =
        Concat(method, " ", target, " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n", headers);
    if (!body.empty()) request += Concat("Content-Length: ", body.size(), "\r\n");
    client.Send(Concat(request, "\r\n", body));
    return ParseAnswer(client.ReadAll());
  }

  FakeCommands commands_;
  std::unique_ptr<RestServer> server_;
};

}  // namespace broadside
