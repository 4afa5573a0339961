// The outcomes of a slot, in the order in which people ask for them, and whose doing they are.

import type { Outcomes } from "./types";

export type Blame = "ok" | "target" | "generator" | "nobody";

const BLAME: Record<string, Blame> = {
  ok: "ok",
  failed: "target",
  timeout: "target",
  reset: "target",
  connect_error: "target",
  tls_error: "target",
  protocol_error: "target",
  skipped: "generator",
  local_error: "generator",
  unassigned: "generator",
  unknown: "generator",
  refused: "generator",
  abandoned: "nobody",
  cancelled: "nobody",
};

const WORDS: Record<string, string> = {
  connect_error: "connect error",
  tls_error: "TLS error",
  protocol_error: "protocol error",
  local_error: "local error",
};

export interface OutcomeCount {
  name: string;
  words: string;
  blame: Blame;
  count: number;
}

// Those that occurred (and ok always), in the order above; one that this page does not know comes last.
export function occurred(outcomes: Outcomes): OutcomeCount[] {
  const names = [...new Set([...Object.keys(BLAME), ...Object.keys(outcomes)])];
  return names
    .map((name) => ({
      name,
      words: WORDS[name] ?? name,
      blame: BLAME[name] ?? "nobody",
      count: outcomes[name] ?? 0,
    }))
    .filter((outcome) => outcome.count > 0 || outcome.name === "ok");
}

export const sum = (outcomes: Outcomes): number =>
  Object.values(outcomes).reduce((all, n) => all + n, 0);
