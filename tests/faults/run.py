#!/usr/bin/env python3
"""Real faults on real processes at 3,000 rps, judged by the target's own count.

  tests/faults/run.py [NAME...] [--list] [--json FILE]

Prints a Markdown table, a row a fault, and writes the figures to build/faults/. Exit 1 where a row failed; 77 with one
line where this machine cannot do it (no right to make a network namespace, no nftables).
"""

import argparse
import json
import pathlib
import signal
import sys
import traceback

import fleet
import network
import scenarios

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77
HEAD = ["fault", "lost / bound", "highest 100 ms: seen / spaced / hard ceiling", "back after s", "after healing s",
        "books", "other outcomes", "machine: worst wake-up ms, load", "result"]


def number(value):
    return "-" if value is None else f"{value:,}"


def cells(row):
    f = row.figures
    others = {k: v for k, v in f.get("outcomes", {}).items() if k not in ("ok", "unknown", "unassigned")}
    return [row.title,
            f"{number(f.get('lost'))} / {number(f.get('lost_bound'))}",
            f"{number(f.get('highest_100ms'))} / {number(f.get('spaced_ceiling_100ms'))} / "
            f"{number(f.get('ceiling_100ms'))}",
            number(f.get("back_s")), number(f.get("back_after_healing_s")),
            "balanced" if f.get("balanced") else "not balanced",
            ", ".join(f"{v:,} {k}" for k, v in others.items()) or "none",
            f"{f.get('worst_wakeup_ms', '-')}, {f.get('load_after', '-')}",
            row.ok()]


def line(row):
    return "| " + " | ".join(str(cell) for cell in cells(row)) + " |"


def play(name):
    """The row of one fault, whatever happens."""
    title, function, options = scenarios.FAULTS[name]
    row = fleet.Row(name, title)
    with fleet.Run(row, **options) as run:
        try:
            function(run)
        except Exception as error:  # noqa: BLE001 a row of the table
            row.problems.append(f"{type(error).__name__}: {error}")
            traceback.print_exc()
        if row.problems:
            print(run.stage.logs()[-20000:], file=sys.stderr)
    return row


def main():
    parser = argparse.ArgumentParser(description="Real faults on real processes.")
    parser.add_argument("names", nargs="*", help="of faults; default: all")
    parser.add_argument("--list", action="store_true", help="prints the names")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/faults/faults.json")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(scenarios.FAULTS))
        return 0
    unknown = [name for name in arguments.names if name not in scenarios.FAULTS]
    if unknown:
        parser.error(f"no fault {', '.join(unknown)}; there are {', '.join(scenarios.FAULTS)}")
    # An exception unwinds everything that was started; what even SIGKILL leaves, the kernel ends (network.py).
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        network.enter_own_namespace()
        network.Network().close()
    except network.NotPossible as why:
        print(f"skipped: {why}")
        return SKIPPED

    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD), flush=True)
    rows = []
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or scenarios.FAULTS:
        rows.append(play(name))
        print(line(rows[-1]), flush=True)
        arguments.json.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n", encoding="utf-8")
        for text in rows[-1].problems + rows[-1].doubts:
            print(f"  {name}: {text}", file=sys.stderr, flush=True)
    failed = sum(bool(row.problems) for row in rows)
    disturbed = sum(row.ok() == "disturbed" for row in rows)
    print(f"\nfaults: {len(rows) - failed - disturbed} ok, {disturbed} disturbed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
