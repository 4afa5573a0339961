#!/usr/bin/env python3
"""Runs many seeds of the simulator in several processes and prints the sums.

  tests/sim/run.py [--program build/release/tests/sim/sim_test] [--seeds 10000] [--first 1] [--jobs 2]

Process j of J takes every J'th seed. Exit 1 when a seed failed: its story is printed, and how to
run it alone.
"""

import argparse
import os
import subprocess
import sys
import time

TEST = "SimTest.WhateverHappensEverySlotIsFiredOnceAndTheBooksBalance"


def start(arguments, job):
    seeds = len(range(job, arguments.seeds, arguments.jobs))
    environment = dict(
        os.environ,
        SIM_FIRST=str(arguments.first + job),
        SIM_STRIDE=str(arguments.jobs),
        SIM_SEEDS=str(seeds),
    )
    return subprocess.Popen(
        [arguments.program, f"--gtest_filter={TEST}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def add(output, sums):
    """Adds the lines `sim: <count> <what>` of one process; returns the others."""
    rest = []
    for line in output.splitlines():
        if not line.startswith("sim: "):
            rest.append(line)
            continue
        count, what = line[len("sim: ") :].split(" ", 1)
        if what.endswith("(most)"):
            sums[what] = max(sums.get(what, 0), int(count))
        else:
            sums[what] = sums.get(what, 0) + int(count)
    return rest


def main():
    parser = argparse.ArgumentParser(description="Checks many lives; see the head of this file.")
    parser.add_argument("--program", default="build/release/tests/sim/sim_test")
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    began = time.monotonic()
    processes = [start(arguments, job) for job in range(min(arguments.jobs, arguments.seeds))]
    sums = {}
    failed = False
    for process in processes:
        rest = add(process.communicate()[0], sums)
        if process.returncode != 0:
            failed = True
            print("\n".join(rest))
    took = time.monotonic() - began
    for what in sorted(sums):
        print(f"{sums[what]:>14,}  {what}")
    print(f"{took:>14,.0f}  s")
    print(f"{sums.get('simulated seconds', 0) / took:>14,.0f}  simulated seconds a second")
    print(f"sim: {'FAILED' if failed else 'passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
