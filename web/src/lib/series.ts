// The seconds of a test, each once, by number, the newest KEEP of them.
//
// They come from two sources: the list (what was before the page opened) and the stream (what changed
// since). Both may have the same second; the stream began before the list was asked for, and says every
// later change of a second, so what it said is never overwritten by the list.

import type { Interval } from "./types";

export const KEEP = 3600;

export class Series {
  private readonly byK = new Map<number, { interval: Interval; streamed: boolean }>();
  private ks: number[] = []; // ascending

  add(interval: Interval, source: "list" | "stream"): void {
    const known = this.byK.get(interval.k);
    if (known === undefined) {
      if (this.ks.length >= KEEP && interval.k < (this.ks[0] ?? 0)) return; // too old
      this.insert(interval.k);
    } else if (known.streamed && source === "list") {
      return;
    }
    this.byK.set(interval.k, { interval, streamed: source === "stream" });
    while (this.ks.length > KEEP) this.byK.delete(this.ks.shift() as number);
  }

  get size(): number {
    return this.ks.length;
  }
  get firstK(): number | null {
    return this.ks[0] ?? null;
  }
  get lastK(): number | null {
    return this.ks.at(-1) ?? null;
  }
  at(k: number): Interval | undefined {
    return this.byK.get(k)?.interval;
  }
  // From second `from` on, ascending.
  from(from: number): Interval[] {
    return this.ks.filter((k) => k >= from).map((k) => this.byK.get(k)!.interval);
  }
  // The newest second below `end` whose rate is final.
  newestClosed(end = Number.POSITIVE_INFINITY): Interval | null {
    for (let i = this.ks.length - 1; i >= 0; --i) {
      const interval = this.byK.get(this.ks[i]!)!.interval;
      if (interval.k < end && interval.closed_completed !== null) return interval;
    }
    return null;
  }
  // Seconds that are missing between the first and the last.
  gaps(): number[] {
    const gaps: number[] = [];
    for (let i = 1; i < this.ks.length; ++i) {
      for (let k = this.ks[i - 1]! + 1; k < this.ks[i]!; ++k) gaps.push(k);
    }
    return gaps;
  }

  private insert(k: number): void {
    let at = this.ks.length; // nearly always the end
    while (at > 0 && this.ks[at - 1]! > k) --at;
    this.ks.splice(at, 0, k);
  }
}
