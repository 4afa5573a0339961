"""The faults, each a function of a Run. `FAULTS` has them by name, in the order of the table."""

import random
import re
import resource
import signal
import socket
import sys

import fleet  # noqa: F401 finds the harness
import harness
import judge
from fleet import GRPC, HERE, HTTP, RATE

FAULTS = {}
BACK = judge.SILENCE + judge.HORIZON + 2 * judge.SEGMENT  # a dead agent is noticed, its plan ends, the others have its share
HEALED = judge.HORIZON + 2 * judge.SEGMENT  # from there on the plan is whole again
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def fault(name, title, **options):
    """Registers a scenario; `options` are those of Run."""

    def register(function):
        FAULTS[name] = (title, function, options)
        return function

    return register


# --- agents


@fault("agent-kill", "agent SIGKILL")
def agent_kill(run):
    run.start_fleet()
    run.start_test(14)
    run.until(4)
    run.fault()
    run.agents["agent-2"].signal(signal.SIGKILL)
    run.judge(judge.crash_bound(RATE, 1 / 4), BACK)


@fault("half-kill", "half of the fleet SIGKILL at once")
def half_kill(run):
    run.start_fleet()
    run.start_test(14)
    run.until(4)
    run.fault()
    for name in ("agent-1", "agent-3"):
        run.agents[name].signal(signal.SIGKILL)
    run.judge(judge.crash_bound(RATE, 1 / 2), BACK)


def freeze_agent(run, seconds):
    run.start_fleet()
    run.start_test(12 + seconds)
    run.until(4)
    run.fault()
    run.agents["agent-2"].signal(signal.SIGSTOP)
    run.until(4 + seconds)
    run.agents["agent-2"].signal(signal.SIGCONT)
    run.healed()
    # It comes back and says what became of every slot: nothing is lost, what it could not send is skipped.
    run.judge(0, HEALED, skipped_bound=judge.crash_bound(RATE, 1 / 4, silent=True))


@fault("agent-freeze-1s", "agent SIGSTOP for 1 s")
def agent_freeze_1(run):
    freeze_agent(run, 1)


@fault("agent-freeze-5s", "agent SIGSTOP for 5 s")
def agent_freeze_5(run):
    freeze_agent(run, 5)


@fault("agent-freeze-20s", "agent SIGSTOP for 20 s")
def agent_freeze_20(run):
    freeze_agent(run, 20)


@fault("agent-name-twice", "a second agent of the same name")
def agent_name_twice(run):
    run.start_fleet()
    run.start_test(12)
    run.until(4)
    run.fault()
    run.threads += 1
    run.spawn(run.hosts[0], "agent", "--controller", f"{run.controller_host.ip}:{GRPC}", "--name", "agent-2",
              "--threads", "1", "--http", "", "--slot-header")
    test = run.judge(0, HEALED)
    twins = [a for a in test["agents"] if a["name"] == "agent-2"]
    run.row.check(len(twins) == 2 and len({a["incarnation"] for a in twins}) == 2, f"{len(twins)} agents of that name")


@fault("agent-descriptors", "agent without file descriptors for 3 s")
def agent_descriptors(run):
    run.start_fleet()
    run.start_test(14)
    run.until(4)
    agent = run.agents["agent-2"].popen
    run.fault()
    before = few_descriptors(agent.pid)
    # A frozen target makes every agent want new connections.
    run.target.process.signal(signal.SIGSTOP)
    run.until(4.5)
    run.target.process.signal(signal.SIGCONT)
    run.until(7)
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, before)
    run.healed()
    test = run.judge(0, HEALED, lateness=judge.MAX_LATENESS + 0.5, skipped_bound=RATE)
    run.row.check(test["totals"]["outcomes"]["local_error"] > 0, "no local_error, though nothing could be opened")
    run.row.notes.append(f"{test['totals']['outcomes']['local_error']} local_error")


# --- the network


def cut_off(run, to_controller, to_agent):
    run.start_fleet()
    run.start_test(24)
    agent = run.agents["agent-2"].host
    run.until(4)
    run.fault()
    if to_controller:
        run.network.drop(agent, run.controller_host)
    if to_agent:
        run.network.drop(run.controller_host, agent)
    run.until(14)
    run.row.check(run.network.dropped() > 0, "no packet was dropped")
    run.network.heal()
    run.healed()
    run.judge(0, HEALED, skipped_bound=judge.crash_bound(RATE, 1 / 4, silent=True))


@fault("cut-both", "agent and controller cut off from each other for 10 s")
def cut_both(run):
    cut_off(run, True, True)


