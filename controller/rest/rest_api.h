#pragma once

// The routes of the REST API and what they do: read the request, ask the controller, render the
// answer. Lives on the REST thread; answers of the controller come through the gate, so that home
// renders no JSON.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/net/io_gate.h"
#include "controller/core/commands.h"
#include "controller/rest/event_streams.h"
#include "controller/rest/router.h"

namespace broadside {

class RestApi {
 public:
  // `metrics` makes the body of /metrics.
  RestApi(Commands& commands, std::shared_ptr<IoGate> gate, std::shared_ptr<EventStreams> streams,
          std::function<std::string()> metrics);

  // They refer to this object.
  std::vector<Route> Routes();

 private:
  using OnTest = std::function<void(std::shared_ptr<const TestView>)>;

  // tests_routes.cc
  void StartTest(const CallPtr& call);
  void ListTests(const CallPtr& call);
  void GetTest(const CallPtr& call);
  void ChangeRate(const CallPtr& call);
  void StopTest(const CallPtr& call);
  void DeleteTest(const CallPtr& call);
  // series_routes.cc
  void ListIntervals(const CallPtr& call);
  void ListChanges(const CallPtr& call);
  void FollowTest(const CallPtr& call);
  // page_routes.cc
  void Page(const CallPtr& call);
  void Asset(const CallPtr& call);
  // fleet_routes.cc
  void ListAgents(const CallPtr& call);
  void DrainAgent(const CallPtr& call);
  void Ready(const CallPtr& call);
  void Metrics(const CallPtr& call);

  // Calls `next` on the REST thread with the test of the path, at once if it is in memory; answers
  // the call itself when there is none.
  void WithTest(const CallPtr& call, OnTest next);
  // A Done that runs `next` on the REST thread with an ok result, and answers the call with the
  // problem of any other.
  Commands::Done OnDone(const CallPtr& call, std::function<void(const CommandResult&)> next);
  // The same for commands whose ok result has a test.
  Commands::Done OnTestDone(const CallPtr& call, std::function<void(const CommandResult&)> next);

  Commands& commands_;
  const std::shared_ptr<IoGate> gate_;
  const std::shared_ptr<EventStreams> streams_;
  const std::function<std::string()> metrics_;
};

// What an answer of the controller other than ok means over HTTP.
Problem ToProblem(const CommandResult& result);

// The OpenAPI document of these routes, and the JSON Schema of the test spec
// (docs/spec.schema.json), embedded at build time.
std::string_view OpenApiJson();
std::string_view SpecSchemaJson();

}  // namespace broadside
