// A test's event stream: reads it, and comes back by itself where it broke off.
//
// Own code instead of EventSource, which gives up for good on an answer other than 200 (a restarting
// controller says 503), does not show the comments that keep a quiet stream alive, and so cannot tell a
// quiet stream from a dead one.

export interface StreamEvent {
  id: number;
  name: string; // snapshot, interval, change, end
  data: unknown;
}

// Server-sent events from text in pieces, cut anywhere.
export class EventParser {
  private rest = "";
  private id = "";
  private name = "";
  private data: string[] = [];

  push(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line === "") {
        if (this.data.length > 0) {
          events.push({
            id: Number(this.id),
            name: this.name || "message",
            data: JSON.parse(this.data.join("\n")),
          });
        }
        this.name = "";
        this.data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "id") this.id = value;
      if (field === "event") this.name = value;
      if (field === "data") this.data.push(value);
    }
    return events;
  }
}

export type Link =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "lost"; since: number; retryAt: number; why: string }
  | { kind: "ended" } // all was received, and nothing more will come
  | { kind: "gone"; why: string }; // the controller does not know the test (any more)

export interface FollowerHost {
  fetch(url: string, init: RequestInit): Promise<Response>;
  now(): number;
  random(): number;
  later(run: () => void, ms: number): number;
  cancel(timer: number): void;
}

export const browserHost: FollowerHost = {
  fetch: (url, init) => fetch(url, init),
  now: () => Date.now(),
  random: () => Math.random(),
  later: (run, ms) => window.setTimeout(run, ms),
  cancel: (timer) => window.clearTimeout(timer),
};

// The controller writes at least a comment every 10 s.
export const SILENCE_MS = 25_000;
const RETRY_MS = 500;
const RETRY_MAX_MS = 5_000;

export class Follower {
  private lastId: number | null = null;
  private attempts = 0;
  private lostSince: number | null = null;
  private abort: AbortController | null = null;
  private timer: number | null = null;
  private stopped = false;
  private paused = false;

  constructor(
    private readonly url: string,
    private readonly onEvent: (event: StreamEvent) => void,
    private readonly onLink: (link: Link) => void,
    private readonly host: FollowerHost = browserHost,
  ) {}

  start(): void {
    this.onLink({ kind: "connecting" });
    void this.attempt();
  }

  stop(): void {
    this.stopped = true;
    this.clearTimer();
    this.abort?.abort();
  }

  // Lets the connection go, and comes back where it was: a browser has six for a host, and a page that nobody sees needs
  // none.
  pause(): void {
    if (this.stopped) return;
    this.paused = true;
    this.clearTimer();
    this.abort?.abort();
  }
  resume(): void {
    if (this.stopped || !this.paused) return;
    this.paused = false;
    this.attempts = 0;
    void this.attempt();
  }

  // At once instead of after the pause.
  retryNow(): void {
    if (this.stopped || this.paused || this.timer === null || this.abort !== null) return;
    this.clearTimer();
    void this.attempt();
  }

  private async attempt(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    let why = "the controller closed the stream";
    try {
      this.watch(abort);
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.lastId !== null) headers["Last-Event-ID"] = String(this.lastId);
      const response = await this.host.fetch(this.url, {
        headers,
        signal: abort.signal,
        cache: "no-store",
      });
      if (response.status === 404) {
        return this.finish({ kind: "gone", why: "the controller does not know this test" });
      }
      if (!response.ok || response.body === null) {
        throw new Error(`the controller answers ${response.status}`);
      }
      this.lostSince = null;
      this.onLink({ kind: "live" });
      if (await this.read(response.body.getReader(), abort)) return this.finish({ kind: "ended" });
    } catch (error) {
      if (this.stopped || this.paused) return;
      why = abort.signal.aborted
        ? "the stream fell silent"
        : error instanceof TypeError
          ? "the controller does not answer"
          : String((error as Error).message);
    } finally {
      this.leave(abort);
    }
    if (!this.stopped && !this.paused && this.abort === null) this.retry(why);
  }

  // After a quick pause and resume another attempt is under way: it keeps its timer.
  private leave(abort: AbortController): void {
    if (this.abort !== abort) return;
    this.clearTimer();
    this.abort = null;
  }

  // True when the stream came to its proper end.
  private async read(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    abort: AbortController,
  ): Promise<boolean> {
    const parser = new EventParser();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.stopped) return false;
      this.watch(abort);
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        this.attempts = 0;
        // An update that is known already comes from a stream that was cut in the middle.
        const isUpdate = event.name === "interval" || event.name === "change";
        if (isUpdate && this.lastId !== null && event.id <= this.lastId) continue;
        this.onEvent(event);
        this.lastId = event.id;
        if (event.name === "end") return true;
      }
    }
  }

  private watch(abort: AbortController): void {
    this.clearTimer();
    this.timer = this.host.later(() => abort.abort(), SILENCE_MS);
  }

  private retry(why: string): void {
    const base = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** this.attempts++);
    const pause = base * (0.8 + 0.4 * this.host.random());
    const now = this.host.now();
    this.lostSince ??= now;
    this.onLink({ kind: "lost", since: this.lostSince, retryAt: now + pause, why });
    this.timer = this.host.later(() => {
      this.timer = null;
      void this.attempt();
    }, pause);
  }

  private finish(link: Link): void {
    this.stopped = true;
    this.onLink(link);
  }

  private clearTimer(): void {
    if (this.timer !== null) this.host.cancel(this.timer);
    this.timer = null;
  }
}
