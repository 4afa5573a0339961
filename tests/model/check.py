#!/usr/bin/env python3
"""Checks the model of the fleet protocol with spin: whole, and with each rule taken away.

  check.py            runs everything; exit 1 when the whole model breaks, when it holds without a rule, or when docs/model.md
                      does not have these results
  check.py --write    the same, and writes the results into docs/model.md

Needs spin and gcc. Works in build/model.
"""

import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "model"
PAGE = ROOT / "docs" / "model.md"
MARKS = ("<!-- results: written by tests/model/check.py --write -->", "<!-- /results -->")
MEMORY_MB = 1900  # of one run; two run at a time
SECONDS = 60

# What is searched wholly: name, bounds.
WHOLE = [
    ("crash and break", "SEGMENTS=2 CRASHES=1 BREAKS=1"),
    ("two breaks", "SEGMENTS=2 CRASHES=0 BREAKS=2"),
    ("two crashes", "SEGMENTS=2 CRASHES=2 BREAKS=0"),
    ("three segments, break", "SEGMENTS=3 CRASHES=0 BREAKS=1"),
    ("an agent dies", "SEGMENTS=2 CRASHES=1 BREAKS=1 DEATHS=1"),
    ("drain, crash", "SEGMENTS=2 CRASHES=1 BREAKS=0 DRAINS=1"),
    ("drain, break", "SEGMENTS=2 CRASHES=0 BREAKS=1 DRAINS=1"),
    ("stop", "SEGMENTS=1 CRASHES=1 BREAKS=1 STOPS=1"),
    ("stop and drain", "SEGMENTS=1 CRASHES=1 BREAKS=0 STOPS=1 DRAINS=1"),
    ("an agent forgets", "SEGMENTS=2 CRASHES=1 BREAKS=1 FORGETS=1"),
]
# No run goes on for ever: searched for cycles.
ENDS = ("every run ends", "SEGMENTS=1 CRASHES=1 BREAKS=1 DRAINS=1 FORGETS=1")

# Switch, what it says, bounds that suffice to see it.
RULES = [
    ("GRANT_WAITS", "a grant goes out when its commit is durable", "SEGMENTS=1 CRASHES=1 BREAKS=0"),
    ("ACK_WAITS", "so does an acknowledgement", "SEGMENTS=1 CRASHES=0 BREAKS=0"),
    ("VIEW_WAITS", "so does a figure", "SEGMENTS=1 CRASHES=1 BREAKS=0"),
    ("STOP_DURABLE", "so does the word that a test is stopped", "SEGMENTS=1 CRASHES=1 BREAKS=1 STOPS=1"),
    ("MARK_WITH_COUNTS", "the mark of the reports is in the transaction of their counts", "SEGMENTS=1 CRASHES=1 BREAKS=0"),
    ("KEY_OUTLIVES", "the key of a report is (incarnation, seq), never the epoch", "SEGMENTS=1 CRASHES=1 BREAKS=0"),
    ("ARCS_DISJOINT", "the arcs of a segment are disjoint", "SEGMENTS=1 CRASHES=0 BREAKS=0"),
    ("GIVEN_AGAIN", "an agent that comes back is given what it owns above its plan_through", "SEGMENTS=1 CRASHES=0 BREAKS=1"),
    ("SENT_AGAIN", "reports are kept and sent again, unchanged, until acknowledged", "SEGMENTS=1 CRASHES=0 BREAKS=1"),
    ("OLD_STREAM_DROPPED", "what waits for an ended stream is for nobody", "SEGMENTS=2 CRASHES=0 BREAKS=1"),
    ("SETTLED_KEPT", "what an agent settled is not given to it again, though it forgot the test", "SEGMENTS=1 CRASHES=0 BREAKS=1 FORGETS=1"),
    ("OWED_KEPT", "an agent forgets no test while it owes results", "SEGMENTS=1 CRASHES=0 BREAKS=1 FORGETS=1"),
    ("DRAINS_UNGRANTED", "a draining agent gets no further segments", "SEGMENTS=1 CRASHES=0 BREAKS=0 DRAINS=1"),
    ("LEAVES_WHEN_TOLD", "a draining agent leaves only after may_leave", "SEGMENTS=1 CRASHES=0 BREAKS=0 DRAINS=1"),
    ("TOLD_WHEN_RESUMED", "which is not said while a test recovers", "SEGMENTS=1 CRASHES=1 BREAKS=0 DRAINS=1"),
    ("LEAVES_ACKED", "nor does it leave before its results are acknowledged", "SEGMENTS=1 CRASHES=0 BREAKS=0 DRAINS=1"),
    ("CUT_AGAIN", "an agent that comes back to a stopping test is told so", "SEGMENTS=1 CRASHES=0 BREAKS=1 STOPS=1"),
    ("STOPPED_WHEN_SURE", "stopped is said when every owner said CutDone", "SEGMENTS=1 CRASHES=0 BREAKS=0 STOPS=1"),
]
# Each holds without one of the two, and not without both: two lines of defence. Names, and what the two say.
PAIRS = [
    ("ONLY_MISSING", "only the segments above plan_through are sent again",
     "KNOWN_IGNORED", "a segment up to plan_through is ignored", "SEGMENTS=1 CRASHES=0 BREAKS=1"),
    ("ACKED_IN_WELCOME", "a Welcome says what is acknowledged",
     "COUNTED_ONCE", "a report whose number is known is not counted", "SEGMENTS=1 CRASHES=0 BREAKS=1"),
]


