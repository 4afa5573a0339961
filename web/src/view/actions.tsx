// What can be done with a test: change its rate, stop it, compare it, keep its result. One panel at a time, inside the page.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { api, Problem } from "../lib/api";
import { compareLines, rateLines, resultLines, stopLines } from "../lib/commands";
import { clock, moment } from "../lib/format";
import type { Followed, Store } from "../lib/store";
import { type BriefTest, hasEnded, type Test } from "../lib/types";
import { Lines } from "./lines";

type Panel = "rate" | "stop" | "compare" | "keep";

export function Actions(props: { store: Store; followed: Followed; test: Test; tests: BriefTest[] }) {
  const { store, test, tests } = props;
  const [panel, setPanel] = useState<Panel | null>(null);
  const ended = hasEnded(test.state);
  const canChange = test.state === "running" || test.state === "pending";
  useEffect(() => setPanel(null), [test.id, ended]);
  const toggle = (which: Panel, text: string, enabled: boolean) =>
    enabled ? (
      <button
        type="button"
        aria-expanded={panel === which}
        onClick={() => setPanel(panel === which ? null : which)}
      >
        {text}
      </button>
    ) : null;
  const close = (): void => setPanel(null);
  return (
    <div
      class="actions"
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <div class="buttons">
        {toggle("rate", "Change rate", canChange && test.spec.load.model === "open")}
        {toggle("stop", "Stop", canChange)}
        {toggle("compare", "Compare", ended && tests.some((other) => other.id !== test.id))}
        {toggle("keep", ended ? "Download" : "API", true)}
        {ended ? (
          <a class="button" href={`#/new/${test.id}`}>
            Run again
          </a>
        ) : null}
      </div>
      {panel === "rate" ? <RatePanel store={store} test={test} close={close} /> : null}
      {panel === "stop" ? <StopPanel store={store} test={test} close={close} /> : null}
      {panel === "compare" ? <ComparePanel test={test} tests={tests} /> : null}
      {panel === "keep" ? <KeepPanel test={test} /> : null}
    </div>
  );
}

function useFocus<T extends HTMLElement>() {
  const element = useRef<T>(null);
  useLayoutEffect(() => element.current?.focus(), []);
  return element;
}

function RatePanel({ store, test, close }: { store: Store; test: Test; close: () => void }) {
  const [text, setText] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const input = useFocus<HTMLInputElement>();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const wanted = text.trim();
    // What is no number goes as text: the API says what is wrong with it.
    const number = wanted !== "" && Number.isFinite(Number(wanted));
    try {
      store.takeRate(
        await api.changeRate(test.id, number ? String(Number(wanted)) : JSON.stringify(wanted)),
        Number(wanted),
      );
      close();
    } catch (problem) {
      const { errors, detail } = problem as Problem;
      setError(errors[0]?.detail ?? detail);
      setBusy(false);
      input.current?.focus();
    }
  };
  return (
    <form class="panel" onSubmit={(event) => void submit(event)} noValidate>
      <div class="field">
        <label for="new-rate">New rate, requests per second, from the next second to the end</label>
        <input
          id="new-rate"
          ref={input}
          inputMode="decimal"
          autocomplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          aria-invalid={error !== null}
          {...(error === null ? {} : { "aria-describedby": "new-rate-error" })}
        />
        {error === null ? null : (
          <p class="error" id="new-rate-error" role="alert">
            {error}
          </p>
        )}
      </div>
      <p class="buttons">
        <button class="primary" disabled={busy}>
          Change the rate
        </button>
        <button type="button" onClick={close}>
          Leave it
        </button>
      </p>
      <Lines lines={rateLines(location.origin, test.id, text.trim() || "RATE")} />
    </form>
  );
}

function StopPanel({ store, test, close }: { store: Store; test: Test; close: () => void }) {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const confirm = useFocus<HTMLButtonElement>();
  const stop = async (): Promise<void> => {
    setBusy(true);
    try {
      store.take(await api.stop(test.id));
      close();
    } catch (problem) {
      setError((problem as Problem).detail);
      setBusy(false);
    }
  };
  return (
    <div class="panel" role="group" aria-label="Stop the test">
      <p>
        Stop <b>{test.name}</b>? All agents are told at once; the test is stopped when it is certain that
        nothing is sent any more.
      </p>
      <p class="buttons">
        <button type="button" class="danger" ref={confirm} disabled={busy} onClick={() => void stop()}>
          Stop the test
        </button>
        <button type="button" onClick={close}>
          Let it run
        </button>
      </p>
      {error === null ? null : (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <Lines lines={stopLines(location.origin, test.id)} />
    </div>
  );
}

function ComparePanel({ test, tests }: { test: Test; tests: BriefTest[] }) {
  const others = tests.filter((other) => other.id !== test.id && hasEnded(other.state));
  const [other, setOther] = useState(others[0]?.id ?? "");
  const select = useFocus<HTMLSelectElement>();
  if (others.length === 0) return <p class="panel">There is no other test that has ended.</p>;
  return (
    <form
      class="panel"
      onSubmit={(event) => {
        event.preventDefault();
        location.hash = `#/compare/${other}/${test.id}`;
      }}
    >
      <div class="field">
        <label for="compare-with">Compare with</label>
        <select
          id="compare-with"
          ref={select}
          value={other}
          onChange={(event) => setOther(event.currentTarget.value)}
        >
          {others.map((choice) => (
            <option key={choice.id} value={choice.id}>
              {choice.name}, {moment(choice.created_at, Date.now())}, {choice.state}
            </option>
          ))}
        </select>
      </div>
      <p class="buttons">
        <button class="primary">Compare</button>
      </p>
      <Lines lines={compareLines(location.origin, other, test.id)} />
    </form>
  );
}

function KeepPanel({ test }: { test: Test }) {
  const path = api.testPath(test.id);
  return (
    <div class="panel" role="group" aria-label="Results">
      <p class="buttons">
        <a class="button" href={path} download={`${test.id}.json`}>
          Result (JSON)
        </a>
        <a class="button" href={`${path}/intervals`} download={`${test.id}-seconds.json`}>
          Seconds (JSON)
        </a>
        <a class="button" href={`${path}/changes`} download={`${test.id}-changes.json`}>
          Changes (JSON)
        </a>
      </p>
      <Lines lines={resultLines(location.origin, test.id)} />
    </div>
  );
}

// "0:34 of 1:30", or when it began and ended.
export function Elapsed({ test, seconds, length }: { test: Test; seconds: number; length: number | null }) {
  if (hasEnded(test.state)) {
    const ended = test.ended_at === null ? "" : `, ended ${moment(test.ended_at, Date.now())}`;
    const ran = test.started_at === null ? "never began" : `ran ${clock(seconds)}`;
    return (
      <span class="elapsed">
        {ran}
        {ended}
      </span>
    );
  }
  if (test.state === "pending") return null;
  return (
    <span class="elapsed">
      {clock(seconds)}
      {length === null ? "" : ` of ${clock(length)}`}
    </span>
  );
}
