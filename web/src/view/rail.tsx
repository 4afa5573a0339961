// The list of tests, newest first: state as a dot and a word, never as a colour alone.

import { dayOrTime, plural } from "../lib/format";
import type { Route } from "../lib/store";
import type { BriefTest } from "../lib/types";
import { type Theme, useTheme } from "./theme";

const THEMES: [Theme, string][] = [
  ["auto", "Auto"],
  ["light", "Light"],
  ["dark", "Dark"],
];

export function Rail({ tests, route, followed }: {
  tests: BriefTest[] | null;
  route: Route;
  followed: string | null;
}) {
  const [theme, setTheme] = useTheme();
  const current = route.kind === "newest" || route.kind === "test" ? followed : null;
  const list = (
    <ol>
      {(tests ?? []).map((test) => (
        <li key={test.id}>
          <a href={`#/tests/${test.id}`} aria-current={test.id === current ? "page" : undefined}>
            <span class="name">{test.name}</span>
            <span class="state" data-state={test.state}>
              {test.state}
            </span>
            <time dateTime={test.created_at}>{dayOrTime(test.created_at, Date.now())}</time>
          </a>
        </li>
      ))}
    </ol>
  );
  return (
    <header class="rail">
      <div class="top">
        <a class="brand" href="#/" aria-label="Broadside: the newest test">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M3 6h12M3 12h18M3 18h9" />
          </svg>
          Broadside
        </a>
        <a class="button primary" href="#/new" aria-current={route.kind === "new" ? "page" : undefined}>
          New test
        </a>
      </div>
      <nav aria-label="Tests">
        <details class="narrow">
          <summary>
            {tests === null ? "Tests" : tests.length < 50 ? plural(tests.length, "test") : "Newest 50 tests"}
          </summary>
          {list}
        </details>
        <div class="wide">{list}</div>
      </nav>
      <div class="foot">
        <fieldset class="choice">
          <legend>Colours</legend>
          {THEMES.map(([value, name]) => (
            <label key={value}>
              <input
                type="radio"
                name="theme"
                value={value}
                checked={theme === value}
                onChange={() => setTheme(value)}
              />
              <span>{name}</span>
            </label>
          ))}
        </fieldset>
        <p>
          <a href="/openapi.json">API</a> <a href="/metrics">Metrics</a>
        </p>
      </div>
    </header>
  );
}
