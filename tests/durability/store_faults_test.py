"""The store fails at every point at which it can, under a running test, in the real controller.

`broadside_failpoints` (failing_vfs.cc) is the real program with a store that fails where a file beside it
says. Some lanes run side by side, each with a controller, an agent and a target of its own and one test of 200
requests a second that outlives all of the lane's failpoints. After each failpoint: the same test under the same
id, no total lower than it was ever shown, books that balance, the plan of every second as it was (nothing is
caught up), and a rate that is back. At the end the target's own count is the judge: each request that the books
call sent arrived once.

    BROADSIDE=build/release/broadside BROADSIDE_FAILPOINTS=build/release/broadside_failpoints \
      python3 tests/durability/store_faults_test.py        # prints the table
"""

import os
import pathlib
import re
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import Controller, Stage, eventually, open_loop, outcomes_of  # noqa: E402

FAILPOINTS = os.environ.get("BROADSIDE_FAILPOINTS",
                            pathlib.Path(__file__).resolve().parents[2] / "build/release/broadside_failpoints")
RATE = 200
HORIZON_S = 2
DIED = -signal.SIGKILL

# (point, effect): while the test runs; what happens each second, and what a user can ask for.
STATEMENTS = [
    ("sql-BEGIN", "kill-after"),
    ("sql-UPDATE-tests", "kill-before"),
    ("sql-INSERT-INTO-segments", "kill-before"),
    ("sql-INSERT-INTO-segments", "kill-after"),
    ("sql-INSERT-INTO-ledger", "kill-before"),
    ("sql-INSERT-INTO-ledger", "kill-after"),
    ("sql-INSERT-INTO-intervals", "kill-after"),
    ("sql-COMMIT", "kill-before"),
    ("sql-COMMIT", "kill-after"),
    ("sql-DELETE-FROM-ledger", "kill-after"),
]
ASKED = [
    ("sql-INSERT-INTO-tests", "kill-before", "start"),
    ("sql-INSERT-INTO-specs", "kill-after", "start"),
    ("sql-INSERT-INTO-changes", "kill-after", "start"),
    ("sql-INSERT-INTO-partitions", "kill-before", "start"),
    ("sql-INSERT-INTO-garbage", "kill-after", "start"),
    ("sql-DELETE-FROM-tests", "kill-after", "delete"),
    ("sql-DELETE-FROM-segments", "kill-before", "start"),
    ("sql-DELETE-FROM-intervals", "kill-after", "delete"),
    ("sql-INSERT-OR-REPLACE-INTO-drains", "kill-after", "drain"),
]
LOG = [
    ("wal-write", "kill-before"),
    ("wal-write", "kill-after"),
    ("wal-write", "power-before"),
    ("wal-write", "power-after"),
    ("wal-write", "power-torn"),
    ("wal-sync", "kill-before"),
    ("wal-sync", "kill-after"),
    ("wal-sync", "power-before"),
    ("wal-sync", "power-after"),
]
# While a controller starts on what a killed one left.
STARTING = [
    ("db-write", "kill-after"),
    ("db-write", "power-torn"),
    ("db-sync", "power-before"),
    ("db-sync", "kill-after"),
    ("wal-truncate", "power-before"),
    ("wal-truncate", "power-after"),
    ("sql-UPDATE-meta", "kill-before"),
    ("sql-UPDATE-meta", "power-after"),
]
# The process lives on, read-only.
ERRORS = [
    ("*-write", "full"),
    ("wal-write", "error"),
    ("wal-write", "short"),
    ("wal-sync", "error"),
    ("*", "error"),
]


def total(test):
    return sum(test["totals"]["outcomes"].values())


