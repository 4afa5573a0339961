// The charts of a test: rate against plan, times, versions; one time axis for all.

import { useMemo } from "preact/hooks";
import { type Columns, columnsOf, highest, layersOf, marksOf, type Percentile } from "../charts/columns";
import type { ChartData, ChartOptions } from "../charts/time_chart";
import { rate, time, timeStep } from "../lib/format";
import { endOf, lengthOf, planOf, plannedIn, type Step } from "../lib/plan";
import { KEEP } from "../lib/series";
import type { Followed } from "../lib/store";
import { hasEnded, type Interval } from "../lib/types";
import { Chart } from "./chart";

export type Span = "2" | "10" | "all";
export const SPANS: [Span, string][] = [
  ["2", "2 min"],
  ["10", "10 min"],
  ["all", "all"],
];

export interface Window {
  intervals: Interval[];
  from: number;
  to: number;
}

// Seconds of the plan that are shown ahead of what a longer test has done.
const AHEAD = 10;

// The seconds that the charts show: all of a test that is no longer than the span, else the last ones.
export function windowOf(followed: Followed, span: Span): Window {
  const { series } = followed;
  const { test } = followed;
  const end = test === null ? Number.POSITIVE_INFINITY : endOf(test.spec);
  const last = Math.min(series.lastK ?? 0, end - 1);
  const running = test !== null && !hasEnded(test.state);
  const most = running ? Math.max(last, (lengthOf(test.spec) ?? 0) - 1) : Math.max(last, 1);
  const length = span === "all" ? KEEP : Number(span) * 60;
  const to = Math.min(most, Math.max(length, last + (running ? AHEAD : 0)));
  const from = Math.max(series.firstK ?? 0, to - length);
  return { intervals: series.from(from).filter(({ k }) => k < end), from, to: Math.max(to, from + 1) };
}

export function useData(window: Window, followed: Followed) {
  const { intervals, from, to } = window;
  const first = intervals[0]?.k;
  const key = `${first} ${intervals.length} ${from} ${to}`;
  return useMemo(() => {
    const columns = columnsOf(intervals);
    const { test, changes } = followed;
    if (test !== null && !hasEnded(test.state)) addPlanAhead(columns, planOf(test.spec, changes), to);
    const marks = marksOf(followed.changes, followed.test?.started_at ?? null);
    return { columns, marks, layers: layersOf(intervals), from, to };
  }, [key, intervals, followed.changes, followed.test?.started_at]);
}

// Seconds to come have a plan, and nothing else yet.
function addPlanAhead(columns: Columns, steps: Step[], to: number): void {
  for (let k = (columns.ks.at(-1) ?? -1) + 1; k <= to; ++k) {
    const planned = plannedIn(steps, k);
    if (planned === null) break;
    columns.ks.push(k);
    columns.planned.push(planned);
  }
}

type Data = ReturnType<typeof useData>;
const chartData = (data: Data, values: (number | null)[][]): ChartData => ({
  ks: data.columns.ks,
  values,
  from: data.from,
  to: data.to,
  marks: data.marks,
});

const RATE: ChartOptions = {
  lines: [
    { name: "plan", colour: "--planned", width: 1.5, dash: [6, 4] },
    { name: "answers", colour: "--accent", width: 2 },
    { name: "higher", colour: "--accent", hidden: true },
    { name: "lower", colour: "--accent", hidden: true },
  ],
  // The difference is what stands out.
  bands: [{ between: [2, 3], colour: "--warn-line", alpha: 0.5 }],
  format: rate,
  named: true,
};
const RATE_CLOSED: ChartOptions = {
  ...RATE,
  lines: [{ name: "answers", colour: "--accent", width: 2 }],
  bands: [],
};