class Run:
    """One search: its bounds, the switches taken away, and what came of it."""

    def __init__(self, name, bounds, without=(), search="-DSAFETY", arguments=()):
        self.name, self.bounds, self.without = name, bounds, list(without)
        self.search, self.arguments = search, list(arguments)
        self.defines = [f"-D{b}" for b in bounds.split()] + [f"-DNO_{rule}" for rule in self.without]

    def perform(self):
        folder = WORK / re.sub(r"\W+", "_", self.name)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.trail"):
            old.unlink()
        for source in HERE.glob("*.pml"):
            (folder / source.name).write_text(source.read_text())
        started = time.monotonic()
        command(folder, ["spin", *self.defines, "-a", "fleet.pml"])
        # Unoptimised: most of the time is gcc.
        command(folder, ["gcc", "-O0", "-w", *self.search.split(), f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"])
        # -E: that nothing more can happen is no error in itself, check_end (properties.pml) judges it.
        text = command(folder, ["./pan", "-E", "-m100000", "-w22", *self.arguments])
        self.seconds = time.monotonic() - started
        self.states = int(re.search(r"(\d+) states, stored", text).group(1))
        self.memory = float(re.search(r"([\d.]+)\s+total actual memory", text).group(1))
        self.finished = "Search not completed" not in text and "max search depth too small" not in text
        self.broken = "errors: 0" not in text
        self.trace = self.story(folder) if self.broken else []
        return self

    def story(self, folder):
        """The shortest way to the violation, in words."""
        text = command(folder, ["spin", *self.defines, "-t", "fleet.pml"])
        lines = [line.strip() for line in text.splitlines()]
        told = [line for line in lines if re.match(r"(controller|agent|fault|user|end|BROKEN)\b.*:|BROKEN", line)]
        named = [re.sub(r"\bagent ([01])", lambda m: "agent " + "AB"[int(m.group(1))], line) for line in told]
        return named or ["(a cycle)"]


def command(folder, words):
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        sys.exit(f"model: {words[0]} is missing: scripts/setup model")
    except subprocess.TimeoutExpired:
        sys.exit(f"model: {' '.join(words)} took more than {SECONDS} s in {folder}")
    if words[0] != "./pan" and done.returncode != 0:
        sys.exit(f"model: {' '.join(words)} failed in {folder}:\n{done.stdout}{done.stderr}")
    return done.stdout


def results(whole, ends, rules, pairs):
    """The part of docs/model.md that is written here; no times, which differ."""
    text = ["### The whole model", "", "| run | bounds | states | |", "| --- | --- | --- | --- |"]
    for run in [*whole, ends]:
        text.append(f"| {run.name} | `{run.bounds}` | {run.states:,} | {'**broken**' if run.broken else 'holds'} |")
    text += ["", "### Without a rule", "", "| taken away | the rule | what breaks |", "| --- | --- | --- |"]
    for run, says in rules:
        text.append(f"| `{run.without[0]}` | {says} | {why(run)} |")
    for first, second, both, says in pairs:
        text.append(f"| `{both.without[0]}` | {says[0]} | {holds_or(first)} while `{both.without[1]}` stands |")
        text.append(f"| `{both.without[1]}` | {says[1]} | {holds_or(second)} while `{both.without[0]}` stands |")
        text.append(f"| both | | {why(both)} |")
    text += ["", "### The shortest traces", ""]
    for run in [*(run for run, _ in rules), *(both for _, _, both, _ in pairs)]:
        text += ["Without " + " and ".join(f"`{rule}`" for rule in run.without) + ":", "", "```", *run.trace, "```", ""]
    return "\n".join(text)


def why(run):
    return run.trace[-1].removeprefix("BROKEN: ") if run.broken else "nothing"


def holds_or(run):
    return "broken" if run.broken else "nothing"


def main():
    started = time.monotonic()
    whole = [Run(name, bounds) for name, bounds in WHOLE]
    ends = Run(*ENDS, search="-DNP", arguments=["-l"])
    rules = [(Run(f"no {rule}", bounds, [rule], "-DSAFETY -DBFS"), says) for rule, says, bounds in RULES]
    pairs = []
    for one, one_says, other, other_says, bounds in PAIRS:
        pairs.append((Run(f"no {one}", bounds, [one]), Run(f"no {other}", bounds, [other]),
                      Run(f"no {one} {other}", bounds, [one, other], "-DSAFETY -DBFS"), (one_says, other_says)))
    runs = [*whole, ends, *(run for run, _ in rules), *(run for pair in pairs for run in pair[:3])]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(Run.perform, runs))

    wrong = []
    print(f"{'run':34} {'states':>10} {'s':>6} {'MiB':>6}")
    for run in runs:
        must_break = run not in whole and run is not ends and not any(run in pair[:2] for pair in pairs)
        verdict = why(run) if run.broken else "holds"
        if not run.finished and not run.broken:
            wrong.append(f"{run.name}: the search did not end")
        if run.broken != must_break:
            wrong.append(f"{run.name}: {verdict}")
            print("\n".join(["", *run.trace, ""]) if run.broken else "", end="")
        print(f"{run.name:34} {run.states:10,} {run.seconds:6.1f} {run.memory:6.0f}  {verdict}")
    page = PAGE.read_text()
    head, rest = page.split(MARKS[0], 1)
    tail = rest.split(MARKS[1], 1)[1]
    fresh = head + MARKS[0] + "\n" + results(whole, ends, rules, pairs) + MARKS[1] + tail
    if "--write" in sys.argv[1:] and not wrong:
        PAGE.write_text(fresh)
    elif fresh != page:
        wrong.append("docs/model.md is not of these results: tests/model/check.py --write")
    most = sum(sorted((run.memory for run in runs), reverse=True)[:2])
    print(f"model: {len(runs)} runs, {sum(run.states for run in runs):,} states, {time.monotonic() - started:.0f} s, "
          f"at most {most:.0f} MiB at a time")
    for line in wrong:
        print(f"model: WRONG: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
