"""Wrong input over HTTP: each gets a 4xx problem document that names the place, and the server lives on."""

import copy
import json
import unittest

from harness import Stage, open_loop

GOOD = open_loop("http://127.0.0.1:1/", 1, "1s")
GOOD_TEXT = json.dumps(GOOD)


def changed(path, value):
    """The good spec with one value set."""
    spec = copy.deepcopy(GOOD)
    *parents, last = path.strip("/").split("/")
    place = spec
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[last] = value
    return spec


def without(key):
    return {k: v for k, v in GOOD.items() if k != key}


# (body, pointer of the first field error)
FIELDS = [
    # Missing.
    (without("name"), "/name"),
    (without("target"), "/target"),
    (without("load"), "/load"),
    ({}, "/name"),
    # Unknown, at each level.
    (changed("/nmae", "x"), "/nmae"),
    (changed("/target/uri", "x"), "/target/uri"),
    (changed("/load/stages/0/rps", 5), "/load/stages/0/rps"),
    # Repeated.
    (GOOD_TEXT[:-1] + ', "name": "again"}', "/name"),
    (GOOD_TEXT.replace('"rate": 1', '"rate": 1, "rate": 2'), "/load/stages/0/rate"),
    # Of the wrong type.
    (changed("/name", 5), "/name"),
    (changed("/target", "http://x/"), "/target"),
    (changed("/load/stages", {}), "/load/stages"),
    (changed("/load/stages/0/rate", "5"), "/load/stages/0/rate"),
    (changed("/load/stages/0/rate", None), "/load/stages/0/rate"),
    (changed("/timeout", 5), "/timeout"),
    (changed("/connections", {"keepalive": 1}), "/connections/keepalive"),
    # Out of range.
    (changed("/name", ""), "/name"),
    (changed("/name", "x" * 201), "/name"),
    (changed("/name", "a\nb"), "/name"),
    (changed("/load/stages", []), "/load/stages"),
    (changed("/load/stages", [{"duration": "1s", "rate": 1}] * 1001), "/load/stages"),
    (changed("/load/stages/0/rate", -1), "/load/stages/0/rate"),
    (changed("/load/stages/0/rate", 10_000_001), "/load/stages/0/rate"),
    (changed("/load/stages/0/rate", 0.1234567), "/load/stages/0/rate"),
    (changed("/load/stages/0/duration", "0s"), "/load/stages/0/duration"),
    (changed("/load/stages/0/duration", "169h"), "/load/stages/0/duration"),
    (changed("/load/stages/0/duration", "5"), "/load/stages/0/duration"),
    (changed("/timeout", "0s"), "/timeout"),
    (changed("/timeout", "251s"), "/timeout"),
    (changed("/max_lateness", "61s"), "/max_lateness"),
    (changed("/agents", {"min": 0}), "/agents/min"),
    (changed("/agents", {"use": "some"}), "/agents/use"),
    (changed("/connections", {"max_per_agent": 0}), "/connections/max_per_agent"),
    (changed("/target/body", "x" * (2 << 20)), "/target/body"),
    # A target that cannot be meant.
    (changed("/target/url", "http:///path"), "/target/url"),
    (changed("/target/url", "http://"), "/target/url"),
    (changed("/target/url", "svc/path"), "/target/url"),
    (changed("/target/url", "ftp://svc/"), "/target/url"),
    (changed("/target/url", "https://svc/"), "/target/url"),
    (changed("/target/url", "http://svc:0/"), "/target/url"),
    (changed("/target/url", "http://svc:65536/"), "/target/url"),
    (changed("/target/url", "http://svc/\r\nX: y"), "/target/url"),
    (changed("/target/url", "http://" + "x" * 9000), "/target/url"),
    (changed("/target/method", "G ET"), "/target/method"),
    (changed("/target/method", "GET\r\n"), "/target/method"),
    # Headers that would break the request.
    (changed("/target/headers", {"X": "a\r\nInjected: b"}), "/target/headers/X"),
    (changed("/target/headers", {"X": "a\nb"}), "/target/headers/X"),
    (changed("/target/headers", {"X": "a\0b"}), "/target/headers/X"),
    (changed("/target/headers", {"X\r\nY": "a"}), "/target/headers/X\r\nY"),
    (changed("/target/headers", {"": "a"}), "/target/headers/"),
    (changed("/target/headers", {"Content-Length": "5"}), "/target/headers/Content-Length"),
    (changed("/target/headers", {"A": "x", "a": "y"}), "/target/headers/a"),
    # What is yet to come says so.
    (changed("/load", {"model": "closed", "connections": 4, "duration": "1s"}), "/load/model"),
    (changed("/load/arrivals", "poisson"), "/load/arrivals"),
    # Thresholds.
    (changed("/thresholds", {"latency": ["p(99)<1"]}), "/thresholds/latency"),
    (changed("/thresholds", {"http_req_duration": ["p99<1"]}), "/thresholds/http_req_duration/0"),
    (changed("/thresholds", {"http_req_duration": "p(99)<1"}), "/thresholds/http_req_duration"),
    # JSON, but no object.
    ("[]", ""),
    ('"spec"', ""),
    ("null", ""),
    # Too deep.
    ("[" * 100 + "]" * 100, "/0" * 64),
    ("[" * 200_000, "/0" * 64),
    (GOOD_TEXT[:-1] + ', "x": ' + "[" * 70 + "]" * 70 + "}", "/x" + "/0" * 63),
]

# No JSON at all.
SYNTAX = ["", "{", GOOD_TEXT + "x", "name: yaml", b'{"name": "\xff"}', b'{"name": "\x00"}']

