// What the page knows, and how it comes to know it. One store for the page; views subscribe to it.
//
// The list of tests and the fleet are asked for again and again while the page can be seen; the test that is
// looked at is followed by its event stream, and its totals are asked for whenever the stream says
// something, at most once a second.

import { api, controllerNow, Problem } from "./api";
import { Follower, type Link, type StreamEvent } from "./events";
import { KEEP, Series } from "./series";
import { type Agent, type BriefTest, type Change, hasEnded, type Interval, type Test } from "./types";

const TESTS_EVERY_MS = 3_000;
const AGENTS_EVERY_MS = 1_000;
const AGENTS_EVERY_MS_LARGE = 3_000; // above 2,000 agents
const HIDDEN_MS = 30_000; // a page that is hidden for so long lets its stream go
const TESTS_SHOWN = 50;
const CHANGES_KEPT = 1_000;

export type Route =
  | { kind: "newest" } // the newest test, whichever it is: for a screen on a wall
  | { kind: "test"; id: string }
  | { kind: "new"; from: string | null } // a form, filled with the spec of a test
  | { kind: "compare"; a: string; b: string };

export function routeOf(hash: string): Route {
  const [kind, ...rest] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (kind === "tests" && rest[0]) return { kind: "test", id: rest[0] };
  if (kind === "new") return { kind: "new", from: rest[0] ?? null };
  if (kind === "compare" && rest[0] && rest[1]) return { kind: "compare", a: rest[0], b: rest[1] };
  return { kind: "newest" };
}

// A new rate that was asked for and does not hold yet.
export interface PendingRate {
  rate: number;
  fromK: number; // the second of the test from which it holds
  effectiveAt: number; // the controller's clock, ms
}

export interface Followed {
  id: string;
  link: Link;
  test: Test | null;
  series: Series;
  loaded: boolean; // what was before the stream began is there too
  changes: Change[]; // ascending
  lastNewsAt: number; // when the stream last said something, our clock
  pendingRate: PendingRate | null;
}

export interface State {
  route: Route;
  tests: BriefTest[] | null; // null: not known yet
  agents: Agent[] | null;
  followed: Followed | null;
  unreachableSince: number | null; // the controller does not answer
}

export class Store {
  state: State = {
    route: { kind: "newest" },
    tests: null,
    agents: null,
    followed: null,
    unreachableSince: null,
  };
  private readonly listeners = new Set<() => void>();
  private follower: Follower | null = null;
  private refreshing = false;
  private refreshAgain = false;
  private scheduled = false;

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  start(): void {
    const route = (): void => {
      this.set({ route: routeOf(location.hash) });
      this.follow();
    };
    window.addEventListener("hashchange", route);
    window.addEventListener("online", () => this.retryNow());
    let hidden: number | undefined;
    document.addEventListener("visibilitychange", () => {
      window.clearTimeout(hidden);
      if (document.hidden) {
        hidden = window.setTimeout(() => this.follower?.pause(), HIDDEN_MS);
      } else {
        this.follower?.resume();
        this.retryNow();
      }
    });
    route();
    this.poll(() => this.readTests(), () => TESTS_EVERY_MS);
    this.poll(
      () => this.readAgents(),
      () => ((this.state.agents?.length ?? 0) > 2_000 ? AGENTS_EVERY_MS_LARGE : AGENTS_EVERY_MS),
    );
  }

  retryNow(): void {
    this.follower?.retryNow();
  }

  readTests = async (): Promise<void> => {
    const page = await this.reach(api.tests(TESTS_SHOWN));
    if (page === null) return;
    this.set({ tests: page.items });
    this.follow();
  };

  readAgents = async (): Promise<void> => {
    const agents = await this.reach(api.agents());
    if (agents !== null) this.set({ agents });
  };

  // What the answer to an action says of the followed test.
  take(test: Test): void {
    const followed = this.state.followed;
    if (followed?.id === test.id) this.update({ test });
    void this.readTests();
  }

  takeRate(test: Test & { effective_at: string | null }, rate: number): void {
    if (test.effective_at !== null && test.started_at !== null) {
      const effectiveAt = Date.parse(test.effective_at);
      const fromK = Math.round((effectiveAt - Date.parse(test.started_at)) / 1000);
      this.update({ pendingRate: { rate, fromK, effectiveAt } });
    }
    this.take(test);
  }

