import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventParser, Follower, type FollowerHost, type Link, SILENCE_MS, type StreamEvent } from "../src/lib/events";

const event = (id: number, name: string, data: unknown): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

describe("EventParser", () => {
  it("reads events that are cut anywhere", () => {
    const text = `retry: 1000\n\n:\n\n${event(7, "interval", { k: 1, s: "a\u00e4" })}${event(8, "end", {})}`;
    for (let cut = 0; cut <= text.length; ++cut) {
      const parser = new EventParser();
      const events = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))];
      assert.deepEqual(events, [
        { id: 7, name: "interval", data: { k: 1, s: "aä" } },
        { id: 8, name: "end", data: {} },
      ]);
    }
  });

  it("joins data of several lines and takes CRLF", () => {
    const events = new EventParser().push('id: 1\r\ndata: {"a":\r\ndata: 1}\r\n\r\n');
    assert.deepEqual(events, [{ id: 1, name: "message", data: { a: 1 } }]);
  });

  it("says nothing for comments and for events without data", () => {
    assert.deepEqual(new EventParser().push(":\n\n: word\n\nevent: x\n\n"), []);
  });
});

// A host whose streams are written by the test, and whose time stands still until the test moves it.
class Host implements FollowerHost {
  asked: (string | undefined)[] = []; // Last-Event-ID of each connection
  private timers = new Map<number, { at: number; run: () => void }>();
  private number = 0;
  private time = 0;
  answer: () => Response = () => new Response(null, { status: 503 });

  fetch(_: string, init: RequestInit): Promise<Response> {
    this.asked.push((init.headers as Record<string, string>)["Last-Event-ID"]);
    const response = this.answer();
    init.signal?.addEventListener("abort", () => this.abort?.());
    return Promise.resolve(response);
  }
  abort: (() => void) | null = null;
  now = (): number => this.time;
  random = (): number => 0.5;
  later(run: () => void, ms: number): number {
    this.timers.set(++this.number, { at: this.time + ms, run });
    return this.number;
  }
  cancel(timer: number): void {
    this.timers.delete(timer);
  }
  pass(ms: number): void {
    this.time += ms;
    for (const [number, timer] of [...this.timers]) {
      if (timer.at > this.time) continue;
      this.timers.delete(number);
      timer.run();
    }
  }
  // A stream, and what writes to it.
  stream(): { write(text: string): void; close(): void; cut(): void } {
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start(c) {
        controller = c;
      },
    });
    this.answer = () => new Response(body);
    this.abort = () => controller.error(new DOMException("aborted", "AbortError"));
    return {
      write: (text) => controller.enqueue(new TextEncoder().encode(text)),
      close: () => controller.close(),
      cut: () => controller.error(new TypeError("network error")),
    };
  }
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; ++i) await new Promise((resume) => setImmediate(resume));
};

function follow(host: Host) {
  const events: StreamEvent[] = [];
  const links: Link[] = [];
  const follower = new Follower("/events", (e) => events.push(e), (link) => links.push(link), host);
  follower.start();
  return { follower, events, links, ids: () => events.map((e) => e.id), link: () => links.at(-1)!.kind };
}

