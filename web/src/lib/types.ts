// The objects of the REST API as the page uses them; controller/rest/openapi.json is the reference.

export type State =
  | "pending"
  | "running"
  | "stopping"
  | "finished"
  | "stopped"
  | "failed"
  | "inconsistent";

export type Outcomes = Record<string, number>;

export interface Distribution {
  count: number;
  mean_ms: number | null;
  p50_ms: number | null;
  p90_ms: number | null;
  p99_ms: number | null;
  p99_9_ms: number | null;
  max_ms: number | null;
}

export interface Interval {
  k: number;
  planned: number | null;
  outcomes: Outcomes;
  completed: number;
  versions: Record<string, number>;
  response_time: Distribution;
  service_time: Distribution;
  send_lag: Distribution;
  settled: boolean;
  closed_completed: number | null;
  coverage: number | null;
}

export interface Change {
  revision: number;
  kind: string;
  at: string;
  detail: string;
}

export type AgentState = "joining" | "ready" | "spare" | "draining" | "lost";

export interface Agent {
  name: string;
  incarnation: string;
  state: AgentState;
  share: number;
  threads: number;
  capacity_rps: number | null;
  send_lag_p99_ms: number | null;
  clock_offset_ms: number | null;
  clock_error_ms: number | null;
}

export interface Stage {
  duration?: string;
  duration_ms?: number;
  rate?: number;
  from?: number;
  to?: number;
}

export interface Spec {
  name: string;
  target: { url: string; method?: string; version_header?: string };
  load: {
    model: "open" | "closed";
    stages?: Stage[];
    connections?: number;
    duration?: string;
    duration_ms?: number;
  };
  agents?: { min?: number };
}

// What every answer has; `omit=spec,agents` leaves out the rest of a Test.
export interface BriefTest {
  id: string;
  name: string;
  state: State;
  reason: string | null; // why it stops, stopped, failed or is inconsistent
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  elapsed_s: number;
  totals: {
    planned: number | null;
    started?: number;
    outcomes: Outcomes;
    outstanding: number;
    resends: number;
    versions: Record<string, number>;
  };
  rates: { planned: number | null; sent: number; completed: number };
  last_second: { planned: number | null; completed: number; coverage: number };
  response_time: Distribution;
  service_time: Distribution;
  send_lag: Distribution;
  books: { balanced: boolean };
  thresholds: { metric: string; expression: string; ok: boolean; value: number | null }[];
  verdict: { generator: "valid" | "suspect" | "invalid"; reasons: string[] };
}

export interface Test extends BriefTest {
  spec: Spec;
  agents: Agent[];
}

export interface FieldError {
  pointer: string;
  detail: string;
}

export function hasEnded(state: State): boolean {
  return !["pending", "running", "stopping"].includes(state);
}
