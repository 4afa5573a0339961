// What became of the requests, and whether the figures can be trusted: the verdict, the outcomes as one bar,
// and the books as one line that adds up.

import { count, percent } from "../lib/format";
import { occurred, sum } from "../lib/outcomes";
import { hasEnded, type Test } from "../lib/types";

const WORDS = { valid: "Valid", suspect: "Suspect", invalid: "Invalid" };
const MEANING = {
  valid: "It did what the plan asked for.",
  suspect: "It was disturbed.",
  invalid: "It could not follow the plan.",
};

export function Verdict({ test }: { test: Test }) {
  const { generator, reasons } = test.verdict;
  const begun = test.started_at !== null;
  const so = hasEnded(test.state) ? "" : " so far";
  return (
    <section class="verdict" data-verdict={begun ? generator : "none"} aria-label="Verdict">
      <h2>Verdict on the generator</h2>
      <p class="word">{begun ? `${WORDS[generator]}${so}` : "–"}</p>
      <p class="reason">
        {!begun ? "Nothing was sent yet." : (reasons[0] ?? MEANING[generator])}
      </p>
      {reasons.length > 1 ? (
        <details>
          <summary>
            {reasons.length - 1} more {reasons.length === 2 ? "reason" : "reasons"}
          </summary>
          <ul>
            {reasons.slice(1).map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </details>
      ) : null}
    </section>
  );
}

export function Books({ test }: { test: Test }) {
  const { outcomes, outstanding, planned, started } = test.totals;
  const open = planned !== null;
  const due = planned ?? started ?? 0;
  const parts = occurred(outcomes);
  const counted = sum(outcomes) + outstanding;
  const balanced = test.books.balanced && counted === due;
  const all = Math.max(due, counted, 1);
  return (
    <section class="books" data-balanced={balanced} aria-label="Outcomes and books">
      <h2>{open ? "Planned requests" : "Requests"} and what became of them</h2>
      <div class="bar" aria-hidden="true">
        {parts.map((part) =>
          part.count > 0 ? (
            <span key={part.name} data-blame={part.blame} style={{ flexGrow: part.count / all }} />
          ) : null,
        )}
        {outstanding > 0 ? (
          <span key="outstanding" data-blame="open" style={{ flexGrow: outstanding / all }} />
        ) : null}
      </div>
      <p class="sum">
        <b>{count(due)}</b> {open ? "planned" : "started"} {balanced ? "=" : "≠"}{" "}
        {parts.map((part, i) => (
          <span key={part.name} class="part" data-blame={part.blame}>
            {i > 0 ? " + " : ""}
            <b>{count(part.count)}</b> {part.words}
            {part.name !== "ok" && due > 0 ? (
              <small> ({percent(part.count / due)})</small>
            ) : null}
          </span>
        ))}
        {outstanding > 0 ? (
          <span class="part" data-blame="open">
            {" + "}
            <b>{count(outstanding)}</b> outstanding
          </span>
        ) : null}
      </p>
      {balanced ? null : (
        <p class="broken" role="alert">
          The books do not balance: {count(due)} {open ? "planned" : "started"}, {count(counted)} counted.
          None of these figures can be trusted.
        </p>
      )}
    </section>
  );
}
