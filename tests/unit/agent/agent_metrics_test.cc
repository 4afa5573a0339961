#include "agent/agent_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace broadside {
namespace {

using testing::HasSubstr;
using testing::Not;

class AgentMetricsTest : public testing::Test {
 protected:
  AgentMetricsTest() : metrics({"agent-1", "0.1.0", "00ff"}, &published) {}
  std::string Text() {
    published.Set(snapshot);
    return metrics.Text();
  }
  AgentSnapshot snapshot;
  PublishedSnapshot published;
  AgentMetrics metrics;
};

TEST_F(AgentMetricsTest, NamesTheAgent) {
  EXPECT_THAT(Text(), HasSubstr("broadside_agent_info{incarnation=\"00ff\",name=\"agent-1\","
                                "version=\"0.1.0\"} 1\n"));
}

TEST_F(AgentMetricsTest, GivesBaseUnitsTypesAndHelp) {
  snapshot.status.clock_known = true;
  snapshot.status.clock_offset = Millis(-1500);
  snapshot.status.clock_error = Nanos(250'000);
  snapshot.load.loop_delay = Millis(3);
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("# TYPE broadside_agent_clock_offset_seconds gauge\n"
                              "broadside_agent_clock_offset_seconds -1.5\n"));
  EXPECT_THAT(text, HasSubstr("broadside_agent_clock_error_seconds 0.00025"));
  EXPECT_THAT(text, HasSubstr("broadside_agent_loop_delay_seconds 0.003"));
  EXPECT_THAT(text, HasSubstr("# HELP broadside_agent_requests_sent_total Requests sent."));
  EXPECT_THAT(text, HasSubstr("# TYPE broadside_agent_requests_sent_total counter"));
}

TEST_F(AgentMetricsTest, HasNoClockBeforeItIsKnown) {
  EXPECT_THAT(Text(), Not(HasSubstr("clock_offset")));
}

TEST_F(AgentMetricsTest, HasNoCapacityBeforeItWasMeasured) {
  EXPECT_THAT(Text(), Not(HasSubstr("capacity")));
  snapshot.status.capacity_rps = 1500.5;
  EXPECT_THAT(Text(), HasSubstr("\nbroadside_agent_capacity_requests_per_second 1500.5\n"));
}

TEST_F(AgentMetricsTest, CountsWhatTheEngineDid) {
  snapshot.engine.requests_sent = 12;
  snapshot.engine.connections_open = 3;
  snapshot.engine.connections_opened = 4;
  snapshot.engine.connects_failed = 1;
  snapshot.engine.in_flight = 2;
  snapshot.load.cpu_fraction = 0.5;
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_requests_sent_total 12\n"));
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_connections_open 3\n"));
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_connections_opened_total 4\n"));
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_connects_failed_total 1\n"));
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_in_flight 2\n"));
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_cpu_ratio 0.5\n"));
}

TEST_F(AgentMetricsTest, TellsWhetherItIsConnectedAndWhatItOwes) {
  snapshot.status.connected = true;
  snapshot.status.reports_made = 9;
  snapshot.status.reports_unacknowledged = 2;
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_connected 1\n"));
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_reports_total 9\n"));
  EXPECT_THAT(text, HasSubstr("\nbroadside_agent_reports_unacknowledged 2\n"));
}

}  // namespace
}  // namespace broadside