class Lane:
    """One controller with its test, and the failpoints that it goes through."""

    def __init__(self, script):
        self.script, self.name, self.stage = script, script.__name__, Stage()
        self.rows, self.summary, self.error, self.logs = [], "", None, ""

    def begin(self):
        self.data = self.stage.folder / "data"
        self.target = self.stage.target()
        self.start_controller("127.0.0.1:0", "127.0.0.1:0")
        self.stage.agent(self.controller, "agent-1")
        self.controller.wait_for_agents(["agent-1"])
        self.old = self.controller.start_test(open_loop(self.target.url, 50, "500ms"))  # to look at, to delete
        self.controller.wait_for_state(self.old, "finished")
        self.before = self.target.stats()["requests"]
        self.test = self.controller.start_test(open_loop(self.target.url, RATE, "600s"))
        self.controller.wait_for_state(self.test, "running")
        self.seen, self.others, self.drained = None, {}, 0
        self.small_tests = []
        self.goes_on()

    # ---- the process ----

    def start_controller(self, http, grpc):
        self.process = self.stage.start("controller", "--http", http, "--grpc", grpc, "--data", self.data,
                                        "--horizon", HORIZON_S, binary=FAILPOINTS)
        self.controller = None
        if http.endswith(":0"):
            self.controller = Controller(self.process)
            self.addresses = (self.controller.address, self.controller.grpc)

    def restart(self):
        self.start_controller(*self.addresses)
        self.controller = Controller(self.process)

    def arm(self, point, effect):
        temporary = self.data / "failpoint.new"
        temporary.write_text(f"{point} {effect}\n")
        temporary.rename(self.data / "failpoint")

    def disarm(self):
        (self.data / "failpoint").unlink(missing_ok=True)

    # ---- what must hold ----

    def look(self):
        """The test as it stands. Nothing may be lower than it was shown before, and nothing is missing."""
        now = self.controller.get(f"/tests/{self.test}")
        assert now["id"] == self.test and now["books"]["balanced"], now
        assert now["totals"]["planned"] == total(now) + now["totals"]["outstanding"], now["totals"]
        if self.seen is not None:
            assert now["totals"]["planned"] >= self.seen["totals"]["planned"], (self.seen["totals"], now["totals"])
            for outcome, count in self.seen["totals"]["outcomes"].items():
                assert now["totals"]["outcomes"][outcome] >= count, (outcome, self.seen["totals"], now["totals"])
        self.seen = now
        return now

    def goes_on(self):
        """Until requests are answered that were due after now."""
        eventually("ready", lambda: self.controller.call("GET", "/readyz").status == 200)
        answered = self.look()["totals"]["outcomes"]["ok"]
        eventually("the rate is back",
                   lambda: self.look()["totals"]["outcomes"]["ok"] >= answered + RATE, every=0.1)

    def look_until_it_dies(self):
        def died():
            try:
                self.look()
            except (OSError, ValueError, EOFError):
                pass  # it died in the middle
            except Exception as broken:  # pylint: disable=broad-except
                if "http.client" not in type(broken).__module__:
                    raise
            return self.process.popen.poll() is not None

        eventually(f"{self.name}: the failpoint is reached", died, every=0.05)
        assert self.process.popen.returncode == DIED, self.process.stderr()

    def row(self, point, effect, since, before):
        totals = self.seen["totals"]
        self.rows.append((point, effect, time.monotonic() - since, totals["planned"], total(self.seen),
                          totals["outstanding"],
                          totals["outcomes"]["unassigned"] - before["totals"]["outcomes"]["unassigned"],
                          re.findall(r"\bepoch=(\d+)", self.process.stderr())[-1]))

    # ---- failpoints ----

    def ask(self, what):
        """What a user asks for, so that the point is reached; how it ends is looked at after the restart."""
        def run():
            try:
                if what == "start":
                    self.controller.call("POST", "/api/v1/tests", *self.small())
                elif what == "delete":
                    self.controller.call("DELETE", f"/api/v1/tests/{self.old}")
                elif what == "drain":
                    self.controller.call("POST", f"/api/v1/agents/spare-{self.drained}/drain")
            except Exception:  # pylint: disable=broad-except
                pass  # no answer: it died before

        threading.Thread(target=run, daemon=True).start()

    def small(self):
        return open_loop(self.target.url, 20, "500ms", name="small"), {"Idempotency-Key": f"key-{len(self.rows)}"}

    def asked_again(self, what):
        if what == "start":
            # The same key: the same test, or the first, and never a second one.
            again = self.controller.call("POST", "/api/v1/tests", *self.small())
            assert again.status == 201, again.text
            small = self.controller.wait_for_state(again.json["id"], "finished")
            self.others[small["id"]] = small["totals"]["outcomes"]["ok"]
            self.small_tests.append(small["id"])
            tests = {t["id"] for t in self.controller.get("/tests?limit=1000")["items"]}
            assert tests == {self.test, self.old, *self.small_tests}, (tests, self.small_tests)
        elif what == "delete":
            self.controller.call("DELETE", f"/api/v1/tests/{self.old}")
            assert self.controller.call("GET", f"/api/v1/tests/{self.old}").status == 404
            self.old = self.small_tests.pop()
        elif what == "drain":
            self.controller.call("POST", f"/api/v1/agents/spare-{self.drained}/drain")
            assert self.spare.exit_code() == 0, self.spare.stderr()

    def dies(self, point, effect, asked=None):
        if asked == "drain":
            self.drained += 1
            self.spare = self.stage.agent(self.controller, f"spare-{self.drained}")
            self.controller.wait_for_agents(["agent-1", f"spare-{self.drained}"])
        before, since = self.look(), time.monotonic()
        self.arm(point, effect)
        if asked:
            self.ask(asked)
        self.look_until_it_dies()
        self.disarm()
        self.restart()
        self.goes_on()
        if asked:
            self.asked_again(asked)
        self.row(point, effect, since, before)

    def dies_starting(self, point, effect):
        before, since = self.look(), time.monotonic()
        self.process.popen.kill()
        self.process.popen.wait()
        self.arm(point, effect)
        self.start_controller(*self.addresses)
        assert self.process.exit_code() == DIED, self.process.stderr()
        self.disarm()
        self.restart()
        self.goes_on()
        self.row(point, effect, since, before)

    def read_only(self, point, effect):
        before, since = self.look(), time.monotonic()
        self.arm(point, effect)
        told = eventually("not ready", lambda: self.not_ready())
        assert "the store cannot be written" in told, told
        assert self.controller.call("GET", "/healthz").status == 200
        assert self.controller.metrics()["broadside_store_writable"] == 0
        refused = self.controller.call("POST", "/api/v1/tests", open_loop(self.target.url, 20, "1s"))
        assert (refused.status, refused.headers["content-type"]) == (503, "application/problem+json"), refused.text
        assert "retry-after" in refused.headers and "the store cannot be written" in refused.json["detail"]
        self.look()
        self.controller.get(f"/tests/{self.old}")
        assert self.controller.get(f"/tests/{self.test}/intervals")["items"]
        self.wait_for_silence()
        self.disarm()
        self.goes_on()
        assert self.controller.metrics()["broadside_store_writable"] == 1
        self.row(point, effect, since, before)

    def not_ready(self):
        answer = self.controller.call("GET", "/readyz")
        return answer.text if answer.status == 503 else None

    def wait_for_silence(self):
        """The plan runs out: the target gets nothing more."""
        last = [-1, 0.0]

        def silent():
            requests = self.target.stats()["requests"]
            if requests != last[0]:
                last[:] = [requests, time.monotonic()]
            return time.monotonic() - last[1] > 0.7

        eventually("no load without a plan", silent, every=0.1)

    def starts_read_only(self):
        """Killed while the disk is full, it comes back read-only, and goes on when there is room."""
        before, since = self.look(), time.monotonic()
        self.arm("*-write", "full")
        eventually("not ready", lambda: self.not_ready())
        self.process.popen.kill()
        self.process.popen.wait()
        self.restart()
        eventually("not ready", lambda: self.not_ready())
        self.look()
        self.disarm()
        self.goes_on()
        self.row("*-write", "full, kill", since, before)

    def loses_power_after_a_failed_sync(self):
        """A later sync says nothing of what an earlier one failed to write."""
        before, since = self.look(), time.monotonic()
        self.arm("wal-sync", "error")
        eventually("not ready", lambda: self.not_ready())
        self.disarm()
        self.goes_on()
        self.arm("wal-write", "power-before")
        self.look_until_it_dies()
        self.disarm()
        self.restart()
        self.goes_on()
        self.row("wal-sync", "error, then power", since, before)

    # ---- the end ----

    def settle(self):
        """Stops the test; the target's count has the last word."""
        self.controller.call("POST", f"/api/v1/tests/{self.test}/stop")
        ended = self.controller.wait_for_state(self.test, "stopped", "finished", "failed", "inconsistent")
        assert ended["state"] == "stopped", ended
        self.look()
        assert ended["totals"]["outstanding"] == 0 and total(ended) == ended["totals"]["planned"], ended["totals"]
        outcomes = outcomes_of(ended)
        assert set(outcomes) <= {"ok", "unassigned", "skipped", "cancelled"}, outcomes
        stats = self.target.stats()
        arrived = stats["requests"] - self.before - sum(self.others.values())
        assert arrived == outcomes["ok"], (arrived, outcomes)
        seconds, cursor = {}, ""
        while cursor is not None:
            page = self.controller.get(f"/tests/{self.test}/intervals?limit=1000{cursor}")
            seconds.update({i["k"]: i for i in page["items"]})
            cursor = f"&cursor={page['next']}" if page["next"] is not None else None
        last = max(k for k, i in seconds.items() if i["planned"])
        wrong = {k: i for k, i in seconds.items() if k < last and i["planned"] != RATE}
        assert not wrong and sorted(seconds)[:last + 1] == list(range(last + 1)), wrong
        assert all(sum(i["outcomes"].values()) == i["planned"] for i in seconds.values())
        highest = max(sum(stats["bins"][i:i + 100]) for i in range(len(stats["bins"])))
        assert highest <= 1.3 * RATE + 40, highest  # a small test may run beside it
        self.summary = (f"{self.name}: planned {ended['totals']['planned']} = {outcomes}; arrived {arrived}, "
                        f"at most {highest} in a second; {self.process.name}")

    def run(self):
        try:
            self.begin()
            self.script(self)
            self.settle()
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error
            self.logs = self.stage.logs()
        finally:
            self.stage.__exit__()


