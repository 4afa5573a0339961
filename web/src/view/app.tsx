import { startLines } from "../lib/commands";
import { plural } from "../lib/format";
import type { State, Store } from "../lib/store";
import { ComparePage } from "./compare_page";
import { Fleet } from "./fleet";
import { useStore } from "./hooks";
import { Lines } from "./lines";
import { NewTest } from "./new_test";
import { Rail } from "./rail";
import { TestPage } from "./test_page";

export function App({ store }: { store: Store }) {
  const state = useStore(store);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip the list of tests
      </a>
      <div class="page">
        <Rail tests={state.tests} route={state.route} followed={state.followed?.id ?? null} />
        <div id="main" tabIndex={-1}>
          <Body store={store} state={state} />
        </div>
      </div>
    </>
  );
}

// The address after # is the page's own, so the jump is made by hand.
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Body({ store, state }: { store: Store; state: State }) {
  const { route, followed, tests } = state;
  if (route.kind === "new") return <NewTest store={store} from={route.from} />;
  if (route.kind === "compare") return <ComparePage a={route.a} b={route.b} />;
  if (followed !== null) {
    return <TestPage key={followed.id} store={store} state={state} followed={followed} />;
  }
  if (state.unreachableSince !== null) {
    return (
      <main class="message">
        <h1>The controller does not answer</h1>
        <p role="status">Trying again every few seconds.</p>
      </main>
    );
  }
  if (tests === null) return <main class="message" aria-busy="true" />;
  return <Empty state={state} />;
}

const FIRST = JSON.stringify({
  name: "first",
  target: { url: "http://127.0.0.1:8000/" },
  load: { model: "open", stages: [{ duration: "30s", rate: 1000 }] },
});

function Empty({ state }: { state: State }) {
  const ready = (state.agents ?? []).filter((a) => a.state === "ready" || a.state === "spare");
  return (
    <main class="empty">
      <h1>No test yet</h1>
      <p class="lead">
        {ready.length > 0
          ? `${plural(ready.length, "agent")} ready.`
          : "No agent is ready; a test waits a minute for one."}{" "}
        Start a test here, or from a shell: this page shows it as soon as it begins.
      </p>
      <p class="buttons">
        <a class="button primary" href="#/new">
          New test
        </a>
      </p>
      <h2>From a shell</h2>
      <Lines lines={startLines(location.origin, FIRST)} />
      <p class="note">
        A target to try it on: <code>broadside target --listen 127.0.0.1:8000 --latency exp:20ms</code>
      </p>
      <Fleet agents={state.agents ?? []} live={true} />
    </main>
  );
}
