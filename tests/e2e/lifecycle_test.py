"""A fleet that changes under a running test, and a test that is changed, stopped and forgotten: REST, the
command line and signals to real processes. Nothing is lost.
"""

import datetime
import signal
import unittest

from harness import EventReader, StageTest, eventually, open_loop, outcomes_of

HORIZON_S = 3


def parsed(time):
    """RFC 3339 to seconds; Python reads no more than microseconds."""
    return datetime.datetime.fromisoformat(time[:26].rstrip("Z") + "+00:00").timestamp()


class LifecycleTest(StageTest):
    def test_agents_drain_in_every_way_while_the_rate_holds(self):
        stage, controller, target = self.stage, self.stage.controller(), self.stage.target()
        names = ["by-rest", "by-command", "by-signal", "stays"]
        agents = {name: stage.agent(controller, name) for name in names}
        controller.wait_for_agents(names)
        test = controller.start_test(open_loop(target.url, 200, "6s", agents={"min": 4, "use": "all"}))
        events = EventReader(controller, test)
        controller.wait_for_state(test, "running")

        answer = controller.call("POST", "/api/v1/agents/by-rest/drain")
        self.assertEqual((answer.status, answer.json["state"]), (202, "draining"))
        drained = stage.run("agents", "drain", "by-command", "--controller", controller.url)
        self.assertEqual((drained.exit_code(), drained.stderr()), (0, ""))
        agents["by-signal"].signal(signal.SIGTERM)

        for name in names[:3]:
            self.assertEqual(agents[name].exit_code(), 0, agents[name].stderr())
        eventually("only the last agent", lambda: list(controller.agents()) == ["stays"])  # drained ones vanish

        ended = controller.wait_for_state(test, "finished")
        self.assertEqual(ended["totals"]["planned"], 1200)  # 200/s x 6 s
        self.assertEqual(outcomes_of(ended), {"ok": 1200})
        self.assertEqual(target.stats()["requests"], 1200)
        told = {(data["kind"], data["detail"]) for _, name, data in events.to_end() if name == "change"}
        for name in names[:3]:
            self.assertIn(("agent_draining", name), told)

    def test_a_test_is_changed_stopped_and_forgotten(self):
        stage, controller, target = self.stage, self.stage.controller(), self.stage.target()
        agent = stage.agent(controller, "agent-1")
        controller.wait_for_agents(["agent-1"])
        test = controller.start_test(open_loop(target.url, 100, "60s"))
        path = f"/api/v1/tests/{test}"
        controller.wait_for_state(test, "running")
        self.assertEqual(controller.call("DELETE", path).status, 409)

        changed = controller.call("PATCH", path, {"rate": 300})
        self.assertEqual(changed.status, 200, changed.text)
        asked = datetime.datetime.now(datetime.timezone.utc).timestamp()
        effective_in = parsed(changed.json["effective_at"]) - asked
        self.assertTrue(-0.5 < effective_in <= HORIZON_S + 1, effective_in)  # the first second not yet handed out
        second = round(parsed(changed.json["effective_at"]) - parsed(changed.json["started_at"]))
        planned = {}

        def reached():
            planned.update({i["k"]: i["planned"] for i in controller.get(f"/tests/{test}/intervals")["items"]})
            return max(planned, default=-1) > second

        eventually("the new rate", reached)
        self.assertEqual((planned[second - 1], planned[second]), (100, 300))

        for _ in range(2):  # idempotent
            stopped = controller.call("POST", path + "/stop")
            self.assertEqual(stopped.status, 202)
            self.assertIn(stopped.json["state"], ("stopping", "stopped"))
        self.assertEqual(controller.call("PATCH", path, {"rate": 1}).status, 409)
        ended = controller.wait_for_state(test, "stopped")
        self.assertTrue(ended["books"]["balanced"])
        self.assertEqual(ended["totals"]["outstanding"], 0)
        outcomes = outcomes_of(ended)
        self.assertEqual(sum(outcomes.values()), ended["totals"]["planned"])
        self.assertEqual(target.stats()["requests"], outcomes["ok"])
        self.assertLessEqual(set(outcomes), {"ok", "cancelled"})
        self.assertEqual(controller.call("POST", path + "/stop").json["state"], "stopped")

        self.assertEqual(controller.call("DELETE", path).status, 204)
        self.assertEqual(controller.call("GET", path).status, 404)
        self.assertEqual(controller.call("DELETE", path).status, 404)
        agent.signal(signal.SIGTERM)
        self.assertEqual(agent.exit_code(), 0, agent.stderr())

    def test_a_controller_that_was_stopped_knows_its_tests_when_it_is_back(self):
        data = self.stage.folder / "new" / "data"  # made by the controller
        controller, target = self.stage.controller("--data", data), self.stage.target()
        self.stage.agent(controller, "agent-1")
        controller.wait_for_agents(["agent-1"])
        tests = []
        for number in range(3):
            tests.append(controller.start_test({**open_loop(target.url, 50, "500ms"), "name": f"test {number}"}))
        before = [controller.wait_for_state(test, "finished") for test in tests]
        controller.process.signal(signal.SIGTERM)
        self.assertEqual(controller.process.exit_code(10), 0, controller.process.stderr())

        # At the same addresses, so that the agent finds it again.
        http, grpc = controller.address, controller.grpc
        controller = self.stage.controller("--data", data, http=http, grpc=grpc)
        eventually("ready", lambda: controller.call("GET", "/readyz").status == 200, 10)
        self.assertEqual([controller.get(f"/tests/{test}") for test in tests], before)
        pages = controller.get("/tests?limit=2")
        self.assertEqual([t["id"] for t in pages["items"]], [tests[2], tests[1]])
        pages = controller.get(f"/tests?limit=2&cursor={pages['next']}")
        self.assertEqual(([t["id"] for t in pages["items"]], pages["next"]), ([tests[0]], None))
        controller.wait_for_agents(["agent-1"])
        again = controller.start_test(open_loop(target.url, 50, "500ms"))
        self.assertEqual(outcomes_of(controller.wait_for_state(again, "finished")), {"ok": 25})

    def test_ended_tests_beyond_the_newest_are_forgotten(self):
        controller, target = self.stage.controller("--keep-tests", 2), self.stage.target()
        self.stage.agent(controller, "agent-1")
        controller.wait_for_agents(["agent-1"])
        tests = []
        for number in range(4):
            tests.append(controller.start_test(open_loop(target.url, 20, "100ms"), **{"Idempotency-Key": f"k{number}"}))
            controller.wait_for_state(tests[-1], "finished")
        eventually("two are kept",
                   lambda: [t["id"] for t in controller.get("/tests")["items"]] == [tests[3], tests[2]])
        self.assertEqual(controller.call("GET", f"/api/v1/tests/{tests[0]}").status, 404)
        self.assertEqual(controller.start_test(open_loop(target.url, 20, "100ms"), **{"Idempotency-Key": "k3"}), tests[3])


if __name__ == "__main__":
    unittest.main()