def statements(lane):
    for point, effect in STATEMENTS:
        lane.dies(point, effect)


def asked(lane):
    for point, effect, what in ASKED:
        lane.dies(point, effect, what)


def log(lane):
    for point, effect in LOG:
        lane.dies(point, effect)


def starting(lane):
    for point, effect in STARTING:
        lane.dies_starting(point, effect)


def errors(lane):
    for point, effect in ERRORS:
        lane.read_only(point, effect)
    lane.starts_read_only()
    lane.loses_power_after_a_failed_sync()


class StoreFaultsTest(unittest.TestCase):
    def test_nothing_is_lost_or_counted_twice_at_any_failpoint(self):
        chosen = os.environ.get("BROADSIDE_LANES", "statements,asked,log,starting,errors").split(",")
        scripts = [s for s in (statements, asked, log, starting, errors) if s.__name__ in chosen]
        lanes = [Lane(script) for script in scripts]
        threads = [threading.Thread(target=lane.run) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"\n{'failpoint':36} {'effect':18} {'back':>6} {'planned':>8} {'outcomes':>8} {'outst.':>6} "
              f"{'unassigned':>10} {'epoch':>5}")
        for lane in lanes:
            for point, effect, back, planned, outcomes, outstanding, unassigned, epoch in lane.rows:
                print(f"{point:36} {effect:18} {back:5.1f}s {planned:8} {outcomes:8} {outstanding:6} "
                      f"{unassigned:+10} {epoch:>5}  balanced")
        for lane in lanes:
            print(lane.summary if lane.error is None else f"{lane.name}: {lane.error!r}\n{lane.logs}")
        for lane in lanes:
            if lane.error is not None:
                raise lane.error


if __name__ == "__main__":
    unittest.main()
