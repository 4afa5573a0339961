"""One run: a target, a controller and agents as processes on hosts of their own, one test over them, and what the judge
makes of it. Times are seconds of test time, from the first request at the target."""

import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import judge  # noqa: E402
import network  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
RATE = 3000
GRPC, HTTP, TARGET = 9090, 8080, 8000  # ports; each host has its own
WAKEUP_CALM = 0.03  # the worst wake-up of a calm machine
LATE_CALM = 0.02  # and the share of naps that were more than 5 ms late


class Canary:
    """Measures how late this machine wakes processes while the run lasts."""

    def __init__(self, host):
        self._popen = subprocess.Popen([sys.executable, HERE / "canary.py"], stdout=subprocess.PIPE, text=True,
                                       preexec_fn=host.before_exec(first=True))

    def end(self):
        self._popen.terminate()
        return json.loads(self._popen.communicate()[0])

    def kill(self):
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.communicate()


class Row:
    """What a run showed. `problems` are failures, `doubts` what a busy machine explains as well."""

    def __init__(self, name, title):
        self.name, self.title = name, title
        self.figures = {}
        self.notes, self.problems, self.doubts = [], [], []

    def check(self, holds, text):
        if not holds:
            self.problems.append(text)

    def timed(self, holds, text):
        """Checked where the machine was calm."""
        if not holds:
            (self.problems if self.figures.get("calm") else self.doubts).append(text)

    def ok(self):
        return "FAILED" if self.problems else "disturbed" if self.doubts else "ok"

    def as_json(self):
        return {"name": self.name, "title": self.title, "ok": self.ok(), **self.figures, "notes": self.notes,
                "problems": self.problems, "doubts": self.doubts}


