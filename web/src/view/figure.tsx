// The rate: the largest thing on the page, and beside it the plan. When the two differ, the difference is louder.

import { controllerNow } from "../lib/api";
import { clock, percent, rate, signed } from "../lib/format";
import { endOf } from "../lib/plan";
import type { Followed } from "../lib/store";
import { hasEnded } from "../lib/types";
import { useTick } from "./hooks";

export interface Figure {
  value: number | null;
  planned: number | null;
  caption: string;
  off: boolean; // further from the plan than it may be
  coverage: number; // share of the agents that it is known from
}

// Within 2 % of the plan, or 5 a second, is on the plan.
export const isOff = (value: number, planned: number): boolean =>
  Math.abs(value - planned) > Math.max(5, planned * 0.02);

export function figureOf(followed: Followed): Figure {
  const { test, series } = followed;
  const none = { value: null, planned: null, off: false, coverage: 1 };
  if (test === null || test.started_at === null) {
    return { ...none, caption: "Answers per second" };
  }
  if (hasEnded(test.state)) {
    const { completed, planned } = test.rates;
    return {
      value: completed,
      planned,
      caption: "Answers per second, mean of the test",
      off: planned !== null && isOff(completed, planned),
      coverage: 1,
    };
  }
  const second = series.newestClosed(endOf(test.spec));
  if (second === null) return { ...none, caption: "Answers per second" };
  const value = second.closed_completed ?? 0;
  const off = second.planned !== null && isOff(value, second.planned);
  return {
    value,
    planned: second.planned,
    caption: `Answers per second, at ${clock(second.k)}`,
    // Answers to the first second's requests are still on their way when it ends.
    off: off && second.k > 0,
    coverage: second.coverage ?? 1,
  };
}

export function RateFigure({ followed, stale }: { followed: Followed; stale: boolean }) {
  const figure = figureOf(followed);
  const text = figure.value === null ? "–" : rate(figure.value);
  return (
    <section class="figure" aria-label="Rate" data-stale={stale}>
      <h2>{figure.caption}</h2>
      <p class="number" data-size={figure.value === null ? "none" : sizeOf(text)}>
        {text}
      </p>
      {followed.test?.state === "inconsistent" ? null : <Plan figure={figure} />}
      {figure.coverage < 1 ? (
        <p class="note">known from {percent(figure.coverage)} of the agents so far</p>
      ) : null}
      <PendingRate followed={followed} />
    </section>
  );
}

const sizeOf = (text: string): string =>
  text.length > 9 ? "small" : text.length > 6 ? "middle" : "large";

function Plan({ figure }: { figure: Figure }) {
  const { value, planned, off } = figure;
  if (planned === null || value === null) return <p class="plan"> </p>;
  if (!off) {
    return (
      <p class="plan">
        <span class="tick" aria-hidden="true" /> on the plan of {rate(planned)}
      </p>
    );
  }
  const difference = value - planned;
  const share = planned > 0 ? ` (${signed(percent(Math.abs(difference) / planned), difference)})` : "";
  return (
    <p class="plan off">
      <strong>
        {signed(rate(Math.abs(difference)), difference)}
        {share}
      </strong>{" "}
      against the plan of {rate(planned)}
    </p>
  );
}

function PendingRate({ followed }: { followed: Followed }) {
  const pending = followed.pendingRate;
  useTick(250, pending !== null);
  if (pending === null) return null;
  const left = Math.ceil((pending.effectiveAt - controllerNow()) / 1000);
  return (
    <p class="pending" role="status">
      → {rate(pending.rate)} a second from {clock(pending.fromK)}
      {left > 0 ? `, in ${left} s` : ""}
    </p>
  );
}
