// What the charts draw, from the seconds of a test. Pure.

import { rate } from "../lib/format";
import { rateChangeOf } from "../lib/plan";
import type { Change, Distribution, Interval } from "../lib/types";
import type { Mark } from "./time_chart";

export type Percentile = "p50" | "p90" | "p99" | "p99_9";

const valueOf = (d: Distribution, p: Percentile): number | null => d[`${p}_ms`];

// Every second from the first to the last, so that one that is missing is a gap in the line.
export function secondsOf(intervals: Interval[]): (Interval | null)[] {
  const first = intervals[0];
  const last = intervals.at(-1);
  if (first === undefined || last === undefined) return [];
  const all = Array<Interval | null>(last.k - first.k + 1).fill(null);
  for (const interval of intervals) all[interval.k - first.k] = interval;
  return all;
}

export interface Columns {
  ks: number[];
  planned: (number | null)[];
  rate: (number | null)[];
  response: Record<Percentile, (number | null)[]>;
  service: Record<Percentile, (number | null)[]>;
}

// The first `delay` seconds of answers are no rate yet; a second counts when its rate is final.
export function columnsOf(intervals: Interval[]): Columns {
  const seconds = secondsOf(intervals);
  const first = intervals[0]?.k ?? 0;
  const time = (key: "response_time" | "service_time", p: Percentile) =>
    seconds.map((s) => (s === null || s.closed_completed === null ? null : valueOf(s[key], p)));
  const all = (key: "response_time" | "service_time") => ({
    p50: time(key, "p50"),
    p90: time(key, "p90"),
    p99: time(key, "p99"),
    p99_9: time(key, "p99_9"),
  });
  return {
    ks: seconds.map((_, i) => first + i),
    planned: seconds.map((s) => s?.planned ?? null),
    rate: seconds.map((s) => s?.closed_completed ?? null),
    response: all("response_time"),
    service: all("service_time"),
  };
}

// The highest percentile that most seconds have: the others have too few samples above them.
export function highest(response: Columns["response"]): Percentile | null {
  for (const p of ["p99_9", "p99", "p90", "p50"] as const) {
    const column = response[p];
    if (column.filter((v) => v !== null).length * 2 > column.length) return p;
  }
  return null;
}

// The versions that answered, most first, "other" last; each layer's top is the sum up to it.
export interface Layers {
  names: string[];
  values: (number | null)[][]; // of each version alone
  tops: (number | null)[][];
}

export function layersOf(intervals: Interval[]): Layers {
  const seconds = secondsOf(intervals);
  const totals = new Map<string, number>();
  for (const interval of intervals) {
    for (const [name, n] of Object.entries(interval.versions)) {
      totals.set(name, (totals.get(name) ?? 0) + n);
    }
  }
  // By name, so that a layer keeps its place while it grows.
  const names = [...totals.keys()].sort((a, b) =>
    a === "other" ? 1 : b === "other" ? -1 : a.localeCompare(b, "en", { numeric: true }),
  );
  const closed = seconds.map((s) => (s === null || s.closed_completed === null ? null : s));
  const values = names.map((name) => closed.map((s) => (s === null ? null : (s.versions[name] ?? 0))));
  const tops = values.map((_, i) =>
    closed.map((s, k) =>
      s === null ? null : values.slice(0, i + 1).reduce((all, v) => all + (v[k] ?? 0), 0),
    ),
  );
  return { names, values, tops };
}

const AGENT_EVENTS: Record<string, string> = {
  agent_lost: "lost",
  agent_draining: "drains",
  agent_back: "is back",
  agent_joined: "joined",
};

// What is marked on the time axes. Many agents in one second are one mark.
export function marksOf(changes: Change[], startedAt: string | null): Mark[] {
  if (startedAt === null) return [];
  const start = Date.parse(startedAt);
  const groups = new Map<string, { k: number; texts: string[]; event: string | null }>();
  for (const change of changes) {
    if (change.kind === "created" || change.detail === "running") continue;
    let k = (Date.parse(change.at) - start) / 1000;
    let text = change.detail;
    const event = AGENT_EVENTS[change.kind] ?? null;
    if (event !== null) text = `${change.detail} ${event}`;
    const next = rateChangeOf(change);
    if (next !== null) [k, text] = [next.fromK, `${rate(next.rate)} a second`];
    if (change.kind === "threshold") text = `threshold ${change.detail.split(" ").slice(2).join(" ")}`;
    if (change.kind === "state") text = change.detail.split(":")[0]!;
    if (k < 0) continue;
    const key = event === null ? String(change.revision) : `${event} ${Math.floor(k)}`;
    const group = groups.get(key) ?? { k, texts: [], event };
    group.texts.push(text);
    groups.set(key, group);
  }
  return [...groups.values()]
    .map(({ k, texts, event }) => ({
      k,
      text: texts.length === 1 ? texts[0]! : `${texts.length} agents ${event?.replace("is ", "are ")}`,
    }))
    .sort((a, b) => a.k - b.k);
}
