#!/usr/bin/env bash
# A long steady test: resident memory of controller and agent after the first minute and at the end must be within 5 %.
#
# usage: tests/acceptance/memory.sh [RPS [SECONDS]], from the root of the repository, after `make release`
set -euo pipefail

binary=${BROADSIDE:-build/release/broadside}
rps=${1:-5000}
seconds=${2:-600}
work=$(mktemp -d)
pids=()

# shellcheck disable=SC2317  # the trap calls it
stop_all() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap stop_all EXIT

read -r target_port rest_port grpc_port < <(python3 - <<'PY'
import socket
sockets = [socket.socket() for _ in range(3)]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in sockets])
PY
)
api="http://127.0.0.1:$rest_port"

"$binary" target --listen "127.0.0.1:$target_port" 2>"$work/target.log" &
pids+=($!)
"$binary" controller --http "127.0.0.1:$rest_port" --grpc "127.0.0.1:$grpc_port" --data "$work/data" 2>"$work/controller.log" &
controller=$!
pids+=("$controller")
"$binary" agent --controller "127.0.0.1:$grpc_port" --name a --threads 1 --http "" 2>"$work/agent.log" &
agent=$!
pids+=("$agent")

resident_kib() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }

for _ in $(seq 200); do
  if curl -fsS "$api/api/v1/agents" 2>/dev/null | jq -e '.items[0].state == "ready"' >/dev/null; then break; fi
  sleep 0.1
done
id=$(curl -fsS -X POST "$api/api/v1/tests" -H 'Content-Type: application/json' -d "$(jq -n \
  --arg url "http://127.0.0.1:$target_port/" --argjson rps "$rps" --arg duration "${seconds}s" \
  '{name: "memory", target: {url: $url}, load: {stages: [{duration: $duration, rate: $rps}]}}')" | jq -r .id)

sleep 62
controller_before=$(resident_kib "$controller")
agent_before=$(resident_kib "$agent")
# Just before the end, as all is still in use then.
sleep $((seconds - 64))
controller_after=$(resident_kib "$controller")
agent_after=$(resident_kib "$agent")
until curl -fsS "$api/api/v1/tests/$id" | jq -e '.state != "running"' >/dev/null; do sleep 1; done
curl -fsS "$api/api/v1/tests/$id" | jq -c '{state, planned: .totals.planned, ok: .totals.outcomes.ok, balanced: .books.balanced, verdict: .verdict}'

failed=0
check() { # NAME BEFORE AFTER
  local percent
  percent=$(awk -v a="$2" -v b="$3" 'BEGIN {printf "%+.1f", (b - a) * 100 / a}')
  echo "$1: $2 KiB after minute 1, $3 KiB at the end ($percent %)"
  awk -v p="$percent" 'BEGIN {exit !(p <= 5)}' || failed=1
}
check controller "$controller_before" "$controller_after"
check agent "$agent_before" "$agent_after"
exit "$failed"