export function RateChart({ data, closed }: { data: Data; closed: boolean }) {
  const { rate: measured, planned } = data.columns;
  const last = measured.findLastIndex((v) => v !== null);
  const values = useMemo(
    () => {
      const both = (pick: (a: number, b: number) => number) =>
        measured.map((v, i) => (v === null || planned[i] == null ? null : pick(v, planned[i])));
      return chartData(
        data,
        closed ? [measured] : [planned, measured, both(Math.max), both(Math.min)],
      );
    },
    [data, closed],
  );
  const summary =
    last < 0
      ? "Rate over time: no answers yet"
      : `Rate over time: ${rate(measured[last] ?? 0)} answers a second last, ` +
        (closed ? "without a plan" : `of ${rate(planned[last] ?? 0)} planned`);
  return (
    <Chart
      title={closed ? "Answers per second" : "Answers per second against the plan"}
      size="short"
      summary={summary}
      options={closed ? RATE_CLOSED : RATE}
      data={values}
    />
  );
}

const LABEL: Record<Percentile, string> = { p50: "p50", p90: "p90", p99: "p99", p99_9: "p99.9" };
const NEEDS: Record<Percentile, string> = {
  p50: "20",
  p90: "100",
  p99: "1,000",
  p99_9: "10,000",
};

const TIME_OPTIONS: ChartOptions = {
  lines: [
    { name: "p50", colour: "--accent", width: 2 },
    { name: "p90", colour: "--accent-2" },
    { name: "p99", colour: "--accent-3" },
    { name: "p99.9", colour: "--accent-4" },
    { name: "service", colour: "--planned", width: 1, dash: [2, 2] },
  ],
  bands: [
    { between: [1, 0], colour: "--accent", alpha: 0.22 },
    { between: [2, 1], colour: "--accent", alpha: 0.13 },
    { between: [3, 2], colour: "--accent", alpha: 0.07 },
  ],
  log: true,
  format: time,
  step: timeStep,
};

export function TimesChart({ data }: { data: Data }) {
  const { response, service } = data.columns;
  const top = highest(response);
  const values = useMemo(
    () =>
      chartData(data, [
        response.p50,
        response.p90,
        response.p99,
        response.p99_9,
        service[top ?? "p50"],
      ]),
    [data, top],
  );
  const last = response.p50.findLastIndex((v) => v !== null);
  const next = { p50: "p90", p90: "p99", p99: "p99_9", p99_9: null }[top ?? "p99"] as Percentile | null;
  const note =
    last < 0
      ? null
      : `log scale; dotted: service time ${LABEL[top ?? "p50"]}` +
        (next === null ? "" : `; ${LABEL[next]} of a second needs ${NEEDS[next]} answers in it`);
  const summary =
    last < 0
      ? "Response time over time: no answers yet"
      : `Response time over time: p50 ${time(response.p50[last] ?? null)}, ` +
        `p99 ${time(response.p99[last] ?? null)} last`;
  return (
    <Chart
      title="Response time"
      note={note}
      size="tall"
      summary={summary}
      options={TIME_OPTIONS}
      data={values}
    />
  );
}

const VERSION_COLOURS = 6;

export function VersionsChart({ data }: { data: Data }) {
  const { names, values, tops } = data.layers;
  const key = names.join("\n");
  const options = useMemo<ChartOptions>(
    () => ({
      lines: names.map((name, i) => ({
        name,
        colour: `--version-${i % VERSION_COLOURS}`,
        width: 1,
      })),
      bands: names.slice(1).map((_, i) => ({
        between: [i + 1, i] as [number, number],
        colour: `--version-${(i + 1) % VERSION_COLOURS}`,
        alpha: 0.75,
      })),
      fillFirst: true,
      format: rate,
    }),
    [key],
  );
  const last = values[0]?.findLastIndex((v) => v !== null) ?? -1;
  const chart = useMemo(() => ({ ...chartData(data, tops), said: values }), [data]);
  if (names.length === 0) return null;
  const shares = names.map((name, i) => `${name} ${rate(values[i]?.[last] ?? 0)} a second`).join(", ");
  return (
    <Chart
      title="Versions of the target, answers per second"
      size="short"
      summary={`Versions over time; last: ${shares}`}
      options={options}
      data={chart}
    />
  );
}