describe("Follower", () => {
  it("comes back with the id of the last event, and drops what it has", async () => {
    const host = new Host();
    const first = host.stream();
    const f = follow(host);
    await settle();
    first.write(event(5, "snapshot", {}) + event(6, "interval", { k: 0 }) + event(7, "interval", { k: 1 }));
    await settle();
    assert.equal(f.link(), "live");
    first.cut();
    await settle();
    assert.equal(f.link(), "lost");
    const second = host.stream();
    host.pass(500);
    await settle();
    second.write(event(7, "interval", { k: 1 }) + event(8, "interval", { k: 2 }));
    await settle();
    assert.deepEqual(host.asked, [undefined, "7"]);
    assert.deepEqual(f.ids(), [5, 6, 7, 8]);
    assert.equal(f.link(), "live");
  });

  it("keeps half an event for nobody", async () => {
    const host = new Host();
    const first = host.stream();
    const f = follow(host);
    await settle();
    first.write(event(5, "snapshot", {}) + event(6, "interval", { k: 0 }).slice(0, 25));
    await settle();
    first.cut();
    await settle();
    const second = host.stream();
    host.pass(500);
    await settle();
    second.write(event(6, "interval", { k: 0 }));
    await settle();
    assert.deepEqual(host.asked, [undefined, "5"]);
    assert.deepEqual(f.ids(), [5, 6]);
  });

  it("waits longer each time, and not at all when asked", async () => {
    const host = new Host();
    const f = follow(host);
    const pauses: number[] = [];
    for (let i = 0; i < 6; ++i) {
      await settle();
      const link = f.links.at(-1)!;
      assert.equal(link.kind, "lost");
      if (link.kind !== "lost") return;
      assert.equal(link.since, 0);
      pauses.push(link.retryAt - host.now());
      host.pass(link.retryAt - host.now());
    }
    assert.deepEqual(pauses, [500, 1000, 2000, 4000, 5000, 5000]);
    await settle();
    const before = host.asked.length;
    f.follower.retryNow();
    await settle();
    assert.equal(host.asked.length, before + 1);
  });

  it("gives up a stream that fell silent, and not one with heartbeats", async () => {
    const host = new Host();
    const first = host.stream();
    const f = follow(host);
    await settle();
    first.write(event(5, "snapshot", {}));
    await settle();
    for (let i = 0; i < 5; ++i) {
      host.pass(SILENCE_MS - 1);
      first.write(":\n\n");
      await settle();
    }
    assert.equal(f.link(), "live");
    host.pass(SILENCE_MS);
    await settle();
    const link = f.links.at(-1)!;
    assert.equal(link.kind === "lost" && link.why, "the stream fell silent");
  });

  it("ends with the test, and does not come back", async () => {
    const host = new Host();
    const first = host.stream();
    const f = follow(host);
    await settle();
    // The end has the revision of the last update.
    first.write(event(5, "snapshot", {}) + event(6, "change", {}) + event(6, "end", {}));
    first.close();
    await settle();
    assert.equal(f.link(), "ended");
    assert.deepEqual(f.events.map((e) => e.name), ["snapshot", "change", "end"]);
    host.pass(60_000);
    await settle();
    assert.equal(host.asked.length, 1);
  });

  it("comes back from a stream that was closed without an end", async () => {
    const host = new Host();
    const first = host.stream();
    const f = follow(host);
    await settle();
    first.write(event(5, "snapshot", {}));
    first.close();
    await settle();
    assert.equal(f.link(), "lost");
  });

  it("says when the controller does not know the test", async () => {
    const host = new Host();
    host.answer = () => new Response(null, { status: 404 });
    const f = follow(host);
    await settle();
    assert.equal(f.link(), "gone");
    host.pass(60_000);
    assert.equal(host.asked.length, 1);
  });

  it("pauses without a connection, and resumes where it was", async () => {
    const host = new Host();
    const first = host.stream();
    const f = follow(host);
    await settle();
    first.write(event(5, "snapshot", {}) + event(6, "interval", { k: 0 }));
    await settle();
    f.follower.pause();
    await settle();
    host.pass(60_000);
    await settle();
    assert.equal(host.asked.length, 1);
    const second = host.stream();
    f.follower.resume();
    await settle();
    second.write(event(7, "interval", { k: 1 }));
    await settle();
    assert.deepEqual(host.asked, [undefined, "6"]);
    assert.deepEqual(f.ids(), [5, 6, 7]);
    assert.equal(f.links.some((link) => link.kind === "lost"), false);
  });

  it("survives a pause and a resume in one breath", async () => {
    const host = new Host();
    host.stream();
    const f = follow(host);
    await settle();
    f.follower.pause();
    const second = host.stream();
    f.follower.resume();
    await settle();
    second.write(event(5, "snapshot", {}));
    await settle();
    assert.equal(f.link(), "live");
    assert.deepEqual(f.ids(), [5]);
    assert.equal(host.asked.length, 2);
  });

  it("says nothing more once it was stopped", async () => {
    const host = new Host();
    const first = host.stream();
    const f = follow(host);
    await settle();
    f.follower.stop();
    const said = f.links.length;
    host.pass(60_000);
    await settle();
    assert.throws(() => first.write(event(5, "snapshot", {}))); // nobody reads it any more
    assert.equal(f.events.length, 0);
    assert.equal(f.links.length, said);
  });
});
