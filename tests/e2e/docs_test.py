"""What the documents tell a user to type, typed: each command runs as it stands, and does what the text says.

Only three things are changed: 127.0.0.1 is a loopback address of this test's own, durations are a tenth or less, and ID
is the test that was started last.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import unittest

from harness import BINARY, ENDED, PATIENCE_S, Controller, StageTest, Target, call, environment

ROOT = pathlib.Path(__file__).resolve().parents[2]


def blocks(document, heading=None):
    """The fenced blocks of a document, or of its section under that heading."""
    found, block, inside = [], None, heading is None
    for line in (ROOT / document).read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            if block is not None and inside:
                found.append("".join(block))
            block = [] if block is None else None
        elif block is not None:
            block.append(line + "\n")
        elif heading is not None and re.match("#{1,2} ", line):
            inside = line == heading
    assert found, f"{document} has no such section: {heading}"
    return found


def commands(block):
    """Its commands; one may go over several lines."""
    command = ""
    for line in block.splitlines():
        command += line + "\n"
        try:
            words = shlex.split(command, comments=True)
        except ValueError:  # a quotation that is still open
            continue
        if line.endswith("\\"):
            continue
        if words:
            yield command.strip()
        command = ""
    assert not command, command


def line_names(summary):
    """The first words of the lines of a summary, but for those that depend on the figures: bars, and why one is left out."""
    return [line.split()[0] for line in summary.splitlines() if line.split() and line.split()[0] not in ("<=", "-")]


class DocumentsTest(StageTest):
    def setUp(self):
        super().setUp()
        number = os.getpid()
        self.ip = f"127.{1 + number % 250}.{1 + number // 250 % 250}.{1 + number // 62500 % 250}"
        self.bin = self.stage.folder / "bin"
        self.bin.mkdir()
        (self.bin / "broadside").symlink_to(BINARY)
        self.id = self.controller = None

    def type(self, command, durations=()):
        """Runs one command as a shell would: its output, or, if it ends in `&`, its process."""
        command = command.replace("127.0.0.1", self.ip)
        for written, ours in durations:
            command = command.replace(written, ours)
        if self.id:
            command = re.sub(r"\bID\b", self.id, command)
        if command.endswith("&"):
            return self.stage.start(*shlex.split(command.removesuffix("&").replace("./", f"{self.stage.folder}/"))[1:])
        run = subprocess.run(["bash", "-c", command], cwd=self.stage.folder, capture_output=True, text=True,
                             timeout=2 * PATIENCE_S, check=False,
                             env={**environment(), "PATH": f"{self.bin}:{os.environ['PATH']}", "C": f"http://{self.ip}:8080"})
        self.assertEqual(run.returncode, 0, f"{command}\n{run.stdout}\n{run.stderr}")
        return run.stdout

    def wait_for_start(self, process):
        if process.name.endswith("target"):
            process.logged("target_started")
        elif process.name.endswith("controller"):
            self.controller = Controller(process, self.ip)
        return process

    def test_the_readme_from_the_first_command_to_the_last(self):
        alone, shown, fleet, result, live = blocks("README.md", "## A first test")
        path_command, target_command, run_command = commands(alone)
        self.assertEqual(path_command, 'export PATH="$PWD/build/release:$PATH"')  # where `make` puts it
        self.wait_for_start(self.type(target_command))
        printed = self.type(run_command, [("-d 30s", "-d 2s")])
        self.assertEqual(line_names(printed), line_names(shown), f"README shows\n{shown}\nbut it is\n{printed}")

        *started, start_test = commands(fleet)
        for command in started:
            self.wait_for_start(self.type(command))
        self.controller.wait_for_agents(["agent-1", "agent-2"])
        test = json.loads(self.type(start_test, [('"20s"', '"2s"'), ('"10s"', '"1s"')]))
        self.id = test["id"]
        self.controller.wait_for_state(self.id, "finished")
        test = json.loads(self.type(f"curl -s http://127.0.0.1:8080/api/v1/tests/{self.id}"))
        written = json.loads(result)
        self.assertEqual(test["totals"]["planned"] * 10, written["totals"]["planned"])
        self.assertEqual(test["totals"]["outcomes"]["ok"] * 10, written["totals"]["outcomes"]["ok"])
        self.assertEqual(test["books"]["balanced"], written["books"]["balanced"])
        self.assert_has_keys_of(written, test)

        self.id = json.loads(self.type(start_test, [('"20s"', '"60s"'), ('"10s"', '"1s"')]))["id"]
        self.controller.wait_for_state(self.id, "running")
        rate, drain, events, metrics, stop = commands(live)
        self.assertIn("effective_at", json.loads(self.type(rate)))
        drained = self.stage.processes[-1]
        self.assertIn("agent-2", drain)
        self.assertEqual(json.loads(self.type(drain))["state"], "draining")
        self.assertEqual(drained.exit_code(), 0)
        self.assertIn("broadside_requests_per_second", self.type(metrics))
        self.type(stop)
        self.assertIn("event: end", self.type(events))
        self.assertEqual(self.controller.get(f"/tests/{self.id}")["state"], "stopped")

    def assert_has_keys_of(self, shown, actual, path=""):
        """What a document shows of a result is there."""
        for key, value in shown.items():
            self.assertIn(key, actual, path)
            if isinstance(value, dict):
                self.assert_has_keys_of(value, actual[key], f"{path}/{key}")

    def start_fleet(self):
        """A controller on 8080 and an agent, as the documents assume."""
        controller = self.stage.start("controller", "--http", f"{self.ip}:8080", "--grpc", f"{self.ip}:0")
        self.controller = Controller(controller, self.ip)
        self.stage.agent(self.controller, "agent-1")
        self.controller.wait_for_agents(["agent-1"])

    def test_the_first_calls_of_the_rest_page(self):
        self.start_fleet()
        target = self.stage.target()
        for command in commands(blocks("docs/rest.md")[0]):
            if "-X DELETE" in command:
                self.controller.wait_for_state(self.id, *ENDED)
            if "/events" in command:
                # Followed to the end only when there is one; here only that it begins.
                command = command.split("#")[0].strip() + " | head -c 100"
            out = self.type(command.replace("http://svc.shop:8080/", target.url))
            if self.id is None and command.startswith("curl"):
                self.id = json.loads(out)["id"]
                self.controller.wait_for_state(self.id, "running")
        self.assertEqual(self.controller.call("GET", f"/api/v1/tests/{self.id}").status, 404)

    def test_the_spec_of_the_cli_page_is_accepted(self):
        self.start_fleet()
        spec = next(block for block in blocks("docs/cli.md") if block.startswith("name:"))
        (self.stage.folder / "spec.yaml").write_text(spec.replace("svc.shop", "127.0.0.1"))
        out = self.type(f"broadside test start -f spec.yaml --controller http://{self.ip}:8080 -o json")
        self.id = json.loads(out)["id"]
        self.type("curl -s -X POST $C/api/v1/tests/ID/stop")
        self.controller.wait_for_state(self.id, *ENDED)

    def test_the_examples_of_run(self):
        target = self.wait_for_start(self.type("broadside target --listen 127.0.0.1:8000 &"))
        self.assertEqual(Target(target, self.ip).address, f"{self.ip}:8000")
        (self.stage.folder / "spec.yaml").write_text(json.dumps({
            "name": "spec", "target": {"url": f"http://{self.ip}:8000/"},
            "load": {"model": "open", "stages": [{"duration": "1s", "rate": 10}]}}))
        examples = [c for block in blocks("docs/cli.md") for c in commands_of_run(block)]
        self.assertGreaterEqual(len(examples), 3)
        for command in examples:
            with self.subTest(command=command):
                self.type(command, [("-d 30s", "-d 1s"), ("-d 1m", "-d 1s")])
        seen = call(f"{self.ip}:8000", "GET", "/__target/stats").json
        self.assertGreaterEqual(seen["requests"], 1000)


def commands_of_run(block):
    return list(commands(block)) if block.startswith("broadside run") else []


if __name__ == "__main__":
    unittest.main()