@fault("cut-to-controller", "nothing gets from the agent to the controller for 10 s")
def cut_to_controller(run):
    cut_off(run, True, False)


@fault("cut-to-agent", "nothing gets from the controller to the agent for 10 s")
def cut_to_agent(run):
    cut_off(run, False, True)


@fault("stream-delay", "200 to 250 ms each way on the control streams")
def stream_delay(run):
    proxy = run.network.add("proxy", 30)
    delay = run.helper(proxy, sys.executable, HERE / "delay_proxy.py", GRPC, run.controller_host.ip, GRPC, 200, 50)
    run.row.check(delay.stdout.readline() == "listening\n", "the proxy does not listen")
    run.start_fleet(controller=f"{proxy.ip}:{GRPC}")
    run.start_test(12)
    run.fault_at = 1.0
    test = run.judge(0, 2)
    error = max(agent["clock_error_ms"] for agent in test["agents"])
    run.row.check(error >= 195, f"clock error {error} ms: the delay was not there")
    run.row.notes.append(f"clock error {error:.0f} ms, verdict {test['verdict']['generator']}")


@fault("stream-loss", "5 % of the packets of all control streams lost for 10 s")
def stream_loss(run):
    run.start_fleet()
    run.start_test(16)
    run.until(3)
    run.fault()
    for host in run.hosts:
        run.network.drop(host, run.controller_host, 5)
        run.network.drop(run.controller_host, host, 5)
    run.until(13)
    run.row.notes.append(f"{run.network.dropped()} packets dropped")
    run.row.check(run.network.dropped() > 0, "no packet was dropped")
    run.network.heal()
    run.judge(0, 2)


# --- the controller


@fault("controller-kill", "controller kill -9 three times at random moments of a ramp from 1,000 to 5,000")
def controller_kill(run):
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    run.start_fleet()
    run.start_test(34, 1000, 5000)
    bound, first = 0, None
    for begin in (4, 12, 20):
        run.until(begin + dice.uniform(0, 3))
        run.fault()
        first = first or run.fault_at
        run.controller.process.signal(signal.SIGKILL)
        run.controller.process.popen.wait()
        away = run.restart_controller()
        bound += judge.gap_bound(run.expected(run.fault_at, run.fault_at + 8) / 8, away)
        run.row.notes.append(f"away {away:.2f} s at {run.fault_at:.2f} s")
    run.row.notes.append(f"seed {seed}")
    run.judge(bound, judge.RECOVER + HEALED)


@fault("controller-freeze", "controller SIGSTOP for 5 s")
def controller_freeze(run):
    run.start_fleet()
    run.start_test(18)
    run.until(4)
    run.fault()
    run.controller.process.signal(signal.SIGSTOP)
    run.until(9)
    run.controller.process.signal(signal.SIGCONT)
    run.healed()
    run.judge(judge.gap_bound(RATE, 5), judge.RECOVER + HEALED)


@fault("controller-gone", "no controller any more: the load ends")
def controller_gone(run):
    run.start_fleet()
    run.start_test(20)
    run.until(4)
    run.fault()
    run.controller.process.signal(signal.SIGKILL)
    run.controller.process.popen.wait()
    run.until(13)
    bins = judge.Bins.of(run.target.stats())
    quiet = len(bins.counts) * bins.width - run.fault_at
    limit = judge.HORIZON + judge.MAX_LATENESS + judge.CLOCK_ERROR + bins.width
    run.row.notes.append(f"the last request {quiet:.2f} s after the kill, limit {limit:.2f} s")
    run.row.check(quiet <= limit, f"the load went on for {quiet:.2f} s, limit {limit:.2f} s")
    # Back only to read the books: what passed is unassigned, and the rest of the schedule goes on.
    away = run.restart_controller()
    run.judge(judge.gap_bound(RATE, away))


@fault("controller-twice", "a second controller: on the same store, at the same address, and with another store there")
def controller_twice(run):
    run.start_fleet()
    run.start_test(20)
    run.until(3)
    second = run.controller_process()
    run.row.check(second.exit_code() != 0 and second.stderr().count("\n") == 1,
                  f"the second one ended with {second.exit_code()}: {second.stderr()!r}")
    run.row.notes.append(second.stderr().strip().replace(str(run.stage.folder), "DIR"))
    third = run.controller_process("other")
    run.row.check(third.exit_code() != 0 and third.stderr().count("\n") == 1,
                  f"the one at the same address ended with {third.exit_code()}: {third.stderr()!r}")
    run.until(6)
    run.fault()
    run.controller.process.signal(signal.SIGKILL)
    run.controller.process.popen.wait()
    foreign = run.controller_process("other")
    for agent in run.agents.values():
        refusal = agent.logged("controller_refused")
        run.row.check("store" in str(refusal), f"refused by {agent.name} for another reason: {refusal}")
    foreign.signal(signal.SIGKILL)
    foreign.popen.wait()
    away = run.restart_controller()
    run.row.notes.append(f"the right one away for {away:.2f} s")
    run.judge(judge.gap_bound(RATE, away), judge.RECOVER + HEALED)


