import { useEffect, useMemo, useState } from "preact/hooks";
import { columnsOf } from "../charts/columns";
import type { ChartData, ChartOptions } from "../charts/time_chart";
import { api, Problem } from "../lib/api";
import { compareLines } from "../lib/commands";
import { compare, reservations, specDifferences } from "../lib/compare";
import { moment, time, timeStep } from "../lib/format";
import { type Interval, hasEnded, type Test } from "../lib/types";
import { Chart } from "./chart";
import { Lines } from "./lines";

interface Side {
  test: Test;
  intervals: Interval[];
}

async function load(id: string): Promise<Side> {
  const [test, intervals] = await Promise.all([api.test(id), api.intervals(id, 0)]);
  return { test, intervals };
}

export function ComparePage({ a, b }: { a: string; b: string }) {
  const [sides, setSides] = useState<[Side, Side] | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    setSides(null);
    setError(null);
    void Promise.all([load(a), load(b)]).then(setSides, (problem: Problem) =>
      setError(problem.detail),
    );
  }, [a, b]);
  if (error !== null) {
    return (
      <main class="message">
        <p role="alert">Cannot compare: {error}</p>
      </main>
    );
  }
  if (sides === null) {
    return (
      <main class="message">
        <p role="status">Loading two tests …</p>
      </main>
    );
  }
  return <Comparison a={sides[0]} b={sides[1]} />;
}

const OPTIONS: ChartOptions = {
  lines: [
    { name: "A", colour: "--planned", width: 1.5, dash: [6, 4] },
    { name: "B", colour: "--accent", width: 2 },
  ],
  log: true,
  format: time,
  step: timeStep,
};

function Comparison({ a, b }: { a: Side; b: Side }) {
  const data = useMemo(() => {
    const [left, right] = [columnsOf(a.intervals), columnsOf(b.intervals)];
    const p99 = [left, right].every((c) => c.response.p99.some((v) => v !== null));
    const key = p99 ? "p99" : "p50";
    const length = Math.max(left.ks.length, right.ks.length);
    const padded = (values: (number | null)[]) =>
      Array.from({ length }, (_, k) => values[k] ?? null);
    const chart: ChartData = {
      ks: Array.from({ length }, (_, k) => k),
      values: [padded(left.response[key]), padded(right.response[key])],
      from: 0,
      to: Math.max(1, length - 1),
      marks: [],
    };
    return { key: key as "p50" | "p99", chart };
  }, [a, b]);
  const differences = specDifferences(a.test.spec, b.test.spec);
  const doubts = reservations(a.test, b.test);
  return (
    <main class="compare">
      <h1>Comparison</h1>
      <dl class="sides">
        {([["A", a], ["B", b]] as const).map(([letter, side]) => (
          <div key={letter}>
            <dt>{letter}</dt>
            <dd>
              <a href={`#/tests/${side.test.id}`}>{side.test.name}</a>{" "}
              <span class="state" data-state={side.test.state}>
                {side.test.state}
              </span>{" "}
              <time>{moment(side.test.created_at, Date.now())}</time>{" "}
              verdict {side.test.verdict.generator}
            </dd>
          </div>
        ))}
      </dl>
      {hasEnded(a.test.state) && hasEnded(b.test.state) ? null : (
        <p class="banner" role="status">
          <b>Still running.</b> The figures are of what was there when this page was opened.
        </p>
      )}
      <section>
        <h2>What can be said</h2>
        {doubts.length === 0 ? (
          <p>Both tests asked the same of the target, and both generators did what was asked.</p>
        ) : (
          <ul class="doubts">
            {doubts.map((doubt) => (
              <li key={doubt}>{doubt}</li>
            ))}
          </ul>
        )}
        <p class="note">
          A percentile is known within 0.28 %. How much two runs of the same test differ by chance is not in
          these figures: repeat both before you call a small difference real.
        </p>
      </section>
      <Chart
        title={`Response time ${data.key} over test time, log scale`}
        size="short"
        summary={`Response time ${data.key} of both tests over test time`}
        options={OPTIONS}
        data={data.chart}
      />
      <table class="differences">
        <thead>
          <tr>
            <td />
            <th scope="col">A</th>
            <th scope="col">B</th>
            <th scope="col">B against A</th>
          </tr>
        </thead>
        <tbody>
          {compare(a.test, b.test).map((row) => (
            <tr key={row.name} data-notable={row.notable}>
              <th scope="row">{row.name}</th>
              <td>{row.a}</td>
              <td>{row.b}</td>
              <td>{row.difference}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {differences.length === 0 ? null : (
        <section>
          <h2>Differences of the specs</h2>
          <ul class="code">
            {differences.map((difference) => (
              <li key={difference}>{difference}</li>
            ))}
          </ul>
        </section>
      )}
      <Lines lines={compareLines(location.origin, a.test.id, b.test.id)} />
    </main>
  );
}
