// What happened, and second by second: the charts in words and figures.

import { useState } from "preact/hooks";
import { clock, count, rate, time, timeOfDay } from "../lib/format";
import { occurred } from "../lib/outcomes";
import type { Series } from "../lib/series";
import type { Change } from "../lib/types";

const KINDS: Record<string, string> = {
  created: "Created",
  state: "State",
  rate: "Rate",
  agent_joined: "Agent joined",
  agent_lost: "Agent lost",
  agent_draining: "Agent drains",
  agent_back: "Agent is back",
  threshold: "Threshold",
};
const SHOWN = 100;

export function ChangeLog({ changes, startedAt }: { changes: Change[]; startedAt: string | null }) {
  if (changes.length === 0) return null;
  const start = startedAt === null ? null : Date.parse(startedAt);
  const newest = changes.slice(-SHOWN).reverse();
  return (
    <section class="changes">
      <h2>What happened</h2>
      <ol>
        {newest.map((change) => {
          const at = Date.parse(change.at);
          const into = start === null || at < start ? timeOfDay(at) : clock((at - start) / 1000);
          return (
            <li key={change.revision} data-kind={change.kind}>
              <time dateTime={change.at}>{into}</time> <b>{KINDS[change.kind] ?? change.kind}</b>{" "}
              {change.detail}
            </li>
          );
        })}
      </ol>
      {changes.length > SHOWN ? (
        <p class="note">The newest {SHOWN}; GET …/changes has all.</p>
      ) : null}
    </section>
  );
}

const ROWS = 60;

export function SecondsTable({ series }: { series: Series }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="seconds" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The last {ROWS} seconds as a table</summary>
      {open ? (
        <div class="scroll" role="region" aria-label="Seconds" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Second</th>
                <th scope="col">Planned</th>
                <th scope="col">Answers</th>
                <th scope="col">p50</th>
                <th scope="col">p99</th>
                <th scope="col">Outcomes</th>
              </tr>
            </thead>
            <tbody>
              {series
                .from((series.lastK ?? 0) - ROWS + 1)
                .reverse()
                .map((second) => (
                  <tr key={second.k} data-k={second.k} data-settled={second.settled}>
                    <th scope="row">{clock(second.k)}</th>
                    <td>{second.planned === null ? "–" : count(second.planned)}</td>
                    <td>{rate(second.completed)}</td>
                    <td>{time(second.response_time.p50_ms)}</td>
                    <td>{time(second.response_time.p99_ms)}</td>
                    <td>
                      {occurred(second.outcomes)
                        .map((outcome) => `${count(outcome.count)} ${outcome.words}`)
                        .join(", ")}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </details>
  );
}
