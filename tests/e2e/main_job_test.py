"""The main job with real processes: a target, a controller and 3 agents, one test of 600 rps for 4 s.

The test runs once for the class; each method checks one side of what it left behind: REST, events, metrics,
the target's own count, the command line.
"""

import statistics
import unittest

from harness import ENDED, PATIENCE_S, EventReader, Stage, eventually, open_loop, outcomes_of

RATE = 600
SECONDS = 4
PLANNED = RATE * SECONDS
AGENTS = ["agent-1", "agent-2", "agent-3"]


class MainJobTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.__exit__)
        cls.target = cls.stage.target("--version-header", "0.2")
        cls.controller = cls.stage.controller("--data", cls.stage.folder / "data")
        cls.agents = [cls.stage.agent(cls.controller, name, "--slot-header") for name in AGENTS]
        cls.controller.wait_for_agents(AGENTS)
        cls.spec = open_loop(cls.target.url, RATE, f"{SECONDS}s", agents={"min": 3},
                             thresholds={"http_req_failed": ["rate<0.01"], "http_req_duration": ["p(99)<10000"]})
        cls.spec["target"]["version_header"] = "X-Version"
        cls.started = cls.controller.call("POST", "/api/v1/tests", cls.spec, {"Idempotency-Key": "main-job"})
        cls.id = cls.started.json["id"]
        events = EventReader(cls.controller, cls.id)
        cls.figures = cls.watch_the_figure()
        cls.test = cls.controller.get(f"/tests/{cls.id}")
        cls.metrics = cls.controller.metrics()
        cls.events = events.to_end()

    @classmethod
    def watch_the_figure(cls):
        """What /metrics says while the test runs, as (figure, plan, coverage)."""
        series = f'{{test="{cls.id}"}}'
        figures = []

        def ended():
            now = cls.controller.metrics()
            figure = now.get("broadside_requests_per_second" + series, 0)
            if figure:
                figures.append((figure, now["broadside_planned_requests_per_second" + series],
                                now["broadside_interval_coverage" + series]))
            return cls.controller.get(f"/tests/{cls.id}")["state"] in ENDED

        eventually("the end of the test", ended, 2 * PATIENCE_S, every=0.2)
        return figures

    def series(self, name, **labels):
        text = ",".join(f'{key}="{value}"' for key, value in {"test": self.id, **labels}.items())
        return self.metrics[f"broadside_{name}{{{text}}}"]

    def test_every_slot_has_its_outcome_and_was_seen_by_the_target_once(self):
        self.assertEqual(self.test["state"], "finished")
        self.assertEqual(self.test["totals"]["planned"], PLANNED)
        self.assertEqual(outcomes_of(self.test), {"ok": PLANNED})
        self.assertEqual(self.test["totals"]["outstanding"], 0)
        self.assertTrue(self.test["books"]["balanced"])
        seen = self.target.stats()
        self.assertEqual(seen["requests"], PLANNED)
        self.assertEqual(seen["slots"], {"distinct": PLANNED, "duplicates": 0, "max": PLANNED - 1, "out_of_range": 0})

    def test_the_counters_of_metrics_are_the_books(self):
        self.assertEqual(self.series("planned_requests_total"), PLANNED)
        for outcome, count in self.test["totals"]["outcomes"].items():
            self.assertEqual(self.series("requests_total", outcome=outcome), count, outcome)
        self.assertEqual(self.series("responses_total", code="200"), PLANNED)
        self.assertEqual(self.series("responses_by_version_total", version="0.2"), PLANNED)
        self.assertEqual(self.series("response_time_seconds_count"), PLANNED)
        self.assertEqual(self.series("received_bytes_total"), self.test["totals"]["bytes_received"])
        self.assertEqual(self.series("outstanding_requests"), 0)
        self.assertEqual(self.series("books_balanced"), 1)

    # Closed seconds, with all owners in them. That each is within 2 % is for a quiet machine (make demo).
    def test_the_figure_is_the_rate(self):
        self.assertTrue(self.figures)
        self.assertEqual({plan for _, plan, _ in self.figures}, {RATE})
        median = statistics.median(figure for figure, _, coverage in self.figures if coverage == 1)
        self.assertAlmostEqual(median, RATE, delta=RATE * 0.05)

    def test_intervals_add_up_to_the_totals(self):
        intervals = self.controller.get(f"/tests/{self.id}/intervals")["items"]
        totals = self.test["totals"]
        self.assertEqual([i["k"] for i in intervals], list(range(len(intervals))))
        self.assertEqual([i["planned"] for i in intervals if i["planned"]], [RATE] * SECONDS)
        self.assertEqual(sum(i["planned"] for i in intervals), totals["planned"])
        for outcome, count in totals["outcomes"].items():
            self.assertEqual(sum(i["outcomes"][outcome] for i in intervals), count, outcome)
        self.assertEqual(sum(i["codes"].get("200", 0) for i in intervals), totals["codes"]["200"])
        self.assertEqual(sum(i["versions"].get("0.2", 0) for i in intervals), totals["versions"]["0.2"])
        self.assertEqual(sum(i["completed"] for i in intervals), PLANNED)
        for distribution in ("response_time", "service_time", "send_lag"):
            self.assertEqual(sum(i[distribution]["count"] for i in intervals), self.test[distribution]["count"])
        self.assertTrue(all(i["settled"] for i in intervals))

    def test_intervals_come_in_pages(self):
        path = f"/tests/{self.id}/intervals?limit=2"
        pages, cursor = [], ""
        while cursor is not None:
            page = self.controller.get(path + (f"&cursor={cursor}" if cursor else ""))
            pages.append(page["items"])
            cursor = page["next"]
        self.assertTrue(all(len(page) == 2 for page in pages[:-1]) and len(pages) >= 2)
        self.assertEqual(sum(pages, []), self.controller.get(f"/tests/{self.id}/intervals")["items"])

    def test_the_event_stream_tells_everything_in_order_and_ends_with_the_test(self):
        self.assert_events(self.events)
        self.assertEqual(self.events[0][1], "snapshot")

    def test_an_event_stream_resumes_behind_the_last_event_id(self):
        middle = self.events[len(self.events) // 2][0]
        resumed = EventReader(self.controller, self.id, middle).to_end()
        self.assert_events(resumed, whole=False)
        self.assertTrue(all(revision > middle for revision, name, _ in resumed if name != "end"))
        # From the start it is the whole story, though the test has ended: each second as it was in the end.
        self.assert_events(EventReader(self.controller, self.id, 0).to_end())

    def assert_events(self, events, whole=True):
        revisions = [revision for revision, name, _ in events if name in ("interval", "change")]
        self.assertEqual(revisions, sorted(set(revisions)))
        self.assertEqual(events[-1][1], "end")
        self.assertEqual(events[-1][2], self.test)
        if whole:
            last = {data["k"]: data for _, name, data in events if name == "interval"}
            intervals = self.controller.get(f"/tests/{self.id}/intervals")["items"]
            self.assertEqual(list(dict(sorted(last.items())).values()), intervals)

    def test_the_same_start_again_is_the_same_test(self):
        self.assertEqual(self.started.status, 201)
        self.assertEqual(self.started.headers["location"], f"/api/v1/tests/{self.id}")
        again = self.controller.call("POST", "/api/v1/tests", self.spec, {"Idempotency-Key": "main-job"})
        self.assertEqual((again.status, again.json["id"]), (201, self.id))
        self.assertEqual(again.headers["idempotency-replayed"], "true")
        other = self.controller.call("POST", "/api/v1/tests", {**self.spec, "name": "other"},
                                     {"Idempotency-Key": "main-job"})
        self.assertEqual(other.status, 422)
        self.assertEqual(len(self.controller.get("/tests")["items"]), 1)

    def test_an_unchanged_test_is_304(self):
        first = self.controller.call("GET", f"/api/v1/tests/{self.id}")
        again = self.controller.call("GET", f"/api/v1/tests/{self.id}", headers={"If-None-Match": first.headers["etag"]})
        self.assertEqual((again.status, again.text), (304, ""))

    def test_the_fleet_shares_the_circle(self):
        agents = self.test["agents"]
        self.assertEqual([agent["name"] for agent in agents], AGENTS)
        self.assertAlmostEqual(sum(agent["share"] for agent in agents), 1, places=6)
        self.assertEqual({agent["state"] for agent in self.controller.agents().values()}, {"ready"})
        for agent in agents:
            self.assertLess(agent["clock_error_ms"], 50)

    def test_what_is_judged(self):
        self.assertEqual([(t["metric"], t["expression"], t["ok"]) for t in self.test["thresholds"]],
                         [("http_req_failed", "rate<0.01", True), ("http_req_duration", "p(99)<10000", True)])
        verdict = self.test["verdict"]
        self.assertIn(verdict["generator"], ("valid", "suspect", "invalid"))
        self.assertEqual(verdict["generator"] == "valid", verdict["reasons"] == [], verdict)

    def test_the_command_line_tells_the_same(self):
        remote = ["--controller", self.controller.url]
        summary = self.stage.run("report", self.id, *remote)
        self.assertEqual(summary.exit_code(), 0)
        self.assertRegex(summary.stdout(), r"planned +2,400 +600\.0/s")
        self.assertRegex(summary.stdout(), r"sent +2,400 ")
        self.assertIn("requests by doubling", summary.stdout())
        self.assertIn("balanced: 2,400 planned = 2,400 outcomes", summary.stdout())
        self.assertNotIn("\x1b", summary.stdout())
        self.assertIn(self.id, self.stage.run("test", "list", *remote).stdout())
        for name in AGENTS:
            self.assertIn(name, self.stage.run("agents", "list", *remote).stdout())


if __name__ == "__main__":
    unittest.main()
