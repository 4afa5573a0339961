// Figures, the series, the form, the plan, the comparison: what needs no browser.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { columnsOf, highest, layersOf, marksOf } from "../src/charts/columns";
import { quote, startLines } from "../src/lib/commands";
import { compare, reservations, specDifferences } from "../src/lib/compare";
import * as format from "../src/lib/format";
import { occurred } from "../src/lib/outcomes";
import { plannedIn, planOf } from "../src/lib/plan";
import { KEEP, Series } from "../src/lib/series";
import { durationOf, emptyForm, fieldOf, positionOf, seconds, specOf } from "../src/lib/spec";
import type { Change, Distribution, Interval, Spec, Test } from "../src/lib/types";
import { shadeOf, sortAgents } from "../src/view/fleet";
import { isOff } from "../src/view/figure";
import { routeOf } from "../src/lib/store";

const distribution = (p50: number | null, p99: number | null = null): Distribution => ({
  count: 1,
  mean_ms: p50,
  p50_ms: p50,
  p90_ms: null,
  p99_ms: p99,
  p99_9_ms: null,
  max_ms: p50,
});
const interval = (k: number, more: Partial<Interval> = {}): Interval => ({
  k,
  planned: 10,
  outcomes: { ok: 10 },
  completed: 10,
  versions: {},
  response_time: distribution(1),
  service_time: distribution(1),
  send_lag: distribution(0),
  settled: true,
  closed_completed: 10,
  coverage: 1,
  ...more,
});

describe("format", () => {
  it("groups counts and leaves nothing out", () => {
    assert.equal(format.count(60000), "60,000");
    assert.equal(format.count(1234567), "1,234,567");
  });
  it("gives rates as many digits as they need", () => {
    assert.deepEqual([0, 0.5, 1 / 3, 12, 12.34, 1000.4, 1e6].map(format.rate), [
      "0", "0.5", "0.333", "12", "12.3", "1,000", "1,000,000",
    ]);
  });
  it("gives times three digits", () => {
    assert.deepEqual([0, 0.0004, 0.038, 0.84, 12.345, 99.99, 184.2, 1240].map(format.ms), [
      "0", "<0.001", "0.0380", "0.840", "12.3", "100", "184", "1,240",
    ]);
    assert.deepEqual([0, 0.038, 0.84, 12.345, 184.2, 1240, 61234].map(format.time), [
      "0 ms", "38.0 µs", "840 µs", "12.3 ms", "184 ms", "1.24 s", "61.2 s",
    ]);
    assert.equal(format.ms(null), "–");
  });
  it("never rounds a share to all or to nothing", () => {
    assert.deepEqual([0, 0.00001, 0.0123, 1 / 3, 0.99994, 1].map(format.percent), [
      "0 %", "0.001 %", "1.23 %", "33.3 %", "99.99 %", "100 %",
    ]);
  });
  it("writes test time as a clock", () => {
    assert.deepEqual([0, 34, 90, 3723].map(format.clock), ["0:00", "0:34", "1:30", "1:02:03"]);
  });
});

describe("Series", () => {
  it("has each second once, in order, whatever order they come in", () => {
    const series = new Series();
    for (const k of [5, 3, 4, 3, 9, 5]) series.add(interval(k), "stream");
    assert.deepEqual(series.from(0).map((i) => i.k), [3, 4, 5, 9]);
    assert.deepEqual(series.gaps(), [6, 7, 8]);
  });
  it("takes the stream's word over the list's", () => {
    const series = new Series();
    series.add(interval(1, { completed: 1 }), "list");
    series.add(interval(1, { completed: 2 }), "list");
    assert.equal(series.at(1)?.completed, 2);
    series.add(interval(1, { completed: 3 }), "stream");
    series.add(interval(1, { completed: 2 }), "list");
    assert.equal(series.at(1)?.completed, 3);
    series.add(interval(1, { completed: 4 }), "stream");
    assert.equal(series.at(1)?.completed, 4);
  });
  it("keeps an hour", () => {
    const series = new Series();
    for (let k = 0; k < KEEP + 10; ++k) series.add(interval(k), "stream");
    series.add(interval(0), "list");
    assert.equal(series.size, KEEP);
    assert.equal(series.firstK, 10);
    assert.equal(series.at(9), undefined);
  });
  it("finds the newest second whose rate is final", () => {
    const series = new Series();
    assert.equal(series.newestClosed(), null);
    series.add(interval(0), "stream");
    series.add(interval(1, { closed_completed: null }), "stream");
    assert.equal(series.newestClosed()?.k, 0);
    series.add(interval(2), "stream");
    assert.equal(series.newestClosed()?.k, 2);
    assert.equal(series.newestClosed(2)?.k, 0);
  });
});