RATE_CHANGES = [
    ("{}", "/rate"),
    ('{"rate": -1}', "/rate"),
    ('{"rate": 1e9}', "/rate"),
    ('{"rate": "5"}', "/rate"),
    ('{"rate": 1, "rps": 2}', "/rps"),
    ('{"rate": 1, "rate": 2}', "/rate"),
    ("[]", ""),
]


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.__exit__)
        cls.controller = cls.stage.controller()
        # Pending, as there are no agents.
        cls.test = cls.controller.start_test(GOOD)

    def tearDown(self):
        self.assertIsNone(self.controller.process.popen.poll(), self.controller.process.stderr())
        self.assertEqual(self.controller.call("GET", "/readyz").status, 200)

    def assert_problem(self, answer, status, path):
        self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual(answer.json["status"], status)
        self.assertEqual(answer.json["instance"], path)
        self.assertTrue(answer.json["title"] and answer.json["detail"], answer.text)

    def assert_refused(self, method, path, table):
        for body, pointer in table:
            text = body if isinstance(body, str) else json.dumps(body)
            with self.subTest(body=text[:200]):
                answer = self.controller.call(method, path, text)
                self.assert_problem(answer, 422, path)
                first = answer.json["errors"][0]
                self.assertEqual(first["pointer"], pointer)
                self.assertTrue(first["detail"])

    def test_a_wrong_spec_is_422_with_a_pointer(self):
        self.assert_refused("POST", "/api/v1/tests", FIELDS)

    def test_a_wrong_rate_change_is_422_with_a_pointer(self):
        self.assert_refused("PATCH", f"/api/v1/tests/{self.test}", RATE_CHANGES)

    def test_all_errors_of_a_spec_come_at_once(self):
        spec = changed("/name", 5)
        spec["load"]["stages"][0]["rate"] = -1
        del spec["target"]["url"]
        errors = self.controller.call("POST", "/api/v1/tests", spec).json["errors"]
        self.assertEqual(sorted(e["pointer"] for e in errors), ["/load/stages/0/rate", "/name", "/target/url"])

    def test_what_is_no_json_is_400_with_line_and_column(self):
        for body in SYNTAX:
            with self.subTest(body=body[:50]):
                answer = self.controller.call("POST", "/api/v1/tests", body)
                self.assert_problem(answer, 400, "/api/v1/tests")
                self.assertRegex(answer.json["detail"], "line 1, column [0-9]+")

    def test_a_body_over_4_mib_is_413(self):
        answer = self.controller.call("POST", "/api/v1/tests", " " * ((4 << 20) + 1))
        self.assertEqual(answer.status, 413)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")

    def test_a_header_over_32_kib_is_431(self):
        answer = self.controller.call("GET", "/readyz", headers={"X": "x" * (40 << 10)})
        self.assertEqual(answer.status, 431)

    def test_an_idempotency_key_that_is_too_long_is_400(self):
        answer = self.controller.call("POST", "/api/v1/tests", GOOD, {"Idempotency-Key": "x" * 256})
        self.assert_problem(answer, 400, "/api/v1/tests")

    # curl -d says that its body is a form; a body is judged by what it is.
    def test_the_content_type_of_a_body_does_not_matter(self):
        answer = self.controller.call("POST", "/api/v1/tests", GOOD, {"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 201)
        self.controller.call("POST", answer.headers["location"] + "/stop")

    def test_paths_and_queries_that_do_not_exist(self):
        test = f"/api/v1/tests/{self.test}"
        for method, target, status in [
                ("GET", "/api/v2/tests", 404), ("GET", "/api/v1/tests/none", 404), ("PATCH", "/api/v1/tests/none", 404),
                ("DELETE", "/api/v1/tests/none", 404), ("POST", "/api/v1/tests/none/stop", 404),
                ("GET", "/api/v1/tests/none/intervals", 404), ("GET", "/api/v1/tests/none/events", 404),
                ("POST", "/api/v1/agents/none/drain", 404), ("PUT", "/api/v1/tests", 405), ("POST", test, 405),
                ("GET", "/api/v1/tests/%zz", 400), ("GET", "/api/v1/tests?limit=0", 400),
                ("GET", "/api/v1/tests?limit=1001", 400), ("GET", "/api/v1/tests?limit=1&limit=2", 400),
                ("GET", "/api/v1/tests?page=2", 400), ("GET", "/api/v1/tests?cursor=garbage", 400),
                ("GET", test + "/intervals?cursor=x", 400),
                ("GET", test + "/events?last_event_id=x", 400), ("GET", "/api/v1/agents?cursor=x", 400)]:
            with self.subTest(method=method, target=target):
                self.assert_problem(self.controller.call(method, target), status, target.split("?")[0])

    def test_an_unknown_test_is_404_whatever_the_body(self):
        for body in ["", "{", '{"rate": -1}']:
            self.assert_problem(self.controller.call("PATCH", "/api/v1/tests/none", body), 404, "/api/v1/tests/none")

    def test_a_ninth_running_test_is_429_with_retry_after(self):
        started = [self.controller.start_test(GOOD) for _ in range(7)]  # and the one of the class
        answer = self.controller.call("POST", "/api/v1/tests", GOOD)
        self.assert_problem(answer, 429, "/api/v1/tests")
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
        for test in started:
            self.controller.call("POST", f"/api/v1/tests/{test}/stop")
            self.controller.wait_for_state(test, "stopped")


if __name__ == "__main__":
    unittest.main()