class Run:
    """The processes of one scenario; a context manager."""

    def __init__(self, row, agents=4, hosts=4):
        self.row = row
        self.stage = harness.Stage()
        self.network = network.Network()
        self.hosts = [self.network.add(f"agents-{i + 1}", 101 + i) for i in range(hosts)]
        self.controller_host = self.network.add("controller", 20)
        self.target_host = self.network.add("target", 10)
        self.canary = Canary(self.target_host)
        self.wanted = [f"agent-{i + 1}" for i in range(agents)]
        self.agents = {}
        self.threads = agents  # sending threads that ever were
        self.fault_at = self.healed_at = None
        self.helpers = []
        self.load = os.getloadavg()[0]
        self.controller = self.target = self.test = self.t0 = self.expected = None

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.canary.kill()
        for helper in self.helpers:
            helper.kill()
            helper.communicate()
        for process in self.stage.processes:
            process.popen.kill()  # nothing is to be drained any more
        self.stage.__exit__()
        self.network.close()

    # --- processes

    def spawn(self, host, *args, variables=None):
        return self.stage.start(*args, before_exec=host.before_exec(first=True), variables=variables)

    def helper(self, host, *command):
        """Another program, ended with the run."""
        popen = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True,
                                 preexec_fn=host.before_exec(first=True))
        self.helpers.append(popen)
        return popen

    def start_target(self, *args):
        self.target = harness.Target(self.spawn(self.target_host, "target", "--listen", f"0.0.0.0:{TARGET}", *args),
                                     self.target_host.ip)

    def controller_process(self, data="data", variables=None):
        host = self.controller_host
        return self.spawn(host, "controller", "--http", f"{host.ip}:{HTTP}", "--grpc", f"{host.ip}:{GRPC}", "--data",
                          self.stage.folder / data, variables=variables)

    def start_controller(self, data="data", variables=None):
        self.controller = harness.Controller(self.controller_process(data, variables), self.controller_host.ip)

    def start_agent(self, name, host=None, controller=None, variables=None):
        host = host or self.hosts[len(self.agents) % len(self.hosts)]
        address = controller or f"{self.controller_host.ip}:{GRPC}"
        agent = self.spawn(host, "agent", "--controller", address, "--name", name, "--threads", "1", "--http", "",
                           "--slot-header", variables=variables)
        agent.host = host
        self.agents[name] = agent
        return agent

    def start_fleet(self, controller=None):
        self.start_target()
        self.start_controller()
        for name in self.wanted:
            self.start_agent(name, controller=controller)
        self.controller.wait_for_agents(self.wanted)

    # --- the test

    def start_test(self, seconds, rate=RATE, to=None):
        """Of a constant rate, or a ramp; returns when the target has the first request."""
        self.seconds = seconds
        self.rate = max(rate, to or 0)
        self.expected = judge.ramp(rate, to, seconds) if to else judge.constant(rate)
        stage = {"duration": f"{seconds}s", "from": rate, "to": to} if to else {"duration": f"{seconds}s", "rate": rate}
        spec = {"name": self.row.name, "target": {"url": self.target.url},
                "load": {"model": "open", "stages": [stage]}, "timeout": f"{judge.TIMEOUT:g}s",
                "max_lateness": f"{judge.MAX_LATENESS:g}s", "agents": {"min": len(self.wanted), "use": "all"}}
        self.test = self.controller.start_test(spec)
        self.t0 = harness.eventually("the first request", lambda: judge.Bins.of(self.target.stats()).start)

    def now(self):
        return time.monotonic() - self.t0

    def until(self, seconds):
        """Waits for that test time."""
        harness.eventually(f"test time {seconds}", lambda: self.now() >= seconds, seconds + 60, every=0.005)

    def fault(self):
        self.fault_at = self.now()

    def healed(self):
        self.healed_at = self.now()

    def ended(self):
        """The test, once it is final."""
        patience = self.seconds + judge.MAX_LATENESS + judge.TIMEOUT + 40

        def probe():
            now = self.controller.get(f"/tests/{self.test}")
            return now if now["state"] in harness.ENDED else None

        return harness.eventually(f"the end of {self.test}", probe, patience, every=0.1)

    def restart_controller(self):
        """A new one on the same store; returns how long there was none since `fault`."""
        self.start_controller()
        return self.now() - self.fault_at

    # --- the verdict

    def judge(self, lost_bound=0, back_within=None, lateness=judge.MAX_LATENESS, skipped_bound=0):
        """Looks at books, ceiling and rate. `lost_bound`: unknown and unassigned slots allowed; `back_within`: seconds
        after healing (or the fault) in which the rate is back, None for not judged; `lateness`: how late the target may
        see a request; `skipped_bound`: slots that agents held and could not send in time."""
        row, test, stats = self.row, self.ended(), self.target.stats()
        canary = self.canary.end()
        bins = judge.Bins.of(stats)
        totals, outcomes = test["totals"], test["totals"]["outcomes"]
        lost = outcomes["unknown"] + outcomes["unassigned"]
        wakeup = canary["worst_ms"] / 1e3
        planned = round(self.expected(0, self.seconds))
        row.figures.update({
            "planned": totals["planned"], "requests": stats["requests"], "lost": lost, "lost_bound": lost_bound,
            "outcomes": {k: v for k, v in outcomes.items() if v}, "balanced": test["books"]["balanced"],
            "state": test["state"], "verdict": test["verdict"]["generator"], "worst_wakeup_ms": canary["worst_ms"],
            "late_naps": round(canary["late"], 4), "load_before": round(self.load, 1),
            "load_after": round(os.getloadavg()[0], 1),
            "calm": wakeup <= WAKEUP_CALM and canary["late"] <= LATE_CALM,
        })
        row.check(test["state"] == "finished", f"state {test['state']}")
        row.check(test["books"]["balanced"] and totals["outstanding"] == 0
                  and sum(outcomes.values()) == totals["planned"], "the books do not balance")
        row.check(totals["planned"] == planned, f"planned {totals['planned']}, not {planned}")
        row.timed(outcomes["skipped"] <= skipped_bound, f"{outcomes['skipped']} skipped, bound {skipped_bound}")
        row.check(lost <= lost_bound, f"lost {lost}, more than the bound {lost_bound}")
        self._judge_target(bins, stats, outcomes, totals["resends"], lateness, wakeup)
        self._judge_rate(bins, back_within)
        return test

    def _judge_target(self, bins, stats, outcomes, resends, lateness, wakeup):
        row = self.row
        row.check(stats["slots"]["duplicates"] <= resends,
                  f"{stats['slots']['duplicates']} slots came twice, {resends} resends")
        row.check(stats["requests"] >= outcomes["ok"], "more ok than the target saw")
        hard = judge.ceiling(self.rate, judge.SMALL, self.threads, lateness)
        spaced = judge.catch_up_ceiling(self.rate, judge.SMALL, self.threads, wakeup)
        highest, at = bins.highest(judge.SMALL)
        due = self.expected(0, self.seconds) / self.seconds * judge.SMALL
        row.figures.update({"highest_100ms": highest, "highest_at": round(at, 2), "due_100ms": round(due),
                            "ceiling_100ms": hard, "spaced_ceiling_100ms": spaced})
        row.check(highest <= hard, f"{highest} requests in 100 ms at {at:.2f} s, ceiling {hard}")
        if lateness == judge.MAX_LATENESS:
            if highest > spaced:
                first = max(round((at - 0.3) / bins.width), 0)
                row.figures["bins_around"] = bins.counts[first:first + 60]
            row.timed(highest <= spaced, f"{highest} requests in 100 ms at {at:.2f} s, spaced ceiling {spaced}")

    def _judge_rate(self, bins, back_within):
        since = self.fault_at
        if since is None:
            return
        end = self.seconds - judge.SMALL
        back = bins.back_within(self.expected, since, end)
        healed = bins.back_within(self.expected, self.healed_at, end) if self.healed_at else back
        self.row.figures.update({"back_s": None if back is None else round(back, 1),
                                 "back_after_healing_s": None if healed is None else round(healed, 1)})
        if back_within is not None:
            self.row.timed(healed is not None and healed <= back_within,
                           f"back after {healed if healed is None else round(healed, 1)} s, not {back_within:g}")