describe("columns", () => {
  it("leave a gap for a second that is missing or not closed", () => {
    const columns = columnsOf([interval(2), interval(4, { closed_completed: null })]);
    assert.deepEqual(columns.ks, [2, 3, 4]);
    assert.deepEqual(columns.rate, [10, null, null]);
    assert.deepEqual(columns.planned, [10, null, 10]);
    assert.deepEqual(columns.response.p50, [1, null, null]);
  });
  it("know the highest percentile that has data", () => {
    const with99 = [0, 1, 2].map((k) => interval(k, { response_time: distribution(1, k > 0 ? 9 : null) }));
    assert.equal(highest(columnsOf(with99).response), "p99");
    assert.equal(highest(columnsOf([interval(0)]).response), "p50");
    assert.equal(highest(columnsOf([]).response), null);
  });
  it("stack versions by name, other last", () => {
    const layers = layersOf([
      interval(0, { versions: { other: 1, "1.10": 2, "1.9": 7 } }),
      interval(1, { versions: { "1.10": 10 } }),
    ]);
    assert.deepEqual(layers.names, ["1.9", "1.10", "other"]);
    assert.deepEqual(layers.tops, [[7, 0], [9, 10], [10, 10]]);
    assert.deepEqual(layers.values[1], [2, 10]);
  });
  it("mark what happened, many agents of a second as one", () => {
    const start = "2026-01-01T00:00:00.000Z";
    const at = (s: number) => new Date(Date.parse(start) + s * 1000).toISOString();
    const change = (revision: number, kind: string, s: number, detail: string): Change => ({
      revision, kind, at: at(s), detail,
    });
    const marks = marksOf(
      [
        change(1, "created", -2, "name"),
        change(2, "state", 0, "running"),
        change(3, "agent_lost", 5.2, "a"),
        change(4, "agent_lost", 5.9, "b"),
        change(5, "rate", 6.1, "2e+06 rps from second 9"),
        change(6, "agent_back", 12, "a"),
      ],
      start,
    );
    assert.deepEqual(marks, [
      { k: 5.2, text: "2 agents lost" },
      { k: 9, text: "2,000,000 a second" },
      { k: 12, text: "a is back" },
    ]);
    assert.deepEqual(marksOf([change(1, "state", 0, "stopping: asked")], null), []);
  });
});

describe("outcomes", () => {
  it("come in one order, those that occurred and ok", () => {
    assert.deepEqual(
      occurred({ skipped: 1, failed: 2, ok: 0, timeout: 0 }).map((o) => [o.name, o.blame]),
      [["ok", "ok"], ["failed", "target"], ["skipped", "generator"]],
    );
    assert.deepEqual(occurred({ novel: 3 }).map((o) => o.name), ["ok", "novel"]);
  });
});

