#pragma once

// How tests, agents, intervals and changes look in JSON: the objects of the REST API, its event
// stream, and the command line's `-o json`.
//
// Keys come in the order of the documentation. Times are RFC 3339 with fractions, durations
// milliseconds. What is not known is null: percentiles with fewer than 10 samples above them,
// everything but the count of an empty distribution, a clock before its first exchange. Pure
// functions; a test with its agents costs some tens of microseconds.

#include <nlohmann/json.hpp>

#include "controller/core/fleet_view.h"

namespace broadside {

using Json = nlohmann::ordered_json;

// What is long in a test, and can be left out.
struct TestParts {
  bool spec = true;
  bool agents = true;
};

Json TestJson(const TestView& test, TestParts parts = {});
Json AgentJson(const AgentView& agent);
// `model` is that of the interval's test: closed loops plan nothing.
Json IntervalJson(const IntervalView& interval, LoadModel model);
Json ChangeJson(const Change& change);

// One line of JSON; bytes that are not UTF-8 become U+FFFD.
std::string Dump(const Json& json);

}  // namespace broadside
