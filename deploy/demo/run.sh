#!/usr/bin/env bash
# The main job for a newcomer: a target, a controller and three agents as processes on loopback; one test started by a REST call; its live progress from
# /metrics; its result. Stops what it started. Exit 0 only if the books balance, the target counted the same, and the verdict is valid.
#
# usage: deploy/demo/run.sh [RPS [SECONDS]], from the root of the repository, after `make release`
set -euo pipefail

# shellcheck source=deploy/demo/lib.sh
source deploy/demo/lib.sh
rps=${1:-3000}
seconds=${2:-20}
read -r target_port rest_port grpc_port < <(free_ports 3)
api="http://127.0.0.1:$rest_port"
target="http://127.0.0.1:$target_port"

echo "Starting a target, a controller and three agents on loopback ..."
start target target --listen "127.0.0.1:$target_port"
start controller controller --http "127.0.0.1:$rest_port" --grpc "127.0.0.1:$grpc_port" --data "$work/data"
for i in 1 2 3; do
  start "agent-$i" agent --controller "127.0.0.1:$grpc_port" --name "agent-$i" --threads 1 --http ""
done
wait_for "the controller" curl -fsS "$api/readyz"
wait_for "the target" curl -fsS "$target/__target/stats"
wait_for "the fleet of three agents" agents_ready "$api" 3

spec=$(jq -n --arg url "$target/" --argjson rps "$rps" --arg duration "${seconds}s" '{
  name: "demo", target: {url: $url},
  load: {model: "open", stages: [{duration: $duration, rate: $rps}]},
  thresholds: {http_req_failed: ["rate<0.01"], http_req_duration: ["p(99)<200"]}, agents: {min: 3}}')
echo
echo "The live page is at $api/ while the demo runs. The test is started by one REST call:"
echo "  curl -X POST $api/api/v1/tests -H 'Content-Type: application/json' -d '$(jq -c . <<<"$spec")'"
echo
id=$(curl -fsS -X POST "$api/api/v1/tests" -H 'Content-Type: application/json' -d "$spec" | jq -r .id)

# One sample of the figure a second, as Prometheus would scrape it.
figure() { # NAME: the value of the test's series, empty if there is none
  awk -v series="broadside_$1{test=\"$id\"}" '$1 == series {print $2}' "$work/metrics"
}
printf '%8s %14s %14s %12s %10s\n' second planned/s answers/s ok state
samples="$work/samples"
: >"$samples"
for second in $(seq $((seconds + 40))); do
  sleep 1
  curl -fsS "$api/metrics" >"$work/metrics"
  state=$(curl -fsS "$api/api/v1/tests/$id" | jq -r .state)
  rate=$(figure requests_per_second)
  planned=$(figure planned_requests_per_second)
  ok=$(awk -v series="broadside_requests_total{test=\"$id\",outcome=\"ok\"}" '$1 == series {print $2}' "$work/metrics")
  printf '%8s %14s %14s %12s %10s\n' "$second" "${planned:--}" "${rate:--}" "${ok:--}" "$state"
  [ "$state" = running ] && [ "${rate:-0}" != 0 ] && echo "$rate" >>"$samples"
  case $state in pending | running | stopping) ;; *) break ;; esac
done

curl -fsS "$api/api/v1/tests/$id" >"$work/test.json"
seen=$(curl -fsS "$target/__target/stats" | jq .requests)
echo
BROADSIDE_CONTROLLER=$api "$binary" report "$id" -o text
median=$(sort -n "$samples" | awk '{v[NR] = $1} END {print NR ? v[int((NR + 1) / 2)] : 0}')
off=$(awk -v plan="$rps" 'NR > 1 {d = ($1 - plan) / plan; if (d < 0) d = -d; if (d > 0.02) n++} END {print n + 0}' "$samples")
echo
echo "planned $(jq .totals.planned "$work/test.json") = outcomes $(jq '[.totals.outcomes[]] | add' "$work/test.json") = counted by the target $seen"
echo "/metrics: median $median answers/s of $rps planned, $off of $(wc -l <"$samples") seconds more than 2 % off"

jq -e --argjson seen "$seen" --argjson planned $((rps * seconds)) '
  .state == "finished" and .books.balanced and .totals.outstanding == 0 and .totals.planned == $planned
  and ([.totals.outcomes[]] | add) == $planned and $seen == $planned' "$work/test.json" >/dev/null ||
  die "the books do not balance"
echo "books balanced"
jq -e '.verdict.generator == "valid"' "$work/test.json" >/dev/null ||
  die "the verdict on the generator is $(jq -c .verdict "$work/test.json")"
echo "verdict valid"