describe("the form", () => {
  it("stands for the least spec that says it", () => {
    const form = { ...emptyForm(), name: " n ", url: "http://h/" };
    form.stages = [{ duration: "30s", rate: "1000", to: "" }];
    assert.deepEqual(specOf(form), {
      name: "n",
      target: { url: "http://h/" },
      load: { model: "open", stages: [{ duration: "30s", rate: 1000 }] },
    });
  });
  it("says all that it can", () => {
    const form = {
      ...emptyForm(),
      method: "POST",
      body: "{}",
      agents: "3",
      timeout: "2s",
      versionHeader: "X-Version",
      headers: "Accept: a/b\nX-A: 1:2",
      thresholds: "http_reqs: count>1\nhttp_reqs: rate>1",
      stages: [{ duration: "1m", rate: "10", to: "20.5" }],
    };
    assert.deepEqual(specOf(form), {
      target: { method: "POST", headers: { Accept: "a/b", "X-A": "1:2" }, body: "{}", version_header: "X-Version" },
      load: { model: "open", stages: [{ duration: "1m", from: 10, to: 20.5 }] },
      timeout: "2s",
      thresholds: { http_reqs: ["count>1", "rate>1"] },
      agents: { min: 3 },
    });
  });
  it("leaves judging to the API", () => {
    const form = { ...emptyForm(), agents: "many", stages: [{ duration: "x", rate: "1,000", to: "" }] };
    const spec = specOf(form) as { load: unknown; agents: unknown };
    assert.deepEqual(spec.load, { model: "open", stages: [{ duration: "x", rate: "1,000" }] });
    assert.deepEqual(spec.agents, { min: "many" });
  });
  it("knows the field of a pointer", () => {
    const cases: [string, string | null][] = [
      ["/name", "name"],
      ["/target/url", "url"],
      ["/target/headers/X-A", "headers"],
      ["/target/version_header", "versionHeader"],
      ["/load/stages/1/rate", "stage-1-rate"],
      ["/load/stages/0/to", "stage-0-to"],
      ["/load/stages/0", "stage-0-duration"],
      ["/load/stages", "stage-0-duration"],
      ["/thresholds/http_reqs/0", "thresholds"],
      ["/agents/min", "agents"],
      ["/connections/keepalive", null],
    ];
    for (const [pointer, field] of cases) assert.equal(fieldOf(pointer), field, pointer);
  });
});

describe("positionOf", () => {
  const text = `{
  "name": "a \\" b",
  "load": {"stages": [
    {"duration": "1s"},
    {"rate": 1e3,
     "a/b": null}]}
}`;
  it("finds the line of a value, and of the parent of a missing one", () => {
    const lines: [string, number][] = [
      ["", 1],
      ["/name", 2],
      ["/load/stages/0/duration", 4],
      ["/load/stages/0/rate", 4],
      ["/load/stages/1/rate", 5],
      ["/load/stages/1/a~1b", 6],
      ["/target", 1],
      ["/load/model", 3],
    ];
    for (const [pointer, line] of lines) assert.equal(positionOf(text, pointer)?.line, line, pointer);
  });
  it("finds nothing in what is no JSON", () => {
    for (const wrong of ["", "{", '{"a" 1}', "[1,"]) assert.equal(positionOf(wrong, "/a"), null, wrong);
  });
});

describe("durations", () => {
  it("are Go's", () => {
    assert.equal(seconds("1m30s"), 90);
    assert.equal(seconds("250ms"), 0.25);
    assert.equal(seconds("1.5h"), 5400);
    for (const wrong of ["", "1", "1x", "s", "1 m"]) assert.equal(seconds(wrong), null, wrong);
    assert.equal(durationOf({ stages: [{ duration: "1m" }, { duration_ms: 500 }] }), 60.5);
    assert.equal(durationOf({ duration: "10s" }), 10);
  });
});

describe("the plan", () => {
  const spec = (stages: object[]): Spec => ({
    name: "n",
    target: { url: "http://h/" },
    load: { model: "open", stages },
  });
  it("is the integral of the rate over each second", () => {
    const steps = planOf(spec([{ duration: "2s", rate: 10 }, { duration: "4s", from: 10, to: 50 }]), []);
    // From 2 on the rate is 10 + 10 (t - 2): 15, 25, 35, 45 in the middle of each second.
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map((k) => plannedIn(steps, k)), [10, 10, 15, 25, 35, 45, null]);
  });
  it("takes stages that end within a second", () => {
    const steps = planOf(spec([{ duration: "500ms", rate: 10 }, { duration: "1s", rate: 100 }]), []);
    assert.deepEqual([0, 1].map((k) => plannedIn(steps, k)), [5 + 50, 50]);
  });
  it("is constant from a change of the rate to the end", () => {
    const change = { revision: 1, kind: "rate", at: "", detail: "7.5 rps from second 2" };
    const steps = planOf(spec([{ duration: "4s", from: 0, to: 40 }]), [change]);
    assert.deepEqual([0, 1, 2, 3, 4].map((k) => plannedIn(steps, k)), [5, 15, 7.5, 7.5, null]);
  });
});

