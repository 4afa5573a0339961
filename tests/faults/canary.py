#!/usr/bin/env python3
"""How late this machine wakes a process that wants to run every 5 ms: what a row of the table is worth. Ends on SIGTERM
with one line: {"naps": n, "late": share of naps more than 5 ms late, "worst_ms": w}."""

import json
import signal
import sys
import time

naps = late = 0
worst = 0.0


def tell(*_):
    print(json.dumps({"naps": naps, "late": late / max(naps, 1), "worst_ms": round(worst * 1e3, 1)}), flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, tell)
while True:
    before = time.monotonic()
    time.sleep(0.005)  # tidy: allow(sleep) the measured thing
    over = time.monotonic() - before - 0.005
    naps += 1
    late += over > 0.005
    worst = max(worst, over)
