// A test, in the order of the questions: is the rate what we asked for, is the service well, can I trust this,
// who does it, what is the target doing.

import { useEffect, useRef, useState } from "preact/hooks";
import { controllerNow } from "../lib/api";
import { clock, count, plural, rate } from "../lib/format";
import { occurred } from "../lib/outcomes";
import { durationOf } from "../lib/spec";
import type { Followed, State, Store } from "../lib/store";
import { hasEnded, type Test } from "../lib/types";
import { Actions, Elapsed } from "./actions";
import { RateChart, SPANS, type Span, TimesChart, useData, VersionsChart, windowOf } from "./charts";
import { figureOf, RateFigure } from "./figure";
import { Fleet } from "./fleet";
import { useTick } from "./hooks";
import { ChangeLog, SecondsTable } from "./log";
import { Percentiles, Thresholds } from "./percentiles";
import { Books, Verdict } from "./trust";

const STALE_MS = 5_000;

export function TestPage({ store, state, followed }: { store: Store; state: State; followed: Followed }) {
  const { test, link } = followed;
  if (link.kind === "gone") {
    return (
      <main class="message">
        <h1>There is no such test</h1>
        <p>The controller does not know {followed.id}. It may have been forgotten.</p>
        <p>
          <a href="#/">To the newest test</a>
        </p>
      </main>
    );
  }
  if (test === null) {
    return (
      <main class="message">
        <p role="status">
          {link.kind === "lost" ? `Not connected: ${link.why}. Trying again.` : "Loading the test …"}
        </p>
      </main>
    );
  }
  return <Known store={store} state={state} followed={followed} test={test} />;
}

function Known(props: { store: Store; state: State; followed: Followed; test: Test }) {
  const { store, state, followed, test } = props;
  const ended = hasEnded(test.state);
  const [chosen, setSpan] = useState<Span | null>(null);
  const span = chosen ?? (ended ? "all" : "2");
  const data = useData(windowOf(followed, span), followed);
  useTick(1_000, !ended);
  const title = ended ? test.state : rate(figureOf(followed).value ?? 0);
  useEffect(() => {
    document.title = `${title} · ${test.name} · Broadside`;
    return () => {
      document.title = "Broadside";
    };
  }, [title, test.name]);
  const quiet = test.state === "running" && Date.now() - followed.lastNewsAt > STALE_MS;
  const stale =
    test.state === "inconsistent" || (!ended && (followed.link.kind === "lost" || quiet));
  const closed = test.spec.load.model === "closed";
  const agents = ended ? test.agents : (state.agents ?? test.agents);
  const hasVersions = data.layers.names.length > 0;
  return (
    <main class="test" data-stale={stale} data-loaded={followed.loaded}>
      <div class="head">
        <div class="title">
          <h1>{test.name}</h1>
          <span class="state" data-state={test.state}>
            {test.state}
          </span>
          <Elapsed
            test={test}
            seconds={test.elapsed_s}
            length={durationOf(test.spec.load)}
          />
          <p class="target">
            {test.spec.target.method ?? "GET"} {test.spec.target.url}
          </p>
        </div>
        <Actions store={store} followed={followed} test={test} tests={state.tests ?? []} />
      </div>
      <Banner store={store} state={state} followed={followed} test={test} quiet={quiet} />
      <div class="rate">
        <RateFigure followed={followed} stale={stale} />
        <RateChart data={data} closed={closed} />
      </div>
      <div class="trust">
        <Verdict test={test} />
        <Books test={test} />
      </div>
      <div class="times">
        <div class="with-span">
          <TimesChart data={data} />
          <fieldset class="choice span">
            <legend>Charts show</legend>
            {SPANS.map(([value, name]) => (
              <label key={value}>
                <input
                  type="radio"
                  name="span"
                  checked={span === value}
                  onChange={() => setSpan(value)}
                />
                <span>{name}</span>
              </label>
            ))}
          </fieldset>
        </div>
        <Percentiles test={test} />
      </div>
      <div class="who">
        <Fleet agents={agents} live={!ended} />
      </div>
      {hasVersions ? <VersionsChart data={data} /> : null}
      <div class="rest">
        <div>
          <Thresholds test={test} />
          <ChangeLog changes={followed.changes} startedAt={test.started_at} />
        </div>
        <div>
          {hasVersions ? null : (
            <p class="note">
              To see which version of the target answers, name a response header in{" "}
              <code>target.version_header</code>.
            </p>
          )}
          <details class="spec">
            <summary>Spec</summary>
            <pre>{JSON.stringify(test.spec, null, 2)}</pre>
          </details>
          <SecondsTable series={followed.series} />
        </div>
      </div>
      <Announcer followed={followed} stale={stale} />
    </main>
  );
}

