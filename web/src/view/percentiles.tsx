import { ms } from "../lib/format";
import type { Distribution, Test } from "../lib/types";

const COLUMNS: [keyof Distribution, string][] = [
  ["p50_ms", "p50"],
  ["p90_ms", "p90"],
  ["p99_ms", "p99"],
  ["p99_9_ms", "p99.9"],
  ["max_ms", "max"],
];

export function Percentiles({ test }: { test: Test }) {
  const rows: [string, string, Distribution][] = [
    ["Response", "from when a request was due", test.response_time],
    ["Service", "from when it was sent", test.service_time],
    ["Send lag", "how late it was sent", test.send_lag],
  ];
  return (
    <table class="percentiles">
      <caption>Whole test, in ms</caption>
      <thead>
        <tr>
          <td />
          {rows.map(([name]) => (
            <th scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {COLUMNS.map(([key, name]) => (
          <tr key={key}>
            <th scope="row">{name}</th>
            {rows.map(([row, , distribution]) => (
              <td key={row}>{ms(distribution[key])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Thresholds({ test }: { test: Test }) {
  if (test.thresholds.length === 0) return null;
  return (
    <section class="thresholds">
      <h2>Thresholds</h2>
      <ul>
        {test.thresholds.map((threshold) => (
          <li key={threshold.metric + threshold.expression} data-ok={threshold.ok}>
            <b>{threshold.ok ? "holds" : "crossed"}</b> {threshold.metric} {threshold.expression}
            <span class="value">
              {threshold.value === null ? "no data" : Number(threshold.value.toPrecision(4))}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
