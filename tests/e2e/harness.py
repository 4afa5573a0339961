"""Real processes of the built binary on loopback, for the *_test.py beside this file.

A test case owns the processes it starts: they listen on port 0, say on stderr where, and are ended when
the test is over, however it ended. Every wait is for a condition, with a deadline.
"""

import fcntl
import http.client
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

_RELEASE = pathlib.Path(__file__).resolve().parents[2] / "build/release/broadside"
BINARY = os.environ.get("BROADSIDE", _RELEASE)
# Deadlines are for what should take a fraction of them, on a busy machine and under sanitizers too.
PATIENCE_S = float(os.environ.get("BROADSIDE_PATIENCE_S", "30"))
ENDED = ("finished", "stopped", "failed", "inconsistent")


def eventually(what, probe, seconds=PATIENCE_S, every=0.02):
    """The first true value of `probe`, asked again and again."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(every)  # tidy: allow(sleep) between two looks at a process that cannot call us


def environment():
    """Ours, without what would change how the binary behaves."""
    return {k: v for k, v in os.environ.items() if not k.startswith("BROADSIDE") and k != "NO_COLOR"}


class Answer:
    """An HTTP answer: status, headers (by lower-case name), text, and json where it is."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.read().decode("utf-8", "replace")
        self.json = None
        if "json" in self.headers.get("content-type", "") and self.text:
            self.json = json.loads(self.text)