describe("on the plan", () => {
  it("is within 2 %, or 5 a second", () => {
    assert.equal(isOff(2040, 2000), false);
    assert.equal(isOff(2041, 2000), true);
    assert.equal(isOff(5, 0), false);
    assert.equal(isOff(15, 10), false);
  });
});

describe("the fleet", () => {
  const agent = (name: string) => ({
    name, incarnation: "0", state: "ready" as const, share: 0, threads: 1, capacity_rps: null,
    send_lag_p99_ms: null, clock_offset_ms: null, clock_error_ms: null,
  });
  it("is sorted as people count", () => {
    assert.deepEqual(
      sortAgents([agent("a-10"), agent("a-2"), agent("a-1")]).map((a) => a.name),
      ["a-1", "a-2", "a-10"],
    );
  });
  it("shades by the share against an equal one", () => {
    assert.equal(shadeOf(0, 3), 0);
    assert.equal(shadeOf(1 / 3, 3), 0.5);
    assert.equal(shadeOf(2 / 3, 3), 1);
    assert.equal(shadeOf(1e-9, 3), 0.1);
  });
});

describe("lines for a shell", () => {
  it("survive quotes", () => {
    assert.equal(quote("plain-1.2/x"), "plain-1.2/x");
    assert.equal(quote("it's"), `'it'\\''s'`);
    const [curl] = startLines("http://h", `{"name":"it's"}`);
    assert.match(curl!.text, /-d '\{"name":"it'\\''s"\}'$/);
  });
});

describe("comparison", () => {
  const test = (id: string, more: Partial<Test> = {}): Test => ({
    id, name: id, state: "finished", reason: null, elapsed_s: 10, created_at: "", started_at: null, ended_at: null,
    spec: { name: id, target: { url: "http://h/" }, load: { model: "open", stages: [{ duration: "1s", rate: 1 }] } },
    totals: { planned: 1000, outcomes: { ok: 1000 }, outstanding: 0, resends: 0, versions: {} },
    rates: { planned: 100, sent: 100, completed: 100 },
    last_second: { planned: 100, completed: 100, coverage: 1 },
    response_time: distribution(10, 20), service_time: distribution(10, 20), send_lag: distribution(0),
    books: { balanced: true }, thresholds: [], verdict: { generator: "valid", reasons: [] }, agents: [],
    ...more,
  });
  const at = (rows: ReturnType<typeof compare>, name: string) => rows.find((row) => row.name === name)!;
  it("tells a difference, and when there is none to tell", () => {
    const rows = compare(
      test("a"),
      test("b", {
        totals: { planned: 1000, outcomes: { ok: 990, failed: 10 }, outstanding: 0, resends: 0, versions: {} },
        response_time: distribution(10.04, 30),
      }),
    );
    assert.equal(at(rows, "planned").difference, "");
    assert.equal(at(rows, "ok").difference, "−10 (−1 %)");
    assert.equal(at(rows, "failed").difference, "+10");
    assert.equal(at(rows, "response time p50, ms").difference, "no telling apart");
    assert.equal(at(rows, "response time p99, ms").difference, "+10.0 (+50 %)");
  });
  it("says what limits it", () => {
    assert.deepEqual(reservations(test("a"), test("b")), []);
    const doubts = reservations(
      test("a", { verdict: { generator: "suspect", reasons: ["1 skipped"] } }),
      test("b", { state: "stopped", spec: { ...test("b").spec, target: { url: "http://other/" } } }),
    );
    assert.equal(doubts.length, 3);
    assert.match(doubts[0]!, /suspect.*1 skipped/);
    assert.deepEqual(specDifferences(test("a").spec, test("b").spec), []);
  });
});

describe("routes", () => {
  it("are read from the address", () => {
    assert.deepEqual(routeOf(""), { kind: "newest" });
    assert.deepEqual(routeOf("#/tests/t-1"), { kind: "test", id: "t-1" });
    assert.deepEqual(routeOf("#/compare/a/b"), { kind: "compare", a: "a", b: "b" });
    assert.deepEqual(routeOf("#/compare/a"), { kind: "newest" });
    assert.deepEqual(routeOf("#/new/t-1"), { kind: "new", from: "t-1" });
  });
});