  // Follows what the route asks for; the newest test when it asks for none.
  private follow(): void {
    const { route, tests, followed } = this.state;
    let id: string | null = followed?.id ?? null;
    if (route.kind === "test") id = route.id;
    if (route.kind === "newest") {
      const running = tests?.find((test) => !hasEnded(test.state));
      id = (running ?? tests?.[0])?.id ?? null;
    }
    if (id === (followed?.id ?? null)) return;
    this.follower?.stop();
    this.follower = null;
    if (id === null) return this.set({ followed: null });
    const next: Followed = {
      id,
      link: { kind: "connecting" },
      test: null,
      series: new Series(),
      loaded: false,
      changes: [],
      lastNewsAt: Date.now(),
      pendingRate: null,
    };
    this.set({ followed: next });
    const mine = (): boolean => this.state.followed?.id === id;
    this.follower = new Follower(
      api.eventsPath(id),
      (event) => mine() && this.onEvent(event),
      (link) => mine() && this.update({ link }),
    );
    this.follower.start();
  }

  private onEvent(event: StreamEvent): void {
    const followed = this.state.followed;
    if (followed === null) return;
    this.update({ lastNewsAt: Date.now() });
    if (event.name === "snapshot") {
      this.update({ test: event.data as Test });
      void this.loadPast(followed.id, event.data as Test);
    } else if (event.name === "end") {
      this.update({ test: event.data as Test, pendingRate: null });
      void this.readTests();
    } else if (event.name === "interval") {
      followed.series.add(event.data as Interval, "stream");
      const pending = followed.pendingRate;
      if (pending !== null && (followed.series.lastK ?? -1) >= pending.fromK) {
        this.update({ pendingRate: null });
      }
      this.refreshSoon();
    } else if (event.name === "change") {
      this.addChanges([event.data as Change]);
      this.refreshSoon();
      void this.readTests();
    }
  }

  // What was before the stream began: the last hour, and what happened.
  private async loadPast(id: string, test: Test): Promise<void> {
    const end = test.ended_at !== null ? Date.parse(test.ended_at) : controllerNow();
    const length = test.started_at === null ? 0 : (end - Date.parse(test.started_at)) / 1000;
    const past = await this.untilReached(() =>
      Promise.all([api.intervals(id, Math.max(0, Math.floor(length) - KEEP)), api.changes(id)]),
    );
    const followed = this.state.followed;
    if (past === null || followed?.id !== id) return;
    for (const interval of past[0]) followed.series.add(interval, "list");
    this.addChanges(past[1].items);
    this.update({ loaded: true });
  }

  private addChanges(changes: Change[]): void {
    const followed = this.state.followed;
    if (followed === null) return;
    const known = new Set(followed.changes.map((change) => change.revision));
    const all = [...followed.changes, ...changes.filter((change) => !known.has(change.revision))];
    all.sort((a, b) => a.revision - b.revision);
    this.update({ changes: all.slice(-CHANGES_KEPT) });
  }

  // Asks for the totals of the followed test; what comes in the meantime asks once more.
  private refreshSoon(): void {
    if (this.refreshing) {
      this.refreshAgain = true;
      return;
    }
    this.refreshing = true;
    void (async () => {
      const id = this.state.followed?.id;
      const brief = id === undefined ? null : await this.reach(api.briefTest(id));
      const followed = this.state.followed;
      if (brief !== null && followed?.id === id && followed?.test != null) {
        // The end says everything once and for all; an answer that was under way is older.
        if (!hasEnded(followed.test.state)) this.update({ test: { ...followed.test, ...brief } });
      }
      await new Promise((resume) => window.setTimeout(resume, 300));
      this.refreshing = false;
      if (this.refreshAgain) {
        this.refreshAgain = false;
        this.refreshSoon();
      }
    })();
  }

  private poll(read: () => Promise<void>, everyMs: () => number): void {
    const again = async (): Promise<void> => {
      if (!document.hidden) await read();
      window.setTimeout(() => void again(), everyMs());
    };
    void again();
  }

  // The answer, or null; notes whether the controller answers at all.
  private async reach<T>(answer: Promise<T>): Promise<T | null> {
    try {
      const value = await answer;
      if (this.state.unreachableSince !== null) this.set({ unreachableSince: null });
      return value;
    } catch (error) {
      const silent = error instanceof Problem && (error.status === 0 || error.status >= 500);
      if (silent && this.state.unreachableSince === null) {
        this.set({ unreachableSince: Date.now() });
      }
      return null;
    }
  }

  // Tries again while the controller does not answer; null for a refusal.
  private async untilReached<T>(ask: () => Promise<T>): Promise<T | null> {
    for (;;) {
      const value = await this.reach(ask());
      if (value !== null || this.state.unreachableSince === null) return value;
      await new Promise((resume) => window.setTimeout(resume, 1_000));
    }
  }

  private update(change: Partial<Followed>): void {
    if (this.state.followed === null) return;
    this.set({ followed: { ...this.state.followed, ...change } });
  }

  // Listeners hear once of all changes of a turn.
  private set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      for (const listener of this.listeners) listener();
    });
  }
}
