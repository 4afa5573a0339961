// Two tests side by side, and what may be said of their difference. Pure.

import { count, ms, percent, rate, signed } from "./format";
import { occurred } from "./outcomes";
import type { Spec, Test } from "./types";

export interface Row {
  name: string;
  a: string;
  b: string;
  difference: string; // "" where there is none, or none can be told
  notable: boolean;
}

// A percentile may be off by half a bucket in each test: 0.27 % each.
const BUCKET = 0.0055;

function row(
  name: string,
  a: number | null,
  b: number | null,
  format: (n: number) => string,
  least = 0,
): Row {
  const said = (n: number | null): string => (n === null ? "–" : format(n));
  const plain = { name, a: said(a), b: said(b), difference: "", notable: false };
  if (a === null || b === null || a === b) return plain;
  const delta = b - a;
  const share = a === 0 ? null : Math.abs(delta) / Math.abs(a);
  if (share !== null && share <= least) return { ...plain, difference: "no telling apart" };
  const relative = share === null ? "" : ` (${signed(percent(share), delta)})`;
  return { ...plain, difference: signed(format(Math.abs(delta)), delta) + relative, notable: true };
}

export function compare(a: Test, b: Test): Row[] {
  const rows = [
    row("planned", a.totals.planned, b.totals.planned, count),
    row("answers per second, mean", a.rates.completed, b.rates.completed, rate),
  ];
  const names = [...occurred(a.totals.outcomes), ...occurred(b.totals.outcomes)];
  const seen = new Set<string>();
  for (const { name, words } of names) {
    if (seen.has(name)) continue;
    seen.add(name);
    rows.push(row(words, a.totals.outcomes[name] ?? 0, b.totals.outcomes[name] ?? 0, count));
  }
  const times = [
    ["response time", a.response_time, b.response_time],
    ["service time", a.service_time, b.service_time],
    ["send lag", a.send_lag, b.send_lag],
  ] as const;
  const keys = [
    ["p50", "p50_ms"],
    ["p90", "p90_ms"],
    ["p99", "p99_ms"],
    ["p99.9", "p99_9_ms"],
    ["max", "max_ms"],
  ] as const;
  for (const [name, da, db] of times) {
    for (const [p, key] of keys) {
      if (name === "send lag" && p !== "p99") continue;
      rows.push(row(`${name} ${p}, ms`, da[key], db[key], ms, BUCKET));
    }
  }
  return rows;
}

// Where two specs differ, by JSON pointer; the name is not part of the load.
export function specDifferences(a: Spec, b: Spec): string[] {
  const flat = (value: unknown, at: string, into: Map<string, string>): Map<string, string> => {
    if (value !== null && typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) flat(inner, `${at}/${key}`, into);
    } else {
      into.set(at, JSON.stringify(value));
    }
    return into;
  };
  const left = flat(a, "", new Map());
  const right = flat(b, "", new Map());
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((key) => key !== "/name" && left.get(key) !== right.get(key))
    .map((key) => `${key}: ${left.get(key) ?? "–"} → ${right.get(key) ?? "–"}`);
}

// What limits the comparison; empty when nothing does.
export function reservations(a: Test, b: Test): string[] {
  const all: string[] = [];
  for (const [letter, test] of [["A", a], ["B", b]] as const) {
    if (test.state === "inconsistent" || !test.books.balanced) {
      all.push(`The books of ${letter} do not balance: its figures say nothing.`);
    } else if (test.verdict.generator !== "valid") {
      all.push(
        `The generator of ${letter} was ${test.verdict.generator}: a difference may be its own ` +
          `(${test.verdict.reasons[0] ?? "no reason given"}).`,
      );
    }
    if (test.state === "stopped" || test.state === "failed") {
      all.push(`${letter} ${test.state} before its end: counts are of different lengths.`);
    }
  }
  if (specDifferences(a.spec, b.spec).length > 0) {
    all.push("The specs differ: the tests did not ask the same of the target.");
  }
  return all;
}