@fault("controller-descriptors", "controller without file descriptors for 5 s")
def controller_descriptors(run):
    run.start_fleet()
    run.start_test(14)
    run.until(3)
    pid = run.controller.process.popen.pid
    run.fault()
    before = few_descriptors(pid)
    idle = [socket.create_connection((run.controller_host.ip, HTTP), timeout=5) for _ in range(20)]
    began = cpu_seconds(pid)
    run.until(8)
    spent = cpu_seconds(pid) - began
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    for connection in idle:
        connection.close()
    run.row.check(spent < 2.5, f"{spent:.1f} s of CPU in 5 s: it turns in a circle")
    run.row.notes.append(f"{spent:.2f} s of CPU in 5 s")
    run.row.check(run.controller.call("GET", "/readyz").status == 200, "not ready afterwards")
    run.judge(0, 2)


def few_descriptors(pid):
    """From now on the process can open no descriptor; returns the limits it had."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
    return before


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024


@fault("slow-clients", "50 event streams and 20 requests of clients that never read")
def slow_clients(run):
    run.start_fleet()
    run.start_test(24)
    run.until(2)
    pid = run.controller.process.popen.pid
    run.fault()
    before = memory_mib(pid)
    clients = []
    for path in [f"/api/v1/tests/{run.test}/events"] * 50 + ["/metrics"] * 20:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.settimeout(5)
        client.connect((run.controller_host.ip, HTTP))
        request = f"GET {path} HTTP/1.1\r\nHost: controller\r\n\r\n".encode()
        client.sendall(request * (200 if path == "/metrics" else 1))  # answers that nobody takes
        clients.append(client)
    run.until(20)
    grown = memory_mib(pid) - before
    run.row.notes.append(f"controller grew by {grown:.0f} MiB")
    run.row.check(grown < 128, f"the controller grew by {grown:.0f} MiB")
    ended = sum(peer_ended(client) for client in clients[50:])
    run.row.check(ended == 20, f"only {ended} of 20 clients that never read were closed within 18 s")
    for client in clients:
        client.close()
    run.judge(0, 2)


def peer_ended(client):
    """Whether the other side has closed the connection, however much of what it sent was never read. From TCP's own
    state: established is 1, and we closed nothing."""
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x01"


# --- clock and target


@fault("clock-step", "the wall clock of an agent and the controller steps by +1 h, and back")
def clock_step(run):
    # CLOCK_BOOTTIME and CLOCK_MONOTONIC cannot be stepped, by nobody: they are left alone here as well. Never behind
    # the kernel's own clock, by which gRPC waits until a wall time: it would be in the past for ever.
    offset = run.stage.folder / "offset"
    offset.write_text("+0\n")
    variables = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_CACHE_DURATION": "1",
                 "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    run.start_target()
    run.start_controller(variables=variables)
    for name in run.wanted:
        run.start_agent(name, variables=variables if name == "agent-2" else None)
    run.controller.wait_for_agents(run.wanted)
    run.start_test(14)
    run.until(4)
    run.fault()
    offset.write_text("+3600\n")
    run.until(7)
    offset.write_text("+0\n")
    run.until(10)
    test = run.judge(0, 2)
    p99 = test["service_time"]["p99_ms"]
    run.row.check(test["service_time"]["max_ms"] < 1000, f"service time {test['service_time']}")
    run.row.notes.append(f"service time p99 {p99:.2f} ms, max {test['service_time']['max_ms']:.1f} ms")


@fault("target-freeze", "target SIGSTOP for 2 s")
def target_freeze(run):
    run.start_fleet()
    run.start_test(14)
    run.until(4)
    run.fault()
    run.target.process.signal(signal.SIGSTOP)
    run.until(6)
    run.target.process.signal(signal.SIGCONT)
    run.healed()
    # What was sent to the frozen target is read at once when it goes on: its bins show its freeze, not the agents'.
    run.judge(0, HEALED, lateness=judge.MAX_LATENESS + 2, skipped_bound=2 * RATE)


# --- the fleet in motion


@fault("join-drain-storm", "12 agents join at once and are drained at once, by signal, REST and command")
def join_drain_storm(run):
    run.start_fleet()
    run.start_test(26)
    run.until(3)
    run.fault()
    names = [f"guest-{i + 1}" for i in range(12)]
    run.threads += len(names)
    for name in names:
        run.start_agent(name)
    run.controller.wait_for_agents(run.wanted + names)
    run.until(max(run.now(), 10) + judge.HORIZON)
    commands = []
    for i, name in enumerate(names):
        if i % 3 == 0:
            run.agents[name].signal(signal.SIGTERM)
        elif i % 3 == 1:
            answer = run.controller.call("POST", f"/api/v1/agents/{name}/drain")
            run.row.check(answer.status == 202, f"drain of {name}: {answer.status} {answer.text}")
        else:
            commands.append(run.stage.start("agents", "drain", name, "--controller", run.controller.url))
    for command in commands:
        run.row.check(command.exit_code() == 0, f"agents drain: {command.stderr()}")
    codes = [run.agents[name].exit_code() for name in names]
    run.row.check(not any(codes), f"exit codes of the drained {codes}")
    run.row.notes.append(f"all drained at {run.now():.1f} s")
    run.judge(0, 2)


@fault("rolling-restart", "every agent and the controller restarted, one after the other, all planned")
def rolling_restart(run):
    run.start_fleet()
    run.start_test(50)
    run.fault_at = 1.0
    run.until(2)

    def renew(name):
        old = run.agents[name]
        run.threads += 1
        run.start_agent(f"{name}-new", old.host)  # as a deployment does it: one more, then one less
        names = sorted(n for n, a in run.agents.items() if a.popen.poll() is None)
        run.controller.wait_for_agents(names)
        old.signal(signal.SIGTERM)
        run.row.check(old.exit_code() == 0, f"{name} ended with {old.popen.returncode}")
        run.row.notes.append(f"{name} renewed at {run.now():.1f} s")

    for name in run.wanted[:2]:
        renew(name)
    began = run.now()
    run.controller.process.signal(signal.SIGTERM)
    run.row.check(run.controller.process.exit_code() == 0, "the controller did not end with 0")
    run.start_controller()
    run.row.notes.append(f"controller renewed from {began:.1f} to {run.now():.1f} s")
    for name in run.wanted[2:]:
        renew(name)
    run.row.check(run.now() < run.seconds, f"the restarts took until {run.now():.1f} s")
    run.judge(0, 1)
    bins = judge.Bins.of(run.target.stats())
    first = 0.5
    errors = [abs(e) for e in bins.errors(run.expected, first, run.seconds - 0.5)]
    run.row.figures["windows_off"] = {round(first + i * judge.WINDOW, 1): round(e, 4)
                                      for i, e in enumerate(errors) if e > 0.02}
    near = sum(e <= 0.02 for e in errors) / len(errors)
    run.row.figures.update({"windows": len(errors), "windows_within_2": round(near, 3),
                            "worst_window": round(max(errors), 4)})
    run.row.notes.append(f"of {len(errors)} windows of 500 ms {near:.1%} within 2 %, the worst {max(errors):.1%} off")
    run.row.timed(near >= 0.9 and max(errors) <= 0.05, f"windows: {near:.1%} within 2 %, worst {max(errors):.1%}")


@fault("reconnect-storm", "300 agents lose their controller at once and come back", agents=300)
def reconnect_storm(run):
    run.start_target()
    run.start_controller()
    for begin in range(0, len(run.wanted), 50):
        for name in run.wanted[begin:begin + 50]:
            run.start_agent(name)
        harness.eventually("50 more agents", lambda: len(run.controller.agents()) >= begin + 50, 120, every=0.2)
    harness.eventually("a ready fleet", lambda: sum(a["state"] in ("ready", "spare") for a in
                                                    run.controller.agents().values()) == len(run.wanted), 120, every=0.2)
    run.start_test(24)
    run.until(5)
    run.fault()
    run.controller.process.signal(signal.SIGKILL)
    run.controller.process.popen.wait()
    away = run.restart_controller()

    def connected():
        return sum(a["state"] in ("ready", "spare") for a in run.controller.agents().values()) == len(run.wanted)

    harness.eventually("all back", connected, 60, every=0.1)
    run.row.notes.append(f"controller away {away:.2f} s, all 300 back {run.now() - run.fault_at:.1f} s after the kill")
    # 200 and more agents beat once a second, and are silent after four.
    run.judge(judge.gap_bound(RATE, away), judge.RECOVER + HEALED)
