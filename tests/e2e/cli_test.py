"""The command line as a user meets it: exit codes, one line for each mistake, what goes to stdout and stderr."""

import http.server
import json
import re
import signal
import socket
import subprocess
import threading
import unittest

from harness import BINARY, PATIENCE_S, StageTest, open_loop, outcomes_of

NOBODY = "http://127.0.0.1:1/"


class Scripted:
    """A controller that says what a real one says on a bad day, of one test: the answer to the start is lost once, one
    look at the test is a 502, the first stop a 503."""

    def __init__(self, test):
        self.keys = []
        self.stops = 0
        self.looks = 0
        scripted = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                scripted.looks += 1
                if scripted.looks == 2:
                    return self.answer(502, {"detail": "a gateway without a controller"})
                return self.answer(200, test)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.path.endswith("/stop"):
                    scripted.stops += 1
                    if scripted.stops == 1:
                        return self.answer(503, {"detail": "the disk is full"})
                    test["state"] = "stopped"
                    return self.answer(202, test)
                scripted.keys.append(self.headers["Idempotency-Key"])
                if len(scripted.keys) == 1:
                    self.close_connection = True
                    return None
                return self.answer(201, test)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


class CommandLineTest(StageTest):
    def assert_refused(self, args, code, *parts):
        """One line on stderr that has these parts and begins with the verb, nothing on stdout."""
        run = self.stage.run(*args)
        self.assertEqual(run.exit_code(), code, run.stderr())
        self.assertEqual(run.stdout(), "")
        self.assertEqual(len(run.stderr().splitlines()), 1, run.stderr())
        for part in parts:
            self.assertIn(part, run.stderr())
        if not run.stderr().startswith(str(self.stage.folder)):  # a place in a file
            self.assertTrue(run.stderr().startswith(" ".join(["broadside", *args[:1]])), run.stderr())

    def spec_file(self, name, text):
        file = self.stage.folder / name
        file.write_text(text)
        return file

    def test_a_flag_or_verb_that_does_not_exist_gets_a_suggestion(self):
        for args, wrong, meant in [(["run", "--rte", "5"], "flag --rte", "--rate"),
                                   (["run", "--agnets=3", NOBODY], "flag --agnets", "--agents"),
                                   (["test", "strat"], "verb strat", "start"),
                                   (["agent", "--controler", "x:1"], "flag --controler", "--controller"),
                                   (["controller", "--dta", "x"], "flag --dta", "--data"),
                                   (["target", "--latncy", "x"], "flag --latncy", "--latency"),
                                   (["test", "list", "--controler", "x"], "flag --controler", "--controller")]:
            with self.subTest(args=args):
                self.assert_refused(args, 104, "unknown ", wrong, f"did you mean {meant}?", "--help")
        run = self.stage.run("controler")
        self.assertEqual((run.exit_code(), run.stderr()), (
            104, "broadside: unknown verb controler; did you mean controller? (see broadside --help)\n"))

    def test_flags_of_every_verb_may_stand_behind_any_verb(self):
        for args in (["test", "list", "--log-level", "debug"], ["agents", "list", "--log-json"],
                     ["report", "t-1", "--log-json"]):
            with self.subTest(args=args):
                self.assert_refused([*args, "--controller", "127.0.0.1:1"], 1, "cannot reach the controller")
        run = self.stage.run("--http", "127.0.0.1:0", "controller")
        self.assertEqual((run.exit_code(), run.stderr()), (
            104, "broadside controller: flag --http goes behind its verb (see broadside controller --help)\n"))

    def test_a_result_that_cannot_be_written_is_no_success(self):
        for args in (["--version"], ["run", self.stage.target().url, "-r", "10", "-d", "100ms", "-o", "json"]):
            with self.subTest(args=args):
                with open("/dev/full", "wb") as full:
                    run = subprocess.run([BINARY, *args], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                                         timeout=PATIENCE_S)
                self.assertEqual(run.returncode, 1, run.stderr)
                self.assertIn("cannot write the output: No space left on device", run.stderr)

    def test_a_wrong_flag_or_value_names_the_flag(self):
        good = ["run", NOBODY, "-r", "5", "-d", "1s"]
        spec = self.spec_file("spec.yaml", "")
        for args, part in [([], "a verb is missing: run, controller, "),
                           (["test"], "a verb is missing: start, list, "),
                           (["run"], "URL"),
                           (["run", spec], f"URL {spec} is a file: give it with -f"),
                           (["run", NOBODY, "--rate"], "--rate needs a value"),
                           (["run", NOBODY, "-d", "1s"], "--rate"),
                           (["run", NOBODY, "-r", "5"], "--duration"),
                           ([*good, "-c", "5"], "-c and -r exclude each other"),
                           (["run", NOBODY, "-c", "5", "-d", "1s"], "--connections: the closed loop is not supported yet"),
                           (["run", "https://x/", "-r", "5", "-d", "1s"], "https"),
                           (["run", "http:///", "-r", "5", "-d", "1s"], "URL: has no host"),
                           (["run", NOBODY, "-r", "-5", "-d", "1s"], "--rate: -5 is below 0"),
                           (["run", NOBODY, "-r", "abc", "-d", "1s"], "--rate abc"),
                           (["run", NOBODY, "-r", "5", "-d", "1"], "--duration"),
                           ([*good, "-H", "no colon"], "--header no colon"),
                           ([*good, "-H", "A: b\nC: d"], "--header"),
                           ([*good, "--threshold", "p(99)<5"], "--threshold"),
                           ([*good, "--threshold", "http_req_duration:p99<5"], "--threshold"),
                           ([*good, "--timeout", "300s"], "--timeout"),
                           ([*good, "--agents", "0"], "--agents"),
                           ([*good, "-b", "@/no/such/file"], "/no/such/file"),
                           ([*good, "-f", "spec.yaml"], "-f and the flags"),
                           (["run", "-f", "/no/such/file"], "/no/such/file"),
                           (["run", "-f", self.stage.folder], "directory"),
                           (["controller", "--http", "nonsense"], "--http"),
                           (["controller", "--http", "127.0.0.1:0", "--grpc", "nonsense"], "--grpc"),
                           (["controller", "--horizon", "31"], "--horizon"),
                           (["controller", "--horizon", "1"], "--horizon"),
                           (["agent"], "--controller"),
                           (["agent", "--controller", "host"], "--controller host has no port"),
                           (["agent", "--controller", "http://host:1"], "without a scheme"),
                           (["target", "--seed", "-1"], "--seed: -1 is no whole number"),
                           (["test", "list", "--limit", "1001"], "--limit"),
                           (["target", "--listen", "nonsense"], "--listen"),
                           (["target", "--latency", "slow"], "--latency"),
                           (["test", "rate", "id", "fast", "--controller", NOBODY], "fast"),
                           (["test", "list", "--controller", "ftp://x"], "ftp://x"),
                           (["report"], "id")]:
            with self.subTest(args=args):
                self.assert_refused(args, 104, part)

    def test_a_wrong_spec_file_is_named_with_line_and_column(self):
        stages = "name: x\ntarget:\n  url: http://x/\nload:\n  model: open\n  stages:\n    - {duration: 1s, rate: -5}\n"
        for name, text, place, part in [("rate.yaml", stages, "7:22", "/load/stages/0/rate: -5 is below 0"),
                                        ("syntax.yaml", "name: [\n", "2:1", ""),
                                        ("twice.yaml", "name: x\nname: y\n", "2:1", "name"),
                                        ("empty.yaml", "", "1:1", "is empty"),
                                        ("syntax.json", '{\n "name": "x",,\n}', "2:14", "")]:
            with self.subTest(name=name):
                file = self.spec_file(name, text)
                self.assert_refused(["run", "-f", file], 104, f"{file}:{place}: ", part)
                # Before anybody is asked.
                self.assert_refused(["test", "start", "-f", file, "--controller", NOBODY], 104, f"{file}:{place}: ")

    def test_what_a_controller_refuses_of_a_spec_has_its_place(self):
        controller = self.stage.controller()
        file = self.spec_file("new-connections.yaml", f"""name: too many connections
target: {{url: "{NOBODY}"}}
load: {{model: open, stages: [{{duration: 1s, rate: 1000}}]}}
connections:
  keepalive: false
""")
        for args in (["run", "-f", file], ["test", "start", "-f", file, "--controller", controller.url]):
            with self.subTest(args=args):
                self.assert_refused(args, 104, f"{file}:5:3: /connections/keepalive: ", "470")

    def test_a_run_has_as_many_agents_as_its_spec_asks_for(self):
        file = self.spec_file("min.yaml", f"""name: three agents
target: {{url: "{self.stage.target().url}"}}
load: {{model: open, stages: [{{duration: 200ms, rate: 150}}]}}
agents: {{min: 3}}
""")
        run = self.stage.run("run", "-f", file, "-o", "json")
        self.assertEqual(len(json.loads(run.stdout())["agents"]), 3, run.stderr())
        file.write_text(file.read_text().replace("min: 3", "min: 65"))
        self.assert_refused(["run", "-f", file], 104, f"{file}:4:10: /agents/min: 65 exceeds 64")

    def test_a_place_that_is_taken_or_cannot_be_had_says_what_to_do(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            free = "127.0.0.1:0"
            self.assert_refused(["controller", "--http", address, "--grpc", free], 1, address, "in use", "--http")
            self.assert_refused(["controller", "--http", free, "--grpc", address], 1, address, "in use", "--grpc")
            self.assert_refused(["target", "--listen", address], 1, address, "in use", "--listen")
            self.assert_refused(["agent", "--controller", "127.0.0.1:1", "--http", address], 1, address, "in use", "--http")

    def test_a_data_directory_that_cannot_be_had_says_what_to_do(self):
        listen = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
        self.assert_refused(["controller", "--data", "/proc/broadside", *listen], 1, "/proc/broadside", "--data")
        file = self.spec_file("file", "")
        self.assert_refused(["controller", "--data", file, *listen], 1, str(file), "--data")
        data = self.stage.folder / "data"
        self.stage.controller("--data", data)
        self.assert_refused(["controller", "--data", data, *listen], 1, str(data), "another controller")

    def test_a_controller_that_cannot_be_reached_says_what_to_do(self):
        for args in [["test", "list"], ["test", "get", "id"], ["test", "stop", "id"], ["agents", "list"],
                     ["agents", "drain", "x"], ["report", "id"], ["test", "start", NOBODY, "-r", "1", "-d", "1s"]]:
            self.assert_refused([*args, "--controller", NOBODY], 1, "127.0.0.1:1", "--controller")
        self.assert_refused(["test", "list", "--controller", "no-such-host.invalid"], 1, "no-such-host.invalid",
                            "--controller")
        # What answers there is somebody else.
        target = self.stage.target()
        for verb in (["list"], ["get", "x"], ["watch", "x"]):
            self.assert_refused(["test", *verb, "--controller", target.url], 1, "no controller", "--controller")

    def test_a_run_prints_its_result_on_stdout(self):
        target = self.stage.target()
        run = self.stage.run("run", "-H", "X-A: b", target.url, "-r", "100", "-d", "1s", "--threshold",
                             "http_req_failed:rate<0.5")
        self.assertIn(run.exit_code(), (0, 97), run.stderr())  # 97: a machine too busy to generate
        for part in ("planned", "100.0/s", "response time", "requests by doubling", "█", "books", "balanced",
                     "generator", "http_req_failed rate<0.5"):
            self.assertIn(part, run.stdout())
        # No terminal: plain lines, no colour, and the progress is not among the data.
        for text in (run.stdout(), run.stderr()):
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\r", text)
        self.assertRegex(run.stderr(), "^running +[0-9]+s of 1s ")

    def test_a_run_as_json_is_exactly_one_test_object(self):
        target = self.stage.target("--error-rate", "100%")
        run = self.stage.run("run", target.url, "-r", "50", "-d", "1s", "-o", "json", "--threshold",
                             "http_req_failed:rate<0.01")
        test = json.loads(run.stdout())
        self.assertEqual(list(test), ["id", "name", "state", "reason", "spec", "created_at", "started_at", "ended_at",
                                      "elapsed_s", "totals", "rates", "last_second", "response_time", "service_time", "send_lag",
                                      "books", "thresholds", "verdict", "agents"])
        self.assertEqual(outcomes_of(test), {"failed": 50})
        self.assertFalse(test["thresholds"][0]["ok"])
        # The first that applies.
        self.assertEqual(run.exit_code(), 97 if test["verdict"]["generator"] == "invalid" else 99, run.stderr())

    def test_a_signal_aborts_a_run_and_its_books_balance(self):
        target = self.stage.target()
        run = self.stage.start("run", target.url, "-r", "100", "-d", "60s", "-o", "json")
        run.says("running")
        run.signal(signal.SIGINT)
        self.assertEqual(run.exit_code(), 105, run.stderr())
        self.assertIn("stopping the test; a second signal leaves at once", run.stderr())
        test = json.loads(run.stdout())
        self.assertEqual(test["state"], "stopped")
        self.assertTrue(test["books"]["balanced"])
        self.assertEqual(sum(outcomes_of(test).values()), test["totals"]["planned"])

    def test_a_remote_test_is_started_and_waited_for(self):
        controller, target = self.stage.controller(), self.stage.target()
        self.stage.agent(controller, "agent-1")
        controller.wait_for_agents(["agent-1"])
        remote = ["--controller", controller.url]
        spec = self.spec_file("spec.yaml", f"""
name: from a file
target: {{url: "{target.url}", method: POST, headers: {{X-A: b}}, body: hello}}
load: {{model: open, stages: [{{duration: 500ms, rate: 40}}]}}
""")
        waited = self.stage.start("test", "start", "-f", spec, "--wait", "-o", "json", *remote)
        # The flags of `run`, and only the id on stdout.
        started = self.stage.run("test", "start", target.url, "-r", "40", "-d", "500ms", "-m", "PUT", "-H", "X: y",
                                 "-b", "text", "--timeout", "2s", "--threshold", "http_reqs:count>0", *remote)
        self.assertEqual((started.exit_code(), started.stderr()), (0, ""))
        flagged = controller.wait_for_state(started.stdout().strip(), "finished")
        self.assertEqual(flagged["spec"]["target"], {"url": target.url, "method": "PUT", "headers": {"X": "y"},
                                                     "body": "text"})
        self.assertEqual(flagged["spec"]["timeout"], "2s")
        self.assertEqual(flagged["thresholds"][0]["expression"], "count>0")

        code = waited.exit_code()
        test = json.loads(waited.stdout())
        self.assertEqual(code, 97 if test["verdict"]["generator"] == "invalid" else 0, waited.stderr())
        self.assertEqual((test["name"], outcomes_of(test)), ("from a file", {"ok": 20}))
        self.assertEqual(test, controller.get(f"/tests/{test['id']}"))
        self.assertEqual(json.loads(self.stage.run("test", "get", test["id"], "-o", "json", *remote).stdout()), test)

    def test_a_remote_test_is_stopped_by_a_signal_to_who_waits(self):
        controller = self.stage.controller()
        waiting = self.stage.start("test", "start", NOBODY, "-r", "1", "-d", "60s", "--wait", "--controller",
                                   controller.url)
        waiting.says("pending")
        waiting.signal(signal.SIGTERM)
        self.assertEqual(waiting.exit_code(), 105, waiting.stderr())
        self.assertEqual(controller.get("/tests")["items"][0]["state"], "stopped")

    def test_a_stop_that_was_not_done_is_asked_for_again(self):
        controller = self.stage.controller()
        test = controller.get(f"/tests/{controller.start_test(open_loop(NOBODY, 1, '60s'))}")
        with Scripted(test) as scripted:
            waiting = self.stage.start("test", "start", NOBODY, "-r", "1", "-d", "60s", "--wait", "--controller",
                                       scripted.url)
            waiting.says("pending")
            waiting.signal(signal.SIGINT)
            self.assertEqual(waiting.exit_code(), 105, waiting.stderr())
        self.assertIn("the stop is asked for again: the disk is full", waiting.stderr())
        self.assertEqual(scripted.stops, 2)
        # A lost answer is asked for again with the same key, and a 502 in between is no end.
        self.assertEqual(len(scripted.keys), 2)
        self.assertEqual(len(set(scripted.keys)), 1)
        self.assertIn("a gateway without a controller", waiting.stderr())

    def test_a_second_signal_leaves_at_once(self):
        # The target never answers, so that the first signal waits for what is under way.
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            run = self.stage.start("run", "http://%s:%d/" % silent.getsockname(), "-r", "10", "-d", "60s",
                                   "--timeout", "200s")
            run.says("running")
            run.signal(signal.SIGINT)
            run.says("stopping")
            run.signal(signal.SIGINT)
            self.assertEqual(run.exit_code(), 105, run.stderr())
            self.assertEqual(run.stdout(), "")

    def test_a_signal_ends_a_call_that_hangs(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            hanging = self.stage.start("test", "list", "--controller", "127.0.0.1:%d" % silent.getsockname()[1])
            connection, _ = silent.accept()
            hanging.signal(signal.SIGINT)
            self.assertEqual((hanging.exit_code(), hanging.stdout(), hanging.stderr()), (105, "", ""))
            connection.close()

    def test_the_verbs_on_a_running_test_say_what_they_did(self):
        controller, target = self.stage.controller(), self.stage.target()
        remote = ["--controller", controller.url]
        empty = self.stage.run("test", "list", *remote)
        self.assertEqual((empty.stdout().split(), empty.stderr()),
                         (["ID", "STATE", "CREATED", "PLANNED", "OK", "VERDICT", "NAME"], "no tests\n"))
        self.assertEqual(self.stage.run("agents", "list", *remote).stderr(), "no agents\n")
        for name in ("agent-1", "agent-2"):
            self.stage.agent(controller, name)
        controller.wait_for_agents(["agent-1", "agent-2"])
        test = controller.start_test(open_loop(target.url, 100, "60s"))
        controller.wait_for_state(test, "running")

        def said(*args):
            run = self.stage.run(*args, *remote)
            self.assertEqual((run.exit_code(), run.stderr()), (0, ""))
            return run.stdout()

        self.assertRegex(said("test", "rate", test, "50"), rf"^{test} 50/s from 20[0-9-]+T[0-9:.]+Z\n$")
        self.assertIn("effective_at", json.loads(said("test", "rate", test, "60", "-o", "json")))
        self.assertRegex(said("test", "list"), rf"\n{test} +running +20[0-9-]+T[0-9:]+Z +[0-9,]+ +[0-9,]+ +\w+ +e2e\n$")
        self.assertRegex(said("agents", "list"), r"\nagent-1 +ready +1 +[0-9.]+% ")
        self.assertEqual(said("agents", "drain", "agent-2"), "agent-2 draining\n")
        watching = self.stage.start("test", "watch", test, *remote)
        watching.says("running")
        watching.signal(signal.SIGINT)
        self.assertEqual(watching.exit_code(), 105)
        self.assertIn(f"the test goes on; `broadside test stop {test}` stops it", watching.stderr())
        self.assertEqual(said("test", "stop", test), f"{test} stopping\n")
        controller.wait_for_state(test, "stopped")
        self.assertIn("stopped: asked by a user", said("report", test))
        self.assertEqual(said("test", "delete", test), f"{test} deleted\n")

    def test_a_list_says_when_there_is_more(self):
        controller = self.stage.controller()
        for _ in range(2):
            controller.call("POST", f"/api/v1/tests/{controller.start_test(open_loop(NOBODY, 1, '1s'))}/stop")
        listed = self.stage.run("test", "list", "--limit", "1", "--controller", controller.url)
        self.assertEqual(len(listed.stdout().splitlines()), 2)
        self.assertEqual(listed.stderr(), "there are older ones: --limit shows up to 1000\n")

    def test_what_the_controller_refuses_is_told(self):
        controller = self.stage.controller()
        remote = ["--controller", controller.url]
        for args, code, part in [(["test", "get", "none"], 1, "no test none"),
                                 (["test", "get", "a/b ?c"], 1, "no test a/b ?c"),
                                 (["test", "stop", "none"], 1, "no test none"),
                                 (["test", "delete", "none"], 1, "no test none"),
                                 (["test", "rate", "none", "5"], 1, "no test none"),
                                 (["report", "none"], 1, "no test none"),
                                 (["agents", "drain", "none"], 1, "none")]:
            with self.subTest(args=args):
                self.assert_refused([*args, *remote], code, part)
        test = controller.start_test(open_loop(NOBODY, 1, "1s"))
        self.assert_refused(["test", "rate", test, "1e9", *remote], 104, "/rate", "10000000")
        self.assert_refused(["test", "delete", test, *remote], 1, "stop it first")

    def test_help_leads_with_examples(self):
        for verb in ([], ["run"], ["controller"], ["agent"], ["target"], ["test"], ["test", "start"], ["agents"],
                     ["report"]):
            with self.subTest(verb=verb):
                shown = self.stage.run(*verb, "--help")
                self.assertEqual((shown.exit_code(), shown.stderr()), (0, ""))
                text = shown.stdout()
                self.assertLess(text.index("Examples:"), text.index("Flags:"), text)
                self.assertIn(" ".join(["broadside", *verb]), text)
                self.assertLessEqual(max(map(len, text.splitlines())), 80, text)
                # No flag with the type names of the parser.
                self.assertNotRegex(text, "TEXT[^ ]*=|INT|UINT|REQUIRED|Env:")
        self.assertRegex(self.stage.run("--version").stdout(), r"^broadside [0-9]+\.[0-9]+\.[0-9]+\n$")

    def test_progress_fits_the_terminal(self):
        target = self.stage.target()
        text = self.stage.on_a_terminal(["run", target.url, "-r", "20", "-d", "1500ms"], {}, columns=40)
        lines = re.findall(r"\r\x1b\[2K([^\r]*)", text)
        self.assertTrue(lines, text)
        self.assertLessEqual(max(map(len, lines)), 39, text)

    def test_colours_are_for_a_terminal_without_no_color(self):
        target = self.stage.target()
        for environment, coloured in [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)]:
            with self.subTest(environment=environment):
                text = self.stage.on_a_terminal(["run", target.url, "-r", "20", "-d", "100ms", "-q"], environment)
                self.assertIn("balanced", text)
                self.assertEqual("\x1b[" in text, coloured, text)


if __name__ == "__main__":
    unittest.main()