def call(address, method, path, body=None, headers=None):
    """One HTTP call; `body` may be an object, which goes as JSON, or text or bytes, which go as they are."""
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Process:
    """A started `broadside`, its output in files. `before_exec` runs in the child, `variables` are added to ours."""

    def __init__(self, folder, number, args, before_exec=None, variables=None, binary=BINARY):
        self.name = "-".join([str(number), *args[:1]])
        self.out = folder / f"{self.name}.out"
        self.err = folder / f"{self.name}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.popen = subprocess.Popen([binary, *args], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          preexec_fn=before_exec, env={**environment(), **(variables or {})})

    def stdout(self):
        return self.out.read_text()

    def stderr(self):
        return self.err.read_text()

    def logged(self, event):
        """The fields of the first log line of that event, once it is there."""

        def find():
            match = re.search(rf"^.* event={event}\b.*$", self.stderr(), re.MULTILINE)
            if match is None and self.popen.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.popen.returncode}: {self.stderr()}")
            return match

        line = eventually(f"{event} of {self.name}", find).group(0)
        return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))

    def says(self, text):
        """Waits until it is on stderr."""
        eventually(f'"{text}" from {self.name}', lambda: text in self.stderr())

    def signal(self, number):
        self.popen.send_signal(number)

    def exit_code(self, seconds=PATIENCE_S):
        """Waits for its end."""
        return self.popen.wait(seconds)

    def end(self):
        """Ends it for good, whatever it does."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


class Stage:
    """All processes of one test case or class, and their folder. A context manager."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="broadside-e2e-"))
        self.processes = []

    def start(self, *args, before_exec=None, variables=None, binary=BINARY):
        process = Process(self.folder, len(self.processes), [str(arg) for arg in args], before_exec, variables, binary)
        self.processes.append(process)
        return process

    def run(self, *args, seconds=PATIENCE_S):
        """Runs `broadside` to its end and returns it."""
        process = self.start(*args)
        process.exit_code(seconds)
        return process

    def on_a_terminal(self, args, variables, columns=80):
        """What `broadside` writes to a terminal that it has for stdin, stdout and stderr, until it has ended."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        child = subprocess.Popen([BINARY, *args], stdin=theirs, stdout=theirs, stderr=theirs,
                                 env={**environment(), **variables})
        os.close(theirs)
        text = b""
        try:
            while select.select([ours], [], [], PATIENCE_S)[0]:
                text += os.read(ours, 65536)
        except OSError:
            pass  # the other side was closed
        finally:
            os.close(ours)
            child.kill()
            child.wait()
        return text.decode()

    def controller(self, *args, http="127.0.0.1:0", grpc="127.0.0.1:0"):
        return Controller(self.start("controller", "--http", http, "--grpc", grpc, *args))

    def agent(self, controller, name, *args):
        return self.start("agent", "--controller", controller.grpc, "--name", name, "--threads", 1, "--http", "",
                          *args)

    def target(self, *args):
        return Target(self.start("target", "--listen", "127.0.0.1:0", *args))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for process in self.processes:
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self):
        return "\n".join(f"--- {p.name} ({p.popen.returncode})\n{p.stderr()[-2000:]}" for p in self.processes)


class Target:
    def __init__(self, process, host="127.0.0.1"):
        self.process = process
        self.address = f"{host}:{process.logged('target_started')['port']}"
        self.url = f"http://{self.address}/"

    def stats(self):
        return call(self.address, "GET", "/__target/stats").json


class Controller:
    def __init__(self, process, host="127.0.0.1"):
        self.process = process
        started = process.logged("controller_started")
        self.address = started["http"]
        self.url = f"http://{self.address}"
        self.grpc = f"{host}:{started['grpc_port']}"

    def call(self, method, path, body=None, headers=None):
        return call(self.address, method, path, body, headers)

    def get(self, path):
        answer = self.call("GET", "/api/v1" + path)
        assert answer.status == 200, (path, answer.status, answer.text)
        return answer.json

    def agents(self):
        return {agent["name"]: agent for agent in self.get("/agents")["items"]}

    def wait_for_agents(self, names):
        """Until exactly these are ready."""
        wanted = sorted(names)
        eventually(f"agents {wanted}",
                   lambda: sorted(n for n, a in self.agents().items() if a["state"] in ("ready", "spare")) == wanted)

    def start_test(self, spec, **headers):
        answer = self.call("POST", "/api/v1/tests", spec, headers)
        assert answer.status == 201, answer.text
        return answer.json["id"]

    def wait_for_state(self, test, *states):
        """The test, once it is in one of these states."""

        def there():
            now = self.get(f"/tests/{test}")
            return now if now["state"] in states else None

        return eventually(f"{test} {'/'.join(states)}", there, 2 * PATIENCE_S)

    def metrics(self):
        """{series as written: value} of /metrics."""
        lines = self.call("GET", "/metrics").text.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


class EventReader(threading.Thread):
    """Reads a test's server-sent events to their end on a thread of its own."""

    def __init__(self, controller, test, last_event_id=None):
        super().__init__()
        self.events = []  # (id, name, data)
        self._headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        self._connection = http.client.HTTPConnection(controller.address, timeout=PATIENCE_S)
        self._path = f"/api/v1/tests/{test}/events"
        self.start()

    def run(self):
        self._connection.request("GET", self._path, headers=self._headers)
        event = {}
        with self._connection.getresponse() as response:
            for line in response:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key:
                    event[key] = value
                    continue
                if "data" in event:
                    self.events.append((int(event["id"]), event["event"], json.loads(event["data"])))
                event = {}
        self._connection.close()

    def to_end(self):
        """All events, once the stream has ended."""
        self.join(2 * PATIENCE_S)
        assert not self.is_alive(), "the event stream does not end"
        return self.events


def open_loop(url, rate, duration, **more):
    return {"name": "e2e", "target": {"url": url},
            "load": {"model": "open", "stages": [{"duration": duration, "rate": rate}]}, **more}


def outcomes_of(test):
    """The outcomes that are not 0."""
    return {name: n for name, n in test["totals"]["outcomes"].items() if n}


class StageTest(unittest.TestCase):
    """A test case with a stage of its own; when it fails, it shows the logs."""

    def setUp(self):
        self.stage = Stage()
        self.addCleanup(self.stage.__exit__)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(self._kept_logs)

    _kept_logs = ""

    def tearDown(self):
        self._kept_logs = self.stage.logs()
