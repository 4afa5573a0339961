#!/usr/bin/env bash
# A long steady test: resident memory of controller and agent after the first minute and at the end must be within 5 %.
# Fails too when the test did not finish, its books do not balance, or its verdict is invalid: it was no steady test then.
#
# usage: tests/acceptance/memory.sh [RPS [SECONDS]], from the root of the repository, after `make release`
set -euo pipefail

# shellcheck source=deploy/demo/lib.sh
source deploy/demo/lib.sh
rps=${1:-5000}
seconds=${2:-600}
read -r target_port rest_port grpc_port < <(free_ports 3)
api="http://127.0.0.1:$rest_port"

start target target --listen "127.0.0.1:$target_port"
start controller controller --http "127.0.0.1:$rest_port" --grpc "127.0.0.1:$grpc_port" --data "$work/data"
controller=$started
start agent agent --controller "127.0.0.1:$grpc_port" --name a --threads 1 --http ""
agent=$started

resident_kib() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }

wait_for "the agent" agents_ready "$api" 1
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
result=$(curl -fsS "$api/api/v1/tests/$id")
jq -c '{state, planned: .totals.planned, ok: .totals.outcomes.ok, balanced: .books.balanced, verdict: .verdict}' <<<"$result"

failed=0
jq -e '.state == "finished" and .books.balanced and .verdict.generator != "invalid"' <<<"$result" >/dev/null || {
  echo "the test is not finished, not balanced, or invalid"
  failed=1
}
check() { # NAME BEFORE AFTER
  local percent
  percent=$(awk -v a="$2" -v b="$3" 'BEGIN {printf "%+.1f", (b - a) * 100 / a}')
  echo "$1: $2 KiB after minute 1, $3 KiB at the end ($percent %)"
  awk -v p="$percent" 'BEGIN {exit !(p <= 5)}' || failed=1
}
check controller "$controller_before" "$controller_after"
check agent "$agent_before" "$agent_after"
exit "$failed"
