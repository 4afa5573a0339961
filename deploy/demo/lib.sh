#!/usr/bin/env bash
# Processes of `broadside` on loopback, for scripts that source this file from the root of the repository after `set -euo pipefail`.
# All that is started is stopped, and $work removed, when the script ends.
#
#   binary   the program: $BROADSIDE, else the release build
#   work     a folder for logs and data
#   started  the pid of the last `start`
# shellcheck disable=SC2034  # the scripts read them

binary=${BROADSIDE:-build/release/broadside}
work=$(mktemp -d)
pids=()

stop_all() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap stop_all EXIT

die() { # MESSAGE...: with the ends of all logs
  echo "$(basename "$0"): $*" >&2
  tail -n 5 "$work"/*.log >&2 || true
  exit 1
}

free_ports() { # COUNT: ports that are free now, in one line
  python3 - "$1" <<'PY'
import socket
import sys

sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in sockets])
PY
}

start() { # NAME ARGS...: runs `broadside ARGS` with its log in NAME.log
  local name=$1
  shift
  "$binary" "$@" >"$work/$name.log" 2>&1 &
  started=$!
  pids+=("$started")
}

wait_for() { # WHAT COMMAND...: until it succeeds, at most 20 s
  local what=$1
  shift
  for _ in $(seq 200); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  die "$what did not come up"
}

agents_ready() { # API COUNT: whether the controller at API has so many
  [ "$(curl -fsS "$1/api/v1/agents" | jq '[.items[] | select(.state == "ready")] | length')" -ge "$2" ]
}