// One line above the figures, for what changes how they are to be read.
function Banner(props: {
  store: Store;
  state: State;
  followed: Followed;
  test: Test;
  quiet: boolean;
}) {
  const { store, state, followed, test, quiet } = props;
  const { link } = followed;
  if (link.kind === "lost" && !hasEnded(test.state)) {
    const left = Math.max(0, Math.ceil((link.retryAt - Date.now()) / 1000));
    return (
      <p class="banner lost" role="status">
        <b>Connection lost</b> since {clockOf(link.since)}: {link.why}. The figures are those of then.{" "}
        {left > 0 ? `Trying again in ${left} s.` : "Trying again …"}{" "}
        <button type="button" onClick={() => store.retryNow()}>
          Try now
        </button>
      </p>
    );
  }
  if (test.state === "inconsistent") {
    return (
      <p class="banner bad" role="alert">
        <b>Inconsistent.</b> {sentence(test.reason ?? "the books do not balance")} The figures of this test
        cannot be trusted.
      </p>
    );
  }
  if (test.state === "failed") {
    return (
      <p class="banner bad" role="status">
        <b>Failed.</b> {sentence(test.reason ?? "the controller does not say why")}
      </p>
    );
  }
  if (test.state === "pending") return <Pending state={state} test={test} />;
  if (test.state === "stopping") {
    return (
      <p class="banner" role="status">
        <b>Stopping.</b> All agents were told; waiting until it is certain that nothing is sent any more.{" "}
        {test.reason === null ? "" : sentence(`why: ${test.reason}`)}
      </p>
    );
  }
  if (test.state === "stopped") {
    return (
      <p class="banner" role="status">
        <b>Stopped.</b> It is certain that nothing is sent any more.{" "}
        {test.reason === null ? "" : sentence(`why: ${test.reason}`)}
      </p>
    );
  }
  if (quiet) {
    return (
      <p class="banner lost" role="status">
        <b>No news</b> for {Math.floor((Date.now() - followed.lastNewsAt) / 1000)} s. The figures are old.
      </p>
    );
  }
  return null;
}

function Pending({ state, test }: { state: State; test: Test }) {
  const least = test.spec.agents?.min ?? 1;
  const ready = (state.agents ?? []).filter(
    (agent) => agent.state === "ready" || agent.state === "spare",
  ).length;
  const startsIn =
    test.started_at === null ? null : Math.ceil((Date.parse(test.started_at) - controllerNow()) / 1000);
  return (
    <p class="banner" role="status">
      <b>Pending.</b>{" "}
      {startsIn !== null
        ? startsIn > 0
          ? `Starts in ${startsIn} s.`
          : "Starts now."
        : ready < least
          ? `Waits for agents: ${count(ready)} of ${count(least)} ready.`
          : `${plural(ready, "agent")} ready. Starts in a moment.`}
    </p>
  );
}

// "no agents" is said as "No agents."
const sentence = (text: string): string =>
  text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

const clockOf = (at: number): string => new Date(at).toTimeString().slice(0, 8);

const ANNOUNCE_MS = 10_000;

// Says the figures to a screen reader, politely and seldom.
function Announcer({ followed, stale }: { followed: Followed; stale: boolean }) {
  const [text, setText] = useState("");
  const newest = useRef({ followed, stale });
  newest.current = { followed, stale };
  useEffect(() => {
    const say = (): void => {
      const { followed: now, stale: isStale } = newest.current;
      const test = now.test;
      if (test === null) return;
      const figure = figureOf(now);
      const others = occurred(test.totals.outcomes).filter((o) => o.name !== "ok");
      setText(
        [
          isStale ? "Connection lost" : test.state,
          figure.value === null ? "no rate yet" : `${rate(figure.value)} answers a second`,
          figure.planned === null ? "" : `of ${rate(figure.planned)} planned`,
          others.length === 0
            ? "all ok"
            : others.map((o) => `${count(o.count)} ${o.words}`).join(", "),
          `verdict ${test.verdict.generator}`,
          `second ${clock(now.series.lastK ?? 0)}`,
        ]
          .filter((part) => part !== "")
          .join(", "),
      );
    };
    const timer = window.setInterval(say, ANNOUNCE_MS);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {text}
    </p>
  );
}
